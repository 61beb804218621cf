//go:build linux

package conformance

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A name that exists: what a new writer makes of it, and what it leaves of the old.
func TestWriteOver(t *testing.T) {
	skipShort(t)
	rows := []struct {
		base, about string
		first       uint64 // number of the new writer's first frame
		took        bool   // the old writer died
		old         uint32 // State of the old file afterwards
		as          string
		edit        func(raw)
		err         string
	}{
		{base: "rgba", about: "an orderly end", first: 0, old: 3},
		{base: "failed", about: "an orderly end of a failed source", first: 0, old: 3},
		{base: "tomorrow", about: "an orderly end of a later minor version", first: 0, old: 3},
		{base: "numbers", about: "an orderly end with the last numbers", first: 0, old: 3},
		{base: "kept", about: "a kept value", first: 3, old: 3},
		{base: "left", about: "a death in the middle of frame 5", first: 6, took: true, old: 5},
		{base: "dead", about: "a death that somebody has seen", first: 3, took: true, old: 5},
		{base: "moved", about: "a generation that moved, and no next one", first: 3, took: true, old: 4},
		{base: "left", about: "a death after frame 9 was claimed", first: 10, took: true, old: 5, edit: func(b raw) {
			b.set64(b.dyn(256), 10<<16)
		}},
		{base: "left", about: "a death, and a slot that is ahead of all words", first: 21, took: true, old: 5, edit: func(b raw) {
			b.set64(b.record(1, 0), 2*20+1)
		}},
		{base: "empty", about: "a death before the first frame of a generation that begins at 7", first: 7, took: true, old: 5, edit: func(b raw) {
			b.set64(144, 7)
			b.sign()
		}},
		{base: "numbers", about: "a death with the last numbers", first: 0, took: true, old: 5, edit: func(b raw) { b.set32(b.dyn(0), 1) }},
		{base: "kept", about: "a kept value with the last number", first: 0, old: 3, edit: func(b raw) { b.set64(b.dyn(256), 1<<63) }},
		{base: "alive", about: "a living writer", err: "busy"},
		{base: "gray8", about: "no segment", edit: func(b raw) { b[0] = 'X' }, err: "damaged"},
		{base: "gray8", about: "another major", edit: func(b raw) { b.set16(8, 2); b.sign() }, err: "version"},
		{base: "gray8", about: "a symbolic link", as: "symlink", err: "untrusted"},
		{base: "gray8", about: "a FIFO", as: "fifo", err: "untrusted"},
		{base: "gray8", about: "a directory", as: "directory", err: "untrusted"},
		{base: "gray8", about: "a file that all may write", as: "mode 0666", err: "untrusted"},
	}
	each(t, func(t *testing.T, c *client) {
		c.needs(t, "write")
		for _, row := range rows {
			t.Run(row.base+" "+row.about, func(t *testing.T) {
				dir, b := testDir(t), readGolden(t, row.base).b
				if row.edit != nil {
					row.edit(b)
				}
				path, control := filepath.Join(dir, "cam0"), filepath.Join(dir, controlName("cam0", b))
				put(t, path, b, row.as)
				put(t, control, controlFile(b), "")
				command := []string{"write", "cam0", "--format", "gray8", "--await", "1", "--linger", "0"}
				if row.base == "alive" {
					hold(t, path)
				}
				if row.err != "" {
					before := names(t, dir)
					start(t, c, dir, command...).fails(t, row.err)
					require.Equal(t, before, names(t, dir), "nothing is made or removed")
					return
				}
				old := openFile(t, path)
				w := start(t, c, dir, command...)
				generation := w.ready(t).Generation
				p := newPeer(t, dir, w)
				made := p.look()
				require.Equal(t, generation, made.digits(104, 16))
				require.Equal(t, row.first, made.u64(144), "FirstFrame")
				require.Equal(t, row.took, made.u32(180)&4 != 0, "Flags: took over from a dead writer")
				if row.took {
					require.Equal(t, b.digits(104, 16), made.digits(120, 16), "Previous")
				} else {
					require.Zero(t, made.u64(120)|made.u64(128), "Previous, after a clean end")
				}
				state := make(raw, 4)
				_, err := old.ReadAt(state, int64(b.dyn(0)))
				require.NoError(t, err)
				require.Equal(t, row.old, state.u32(0), "State of the old file")
				require.Equal(t, []string{controlName("cam0", made), "cam0"}, names(t, dir), "the old control file is gone")
				p.register(0, 0, 0)
				require.Equal(t, row.first, *w.frame(t).Published)
				w.stop(t)
				require.Empty(t, names(t, dir))
			})
		}
	})
}

func names(t testing.TB, dir string) (all []string) {
	t.Helper()
	there, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range there {
		all = append(all, e.Name())
	}
	slices.Sort(all)
	return all
}
