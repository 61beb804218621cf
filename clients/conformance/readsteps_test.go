//go:build linux

package conformance

// Readers beside a writer that stops between two steps.

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// wantFrame waits for this frame from a reader.
func wantFrame(t testing.TB, r *process, number, missed uint64) {
	t.Helper()
	l := r.frame(t)
	require.Equal(t, number, *l.Number, r.who)
	require.Equal(t, missed, l.Missed, "%s: missed before frame %d", r.who, number)
}

// Reading the newest frame, waiting, and what ends it. Each row begins with a segment
// without a frame and a reader that waits for one.
func TestReadSteps(t *testing.T) {
	skipShort(t)
	rows := []struct {
		name string
		run  func(*script, *process)
	}{
		{"a frame of which no event tells is found", func(s *script, r *process) {
			s.complete(0)
			s.announce(0)
			wantFrame(s.t, r, 0, 0)
			s.die()
			r.fails(s.t, "died")
		}},
		{"what was passed over is counted", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			for n := range uint64(4) {
				s.complete(n + 1)
			}
			s.announce(4)
			s.ring()
			wantFrame(s.t, r, 4, 3)
			s.final(4)
			s.state(3)
			r.ends(s.t, "eof")
		}},
		{"a frame published just before the death", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.complete(1)
			s.announce(1) // and neither event nor state
			s.die()
			wantFrame(s.t, r, 1, 0)
			r.fails(s.t, "died")
		}},
		{"a death without a frame", func(s *script, r *process) {
			s.die()
			r.fails(s.t, "died")
		}},
		{"a death in the middle of a frame", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.sequence(1, 3)
			s.die()
			r.fails(s.t, "died")
		}},
		{"an end of which no event tells", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.final(0)
			s.state(3)
			r.ends(s.t, "eof")
		}},
		{"an end without a frame", func(s *script, r *process) {
			s.state(3)
			s.ring()
			r.ends(s.t, "eof")
		}},
		{"an end and a free lock are no death", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.final(0)
			s.state(3)
			s.die()
			r.ends(s.t, "eof")
		}},
		{"the last frame before the end", func(s *script, r *process) {
			s.complete(0)
			s.announce(0)
			s.final(0)
			s.state(3)
			s.die()
			wantFrame(s.t, r, 0, 0)
			r.ends(s.t, "eof")
		}},
		{"state dead beside a held lock", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.state(5)
			s.ring()
			r.fails(s.t, "died")
		}},
		{"states that are as live", func(s *script, r *process) {
			for i, state := range []uint32{2, 0, 9} {
				s.state(state)
				s.ring()
				s.publish(uint64(i))
				wantFrame(s.t, r, uint64(i), 0)
			}
			s.state(9)
			s.die()
			r.fails(s.t, "died")
		}},
		{"a slot that is still being written is waited for", func(s *script, r *process) {
			s.complete(0)
			s.sequence(0, 1)
			s.announce(0)
			s.ring()
			r.stays(s.t)
			s.sequence(0, 2)
			s.ring()
			wantFrame(s.t, r, 0, 0)
			s.die()
			r.fails(s.t, "died")
		}},
		{"a move is followed", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.move(1, nil)
			s.publish(1)
			wantFrame(s.t, r, 1, 0)
			s.die()
			r.fails(s.t, "died")
		}},
		{"the last frame before a move", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.complete(1)
			s.complete(2)
			s.announce(2)
			s.move(3, nil)
			wantFrame(s.t, r, 2, 1)
			s.publish(3)
			wantFrame(s.t, r, 3, 0)
			s.die()
			r.fails(s.t, "died")
		}},
		{"after a move the name is gone", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.final(0)
			require.NoError(s.t, os.Remove(filepath.Join(s.dir, "cam0")))
			s.state(4)
			s.ring()
			r.ends(s.t, "eof")
		}},
		{"after a move another chain has the name", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.move(1, func(next raw) { next.set64(136, 1) })
			r.ends(s.t, "eof")
		}},
		{"after a move, and a death, another chain has the name", func(s *script, r *process) {
			s.publish(0)
			wantFrame(s.t, r, 0, 0)
			s.move(1, func(next raw) { next.set64(136, 1); next.set32(180, next.u32(180)|4) })
			r.fails(s.t, "died")
		}},
	}
	each(t, func(t *testing.T, c *client) {
		c.needs(t, "read")
		t.Parallel()
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				s := newScript(t)
				r := start(t, c, s.dir, "read", "cam0")
				r.ready(t)
				row.run(s, r)
			})
		}
	})
}

// Lossless: joining, promises, cursors. Each row begins with a reader that has stored
// its token.
func TestLosslessSteps(t *testing.T) {
	skipShort(t)
	rows := []struct {
		name string
		run  func(s *script, r *process, cell int, token uint64)
	}{
		{"from the first frame promised on, and the cursor follows", func(s *script, r *process, cell int, token uint64) {
			for n := range uint64(3) {
				s.publish(n)
			}
			s.answer(cell, token, 1, 0, 1)
			r.ready(s.t)
			wantFrame(s.t, r, 1, 0)
			wantFrame(s.t, r, 2, 0)
			eventually(s.t, "the cursor is at frame 2", func() bool { return s.cell(cell, 8) == 3 })
			require.NotZero(s.t, s.cell(0, 64)&0xFFFF_FFFF, "the cursor event was never rung")
			require.Equal(s.t, s.b.u64(104), s.cell(cell, 96), "SeenGen")
			require.Equal(s.t, uint64(2), s.cell(cell, 64)&0xFFFF_FFFF, "Mode")
			r.stop(s.t)
			require.Zero(s.t, s.cell(cell, 0), "who leaves in order clears the token")
		}},
		{"refused", func(s *script, r *process, cell int, token uint64) {
			s.answer(cell, token, 3, 1, 0)
			r.fails(s.t, "refused")
		}},
		{"evicted, though the frame is still there", func(s *script, r *process, cell int, token uint64) {
			s.publish(0)
			s.answer(cell, token, 1, 0, 0)
			wantFrame(s.t, r, 0, 0)
			at := int(s.b.u32(40)) + cell*int(s.b.u32(44))
			s.set32(at+8, 2)
			s.publish(1)
			r.fails(s.t, "evicted")
		}},
		{"the answer is another reader's by now", func(s *script, r *process, cell int, token uint64) {
			s.publish(0)
			s.answer(cell, token, 1, 0, 0)
			wantFrame(s.t, r, 0, 0)
			s.answer(cell, token+1, 1, 0, 5)
			r.fails(s.t, "evicted")
		}},
		{"an answer to another token is none", func(s *script, r *process, cell int, token uint64) {
			s.publish(0)
			s.answer(cell, token+1, 1, 0, 0)
			r.stays(s.t)
			s.answer(cell, token, 1, 0, 0)
			wantFrame(s.t, r, 0, 0)
			s.die()
			r.fails(s.t, "died")
		}},
		{"a promised frame is gone", func(s *script, r *process, cell int, token uint64) {
			s.publish(0)
			s.answer(cell, token, 1, 0, 0)
			wantFrame(s.t, r, 0, 0)
			eventually(s.t, "frame 0 is let go", func() bool { return s.cell(cell, 8) == 1 })
			for n := range uint64(4) {
				s.complete(n + 1)
			}
			s.announce(4)
			s.ring()
			r.fails(s.t, "lost")
		}},
		{"the writer dies before it answers", func(s *script, r *process, _ int, _ uint64) {
			s.publish(0)
			s.publish(1)
			s.die()
			wantFrame(s.t, r, 1, 0)
			r.fails(s.t, "died")
		}},
		{"the writer ends before it answers", func(s *script, r *process, _ int, _ uint64) {
			s.publish(0)
			s.final(0)
			s.state(3)
			s.ring()
			wantFrame(s.t, r, 0, 0)
			r.ends(s.t, "eof")
		}},
		{"the end before the first frame", func(s *script, r *process, _ int, _ uint64) {
			s.state(3)
			s.ring()
			r.ends(s.t, "eof")
		}},
		{"everything that a dead writer had published", func(s *script, r *process, cell int, token uint64) {
			s.answer(cell, token, 1, 0, 0)
			r.ready(s.t)
			for n := range uint64(3) {
				s.complete(n)
			}
			s.announce(2)
			s.die()
			for n := range uint64(3) {
				wantFrame(s.t, r, n, 0)
			}
			r.fails(s.t, "died")
		}},
		{"the cell goes on over a move", func(s *script, r *process, cell int, token uint64) {
			s.publish(0)
			s.publish(1)
			s.answer(cell, token, 1, 0, 0)
			s.move(2, nil)
			s.publish(2)
			for n := range uint64(3) {
				wantFrame(s.t, r, n, 0)
			}
			eventually(s.t, "SeenGen is the new generation", func() bool { return s.cell(cell, 96) == s.b.u64(104) })
			require.Equal(s.t, token, s.cell(cell, 0), "nobody joins again")
			s.final(2)
			s.state(3)
			r.ends(s.t, "eof")
		}},
		{"the answer comes in the next generation", func(s *script, r *process, cell int, token uint64) {
			s.move(5, nil)
			s.publish(5)
			s.answer(cell, token, 1, 0, 5)
			wantFrame(s.t, r, 5, 0)
			s.die()
			r.fails(s.t, "died")
		}},
	}
	each(t, func(t *testing.T, c *client) {
		c.needsMode(t, "lossless")
		t.Parallel()
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				s := newScript(t)
				r := start(t, c, s.dir, "read", "cam0", "--mode", "lossless")
				cell, token := s.joining()
				row.run(s, r, cell, token)
			})
		}
	})
}
