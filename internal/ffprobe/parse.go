package ffprobe

// Reading ffprobe's JSON. It comes from a program that looks into hostile files: every value may be missing, of another
// type or absurd.

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// text is a JSON string or number: ffprobe writes some numbers as one, some as the other.
type text string

// UnmarshalJSON takes strings and numbers; anything else counts as missing.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	var n json.Number
	if json.Unmarshal(b, &n) == nil {
		*t = text(n.String())
	}
	return nil
}

func (t text) int() int64 {
	n, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// small is for sizes and counts: not negative, and below 2^31.
func (t text) small() int {
	if n := t.int(); n >= 0 && n <= math.MaxInt32 {
		return int(n)
	}
	return 0
}

// seconds is a time such as "3.200000"; absurd ones count as missing.
func (t text) seconds() time.Duration {
	f, err := strconv.ParseFloat(string(t), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > math.MaxInt64/1e10 {
		return 0
	}
	return time.Duration(math.Round(f * 1e9))
}

// ratio is "30000/1001" or "12:11"; anything but two positive numbers below 2^31 is unknown.
func (t text) ratio() ffargs.Ratio {
	num, den, ok := strings.Cut(strings.ReplaceAll(string(t), ":", "/"), "/")
	r := ffargs.Ratio{Num: int64(text(num).small()), Den: int64(text(den).small())}
	if !ok || !r.Known() {
		return ffargs.Ratio{}
	}
	return r
}

// word is a name; ffprobe writes unknown and N/A for what it does not know.
func (t text) word() string {
	if t == "unknown" || t == "N/A" || t == "unspecified" || t == "reserved" {
		return ""
	}
	return string(t)
}

type report struct {
	Streams []stream `json:"streams"`
	Format  struct {
		Name     text `json:"format_name"`
		Duration text `json:"duration"`
		Start    text `json:"start_time"`
	} `json:"format"`
}

type stream struct {
	Index       text            `json:"index"`
	Type        text            `json:"codec_type"`
	Codec       text            `json:"codec_name"`
	Profile     text            `json:"profile"`
	Width       text            `json:"width"`
	Height      text            `json:"height"`
	SAR         text            `json:"sample_aspect_ratio"`
	PixFmt      text            `json:"pix_fmt"`
	Bits        text            `json:"bits_per_raw_sample"`
	Range       text            `json:"color_range"`
	Matrix      text            `json:"color_space"`
	Primaries   text            `json:"color_primaries"`
	Transfer    text            `json:"color_transfer"`
	FieldOrder  text            `json:"field_order"`
	TimeBase    text            `json:"time_base"`
	AvgRate     text            `json:"avg_frame_rate"`
	RealRate    text            `json:"r_frame_rate"`
	Frames      text            `json:"nb_frames"`
	Duration    text            `json:"duration"`
	Start       text            `json:"start_time"`
	SampleRate  text            `json:"sample_rate"`
	Channels    text            `json:"channels"`
	Layout      text            `json:"channel_layout"`
	Disposition map[string]text `json:"disposition"`
	Tags        map[string]text `json:"tags"`
	SideData    []struct {
		Rotation text `json:"rotation"`
	} `json:"side_data_list"`
}

// Parse reads the JSON of "ffprobe -show_streams -show_format". It returns ErrNotMedia if it is no such JSON or has no streams, and
// ErrNoPicture, together with what there is, if none of them is a moving picture.
func Parse(data []byte) (*Info, error) {
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%w: ffprobe's answer is not understood: %w", ErrNotMedia, err)
	}
	if len(r.Streams) == 0 {
		return nil, fmt.Errorf("%w: nothing in it that ffmpeg knows", ErrNotMedia)
	}
	info := &Info{
		Format:   string(r.Format.Name),
		Duration: max(0, r.Format.Duration.seconds()),
		Start:    r.Format.Start.seconds(),
		Picture:  Picture{Index: -1},
	}
	for _, s := range r.Streams {
		switch {
		case s.Type == "video" && info.Picture.Index < 0 && !s.isCoverArt():
			info.Picture = s.picture()
		case s.Type == "audio":
			info.Audio = append(info.Audio, Audio{
				Index: s.Index.small(), Codec: s.Codec.word(), Rate: s.SampleRate.small(), Channels: s.Channels.small(), Layout: s.Layout.word(),
			})
		}
	}
	if info.Picture.Index < 0 {
		return info, ErrNoPicture
	}
	return info, nil
}

func (s *stream) isCoverArt() bool {
	return s.Disposition["attached_pic"].int() != 0 || s.Disposition["timed_thumbnails"].int() != 0
}

func (s *stream) picture() Picture {
	return Picture{
		Index: s.Index.small(), Codec: s.Codec.word(), Profile: s.Profile.word(),
		Width: s.Width.small(), Height: s.Height.small(),
		SampleAspect: s.SAR.ratio(), PixelFormat: s.PixFmt.word(), Bits: s.Bits.small(),
		Color:      ffargs.Color{Range: s.Range.word(), Matrix: s.Matrix.word(), Primaries: s.Primaries.word(), Transfer: s.Transfer.word()},
		FieldOrder: s.FieldOrder.word(), TimeBase: s.TimeBase.ratio(), AvgRate: s.AvgRate.ratio(), RealRate: s.RealRate.ratio(),
		Frames: max(0, s.Frames.int()), Duration: max(0, s.Duration.seconds()), Start: s.Start.seconds(),
		Rotation: s.rotation(),
	}
}

// rotation turns ffprobe's counter-clockwise angle around. ffmpeg turns by quarters only.
func (s *stream) rotation() int {
	angle := -s.Tags["rotate"].seconds() // older versions: clockwise, as a tag
	for _, d := range s.SideData {
		if d.Rotation != "" {
			angle = d.Rotation.seconds()
			break
		}
	}
	quarters := int(math.Round(-angle.Seconds()/90)) % 4
	return (quarters + 4) % 4 * 90
}
