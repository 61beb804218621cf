//go:build linux

package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf/config"
)

// What a program pays once a frame.
func BenchmarkCurrent(b *testing.B) {
	b.Run("unchanged", func(b *testing.B) {
		dir := testDir(b, "cfg")
		set(b, dir, map[string]any{"motion.threshold": 20, "motion.max_boxes": 8, "scene.ratio": 1.7, "name": "hall"})
		r := open(b, dir)
		b.ReportAllocs()
		for b.Loop() {
			_, err := r.Current(b.Context())
			require.NoError(b, err)
		}
	})
	b.Run("not there yet", func(b *testing.B) {
		r := open(b, testDir(b))
		b.ReportAllocs()
		for b.Loop() {
			_, err := r.Current(b.Context())
			require.NoError(b, err)
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	dir := testDir(b, "cfg")
	set(b, dir, map[string]any{"name": "hall"})
	r := open(b, dir)
	for b.Loop() {
		_, err := config.Update(b.Context(), "cfg", &config.Options{Dir: dir}, count)
		require.NoError(b, err)
		_, err = r.Current(b.Context())
		require.NoError(b, err)
	}
}
