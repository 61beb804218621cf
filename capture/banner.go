package capture

// What ffmpeg says of its input before it decodes:
//
//	Input #0, mpegts, from 'tcp://127.0.0.1:18090':
//	  Stream #0:0[0x100]: Video: mpeg2video (Main) ([2][0][0][0] / 0x0002), yuv420p(tv, progressive), 64x48 [SAR 1:1 ...
//	  Stream #0:1[0x101]: Audio: mp2 ([3][0][0][0] / 0x0003), 44100 Hz, mono, fltp, 384 kb/s

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"sync"
)

var (
	bannerInput = regexp.MustCompile(`^Input #0, (.+), from '`)
	bannerVideo = regexp.MustCompile(`^Stream #0:.*?: Video: (\w+)[^,]*, (\w+).*?, (\d+)x(\d+)`)
	bannerAudio = regexp.MustCompile(`^Stream #0:.*?: Audio: (\w+)[^,]*(?:, (\d+) Hz, ([^,]+))?`)
)

// channelCounts are the usual layouts; others are printed as "N channels".
var channelCounts = map[string]int{
	"mono": 1, "stereo": 2, "2.1": 3, "3.0": 3, "3.1": 4, "4.0": 4, "quad": 4, "5.0": 5, "5.0(side)": 5, "5.1": 6, "5.1(side)": 6, "6.1": 7, "7.1": 8,
}

// banner collects these lines. Safe for concurrent use.
type banner struct {
	mu     sync.Mutex
	over   bool // the lines that follow are about the output
	source SourceInfo
}

func (b *banner) line(l logLine) {
	if l.level != levelInfo || len(l.context) > 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	text := bytes.TrimSpace(l.text)
	if b.over || bytes.HasPrefix(text, []byte("Stream mapping")) || bytes.HasPrefix(text, []byte("Output #")) {
		b.over = true
		return
	}
	s := &b.source
	if m := bannerInput.FindSubmatch(text); m != nil {
		s.Container = string(m[1])
	} else if m := bannerVideo.FindSubmatch(text); m != nil && s.Codec == "" {
		s.Codec, s.PixelFormat = string(m[1]), string(m[2])
		width, err1 := strconv.Atoi(string(m[3]))
		height, err2 := strconv.Atoi(string(m[4]))
		if err1 == nil && err2 == nil { // else more digits than fit
			s.Width, s.Height = width, height
		}
	} else if m := bannerAudio.FindSubmatch(text); m != nil && s.AudioCodec == "" {
		s.AudioCodec = string(m[1])
		s.AudioRate, _ = strconv.Atoi(string(m[2])) // 0 if it is not known
		s.AudioChannels = channelCounts[string(m[3])]
		if s.AudioChannels == 0 {
			_, _ = fmt.Sscanf(string(m[3]), "%d channels", &s.AudioChannels)
		}
	}
}

// said is what was learnt.
func (b *banner) said() SourceInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.source
}
