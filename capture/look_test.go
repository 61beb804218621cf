package capture

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffprobe"
)

func TestDescribe(t *testing.T) {
	const video = `"codec_type":"video","codec_name":"h264","width":640,"height":360`
	for _, row := range []struct {
		name, text string
		check      func(t *testing.T, c *Capture)
	}{
		{"nothing known", `{"streams":[{` + video + `,"sample_aspect_ratio":"0:1","avg_frame_rate":"0/0","r_frame_rate":"0/0","time_base":"0/0","duration":"N/A"}],"format":{}}`, func(t *testing.T, c *Capture) {
			require.Zero(t, c.source.Rate)
			require.Zero(t, c.source.Aspect)
			require.Zero(t, c.source.Duration)
			require.Zero(t, c.expectEnd)
			require.True(t, c.source.Live, "an address without a duration")
		}},
		{"turned left", `{"streams":[{` + video + `,"sample_aspect_ratio":"4:3","side_data_list":[{},{"rotation":90}]}],"format":{"duration":"5"}}`, func(t *testing.T, c *Capture) {
			require.Equal(t, 270, c.source.Rotation)
			require.Equal(t, [2]int{360, 640}, [2]int{c.source.Width, c.source.Height})
			require.Equal(t, "3/4", c.source.Aspect.String())
			require.Equal(t, 5*time.Second, c.source.Duration, "there is no other stream")
			require.False(t, c.source.Live)
		}},
		{"picture begins after the sound", `{"streams":[{` + video + `,"start_time":"2.5","duration":"4"},{"codec_type":"audio","sample_rate":"48000","channels":2}],"format":{"start_time":"0.5","duration":"9"}}`, func(t *testing.T, c *Capture) {
			require.Equal(t, 6*time.Second, c.expectEnd)
			require.Equal(t, 4*time.Second, c.source.Duration)
			require.Equal(t, 48000, c.source.AudioRate)
		}},
		{"matroska counts from 0", `{"streams":[{` + video + `,"start_time":"10"}],"format":{"format_name":"matroska,webm","start_time":"10","duration":"10.8"}}`, func(t *testing.T, c *Capture) {
			require.Equal(t, 800*time.Millisecond, c.expectEnd)
		}},
		{"the container's duration may be that of the sound", `{"streams":[{` + video + `},{"codec_type":"audio"}],"format":{"duration":"9"}}`, func(t *testing.T, c *Capture) {
			require.Zero(t, c.expectEnd)
		}},
		{"variable rate", `{"streams":[{` + video + `,"r_frame_rate":"1000/1","avg_frame_rate":"24000/2240"}],"format":{}}`, func(t *testing.T, c *Capture) {
			require.Equal(t, "24000/2240", c.source.Rate.String())
		}},
		{"nearly constant rate", `{"streams":[{` + video + `,"r_frame_rate":"30/1","avg_frame_rate":"2500/83"}],"format":{}}`, func(t *testing.T, c *Capture) {
			require.Equal(t, "30/1", c.source.Rate.String())
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, err := ffprobe.Parse([]byte(row.text))
			require.NoError(t, err)
			c := &Capture{input: ffargs.Input{Kind: ffargs.URL}}
			require.NoError(t, c.describe(found))
			row.check(t, c)
		})
	}
	require.ErrorIs(t, (&Capture{}).describe(&ffprobe.Info{}), ErrNotMedia, "a picture without a size")
}
