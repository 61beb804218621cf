package ffargs

// What a graph behind lavfi: may be made of. The name of an input is hostile, and a filter graph can read files (movie,
// drawtext), load libraries (frei0r, ladspa) and open sockets (zmq). The graph of Capture.Filter is trusted instead.

import (
	"fmt"
	"strings"
)

// lavfiFilters are the filters that touch nothing but their frames. Left out are all with an option that names a file or an
// address, and showinfo, whose lines would pass for those of ours.
const lavfiFilters = " " +
	// sources of pictures; life and cellauto read files
	"allrgb allyuv color colorchart colorspectrum gradients haldclutsrc mandelbrot mptestsrc nullsrc pal100bars pal75bars perlin " +
	"rgbtestsrc sierpinski smptebars smptehdbars testsrc testsrc2 yuvtestsrc zoneplate " +
	// sources of sound
	"aevalsrc anoisesrc anullsrc sinc sine " +
	// pictures
	"alphaextract alphamerge avgblur bbox blend boxblur bwdif chromakey chromashift colorbalance colorchannelmixer colorhold " +
	"colorkey colorlevels colormatrix colorspace colortemperature concat copy crop decimate deflate delogo dilation drawbox " +
	"drawgrid edgedetect eq erosion extractplanes fade field fieldorder fillborders format fps framerate framestep gblur geq gradfun " +
	"grayworld hflip histeq hqdn3d hstack hue huesaturation idet inflate interlace interleave kerndeint lagfun lenscorrection limiter loop " +
	"lumakey lut lutrgb lutyuv mergeplanes mix monochrome mpdecimate negate noformat noise normalize null nullsink overlay pad perspective " +
	"pixelize premultiply pseudocolor random realtime repeatfields reverse rgbashift rotate scale scroll select separatefields setdar setfield " +
	"setparams setpts setrange setsar settb shear shuffleframes shuffleplanes shufflepixels smartblur sobel split swaprect swapuv tblend telecine " +
	"tile tinterlace tmix tpad transpose trim unpremultiply unsharp vflip vibrance vignette vstack weave xfade xstack yadif zoompan " +
	// sound
	"abuffersink acopy adelay aecho aeval afade aformat aloop amerge amix anull anullsink apad aphaser arealtime aresample areverse aselect " +
	"asetpts asetrate asettb asplit atempo atrim bass channelmap channelsplit compand equalizer highpass join loudnorm lowpass pan tremolo " +
	"treble vibrato volume "

const graphSpace = " \n\t\r"

// checkLavfi refuses a graph with a filter that is not among lavfiFilters. It cuts the graph as ffmpeg does; where it cannot,
// the graph is refused as well.
func checkLavfi(graph string) error {
	rest := strings.TrimLeft(graph, graphSpace)
	for {
		rest = skipLabels(rest)
		var name, options string
		name, rest = graphToken(rest, "=,;[")
		name, _, _ = strings.Cut(name, "@") // the name of the instance
		if name == "sws_flags" {
			return fmt.Errorf("%w: sws_flags cannot stand in front of a lavfi graph; give scale its flags", ErrInput)
		}
		if strings.ContainsAny(name, graphSpace) || name == "" || !strings.Contains(lavfiFilters, " "+name+" ") {
			return fmt.Errorf("%w: a lavfi input is made of sources and filters that touch nothing but frames, and %q is not known as one; "+
				"a filter graph (--vf) is trusted and may have any", ErrInput, name)
		}
		if strings.HasPrefix(rest, "=") {
			options, rest = graphToken(rest[1:], "[],;")
		}
		if readsOptionFile(options) {
			return fmt.Errorf("%w: an option of %s in the lavfi graph would be read from a file", ErrInput, name)
		}
		rest = skipLabels(rest)
		switch {
		case rest == "":
			return nil
		case rest[0] != ',' && rest[0] != ';':
			return fmt.Errorf("%w: the lavfi graph is not understood at %q", ErrInput, Redact(rest))
		}
		rest = strings.TrimLeft(rest[1:], graphSpace)
	}
}

// readsOptionFile finds /NAME=FILE, with which ffmpeg reads an option from a file since 7.0.
func readsOptionFile(options string) bool {
	bare := strings.NewReplacer(" ", "", "\n", "", "\t", "", "\r", "", `\`, "", "'", "").Replace(options)
	return strings.HasPrefix(bare, "/") || strings.Contains(bare, ":/")
}

func skipLabels(s string) string {
	for s = strings.TrimLeft(s, graphSpace); strings.HasPrefix(s, "["); s = strings.TrimLeft(s, graphSpace) {
		_, s = graphToken(s[1:], "]")
		s = strings.TrimPrefix(s, "]")
	}
	return s
}

// graphToken takes the text before the first of ends, as libavutil's av_get_token does: \ takes the next byte as it is, '
// all up to the next '.
func graphToken(s, ends string) (token, rest string) {
	var out strings.Builder
	s = strings.TrimLeft(s, graphSpace)
	for s != "" && strings.IndexByte(ends, s[0]) < 0 {
		c := s[0]
		s = s[1:]
		switch {
		case c == '\\' && s != "":
			out.WriteByte(s[0])
			s = s[1:]
		case c == '\'':
			quoted, after, _ := strings.Cut(s, "'")
			out.WriteString(quoted)
			s = after
		default:
			out.WriteByte(c)
		}
	}
	return strings.TrimRight(out.String(), graphSpace), s
}
