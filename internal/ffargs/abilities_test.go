package ffargs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// list reads a shortened list of ffmpeg 5.1.9.
func list(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(b)
}

func TestParseLists(t *testing.T) {
	for _, tt := range []struct {
		name  string
		parse func(string) map[string]bool
		file  string
		yes   string
		no    string
	}{
		{"encoders", ffargs.ParseEncoders, "encoders.txt", "libx264 rawvideo pcm_s16le a64multi", "= Video Encoders: ------ V....."},
		{"muxers", ffargs.ParseMuxers, "muxers.txt", "matroska nut mp4 3g2", "= -- Muxing"},
		{"formats", ffargs.ParseMuxers, "formats.txt", "nut", "concat matroska webm ="},
		{"filters", ffargs.ParseFilters, "filters.txt", "showinfo frei0r scale abench", "= support Timeline"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.parse(list(t, tt.file))
			for _, name := range strings.Fields(tt.yes) {
				require.True(t, got[name], name)
			}
			for _, name := range strings.Fields(tt.no) {
				require.False(t, got[name], name)
			}
		})
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]ffargs.Version{
		"ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026":     {Major: 5, Minor: 1},
		"ffmpeg version n7.1.1 Copyright":                            {Major: 7, Minor: 1},
		"ffmpeg version 7:4.4.2-0ubuntu0.22.04.1 Copyright":          {Major: 4, Minor: 4},
		"ffprobe version 4.1 Copyright":                              {Major: 4, Minor: 1},
		"ffmpeg version N-113007-g8d24a28d06-20231220 Copyright (c)": {},
	} {
		got, ok := ffargs.ParseVersion(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "avconv version 9", "ffmpeg", " ffmpeg version 5.1"} {
		_, ok := ffargs.ParseVersion(text)
		require.False(t, ok, text)
	}
	require.Equal(t, "unknown", ffargs.Version{}.String())
}

func TestIdentify(t *testing.T) {
	v, err := ffargs.Identify("/bin/ffmpeg", "ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright")
	require.NoError(t, err)
	require.False(t, v.Tried())
	v, err = ffargs.Identify("/bin/ffmpeg", "ffmpeg version N-113007-g8d24a28d06 Copyright")
	require.NoError(t, err)
	require.True(t, v.Tried(), "a build without a number is taken for a recent one")
	_, err = ffargs.Identify("/bin/ffmpeg", "ffmpeg version 3.4.8-0ubuntu0.2 Copyright")
	require.EqualError(t, err, "/bin/ffmpeg is ffmpeg 3.4, which is too old: 4.4 or later is needed")
	_, err = ffargs.Identify("/bin/true", "")
	require.EqualError(t, err, "/bin/true does not say that it is ffmpeg")
}

func FuzzParseLists(f *testing.F) {
	for _, name := range []string{"encoders.txt", "muxers.txt", "filters.txt", "formats.txt"} {
		f.Add(list(f, name))
	}
	f.Add("ffmpeg version 5.1")
	f.Fuzz(func(t *testing.T, text string) {
		if v, ok := ffargs.ParseVersion(text); ok && (v.Major < 0 || v.Major > 9999 || v.Minor < 0 || v.Minor > 9999) {
			t.Fatalf("%+v", v)
		}
		for _, names := range []map[string]bool{ffargs.ParseEncoders(text), ffargs.ParseMuxers(text), ffargs.ParseFilters(text)} {
			for name := range names {
				if name == "" || name == "=" || strings.ContainsAny(name, ", \n") {
					t.Fatalf("the name %q", name)
				}
			}
		}
	})
}
