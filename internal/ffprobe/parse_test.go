package ffprobe_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffprobe"
)

func TestParse(t *testing.T) {
	info, err := ffprobe.Parse([]byte(`{"streams":[
		{"index":0,"codec_type":"video","codec_name":"mjpeg","width":9,"height":9,"disposition":{"attached_pic":1}},
		{"index":1,"codec_type":"audio","codec_name":"aac","sample_rate":"44100","channels":2,"channel_layout":"stereo"},
		{"index":"2","codec_type":"video","codec_name":"h264","width":640,"height":360,"sample_aspect_ratio":"0:1","color_space":"unknown",
		 "time_base":"1/15360","avg_frame_rate":"0/0","r_frame_rate":"30/1","nb_frames":"N/A","start_time":"-0.5","side_data_list":[{},{"rotation":180}]}],
		"format":{"format_name":"mov","duration":"3.2","start_time":"1e400"}}`))
	require.NoError(t, err)
	require.Equal(t, 2, info.Picture.Index)
	require.Equal(t, 180, info.Picture.Rotation)
	require.Equal(t, "30/1", info.Picture.Rate().String())
	require.False(t, info.Picture.SampleAspect.Known())
	require.Empty(t, info.Picture.Color.Matrix)
	require.Zero(t, info.Picture.Frames)
	require.Equal(t, -500*time.Millisecond, info.Picture.Start)
	require.Equal(t, 3200*time.Millisecond, info.Duration)
	require.Zero(t, info.Start)
	require.Len(t, info.Audio, 1)
}

func TestParseRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		json string
		want error
	}{
		"nothing":    {``, ffprobe.ErrNotMedia},
		"no object":  {`[]`, ffprobe.ErrNotMedia},
		"no streams": {`{}`, ffprobe.ErrNotMedia},
		"subtitles":  {`{"streams":[{"codec_type":"subtitle"}]}`, ffprobe.ErrNoPicture},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ffprobe.Parse([]byte(tt.json))
			require.ErrorIs(t, err, tt.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"streams":[{"index":0,"codec_type":"video","width":64,"height":48,"sample_aspect_ratio":"1:1","time_base":"1/25","start_time":"0.1",` +
		`"side_data_list":[{"rotation":-90}],"disposition":{"attached_pic":0},"tags":{"rotate":"90"}}],"format":{"duration":"1.0"}}`))
	f.Add([]byte(`{"streams":[{"codec_type":"video","width":-1,"height":99999999999,"time_base":"1/0","duration":"NaN","tags":{"rotate":"1e99"}}]}`))
	f.Add([]byte(`{"streams":[{"width":{}}],"format":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := ffprobe.Parse(b)
		if err != nil {
			return
		}
		p := info.Picture
		if p.Index < 0 || p.Width < 0 || p.Height < 0 || p.Frames < 0 || p.Duration < 0 || info.Duration < 0 {
			t.Fatalf("negative: %+v", info)
		}
		if p.Rotation%90 != 0 || p.Rotation < 0 || p.Rotation > 270 {
			t.Fatalf("rotation %d", p.Rotation)
		}
	})
}
