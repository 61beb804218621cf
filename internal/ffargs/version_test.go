package ffargs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// Whether ffmpeg loads plug-ins, as ffmpeg -version tells.
func TestHasFrei0r(t *testing.T) {
	const first = "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers\nbuilt with gcc 12 (Debian 12.2.0-14+deb12u1)\n"
	for _, row := range []struct {
		name, text string
		want       bool
	}{
		{"Debian's", first + "configuration: --prefix=/usr --enable-gpl --enable-frei0r --enable-libx264\nlibavutil      57. 28.100 / 57. 28.100\n", true},
		{"the last word", first + "configuration: --enable-gpl --enable-frei0r\n", true},
		{"no line end", first + "configuration: --enable-frei0r", true},
		{"built without", first + "configuration: --prefix=/usr --enable-gpl --enable-libx264\n", false},
		{"turned off", first + "configuration: --disable-frei0r\n", false},
		{"a word that only begins alike", first + "configuration: --enable-frei0r-later\n", false},
		{"said elsewhere", first + "configuration: --enable-gpl\nlibavutil --enable-frei0r\n", false},
		{"part of a path", first + "configuration: --prefix=/opt/--enable-frei0r\n", false},
		{"nothing", "", false},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, ffargs.HasFrei0r(row.text)) })
	}
}

// Formats that frei0r knows, in the order of bytes that a segment has.
func TestCanLane(t *testing.T) {
	for name, want := range map[string]bool{"rgba": true, "bgra": true, "rgb0": false, "argb": false, "rgb24": false, "yuv420p": false, "": false} {
		require.Equal(t, want, ffargs.CanLane(name), name)
	}
}
