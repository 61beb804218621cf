//go:build linux

package conformance

// One language writes, another one reads.

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// pair is a writer and a reader, which may be of one language.
type pair struct{ w, r *client }

// eachPair runs a test for every ordered pair.
func eachPair(t *testing.T, run func(*testing.T, pair)) {
	all := clients(t)
	for _, w := range all {
		for _, r := range all {
			t.Run(w.name+"-"+r.name, func(t *testing.T) {
				t.Parallel() // most of the time is waiting
				w.needs(t, "write")
				r.needs(t, "read")
				run(t, pair{w, r})
			})
		}
	}
}

// write starts a writer of segment cam0 and waits until it is there.
func (p pair) write(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	w := start(t, p.w, dir, append([]string{"write", "cam0"}, args...)...)
	w.ready(t)
	return w
}

// read starts a reader of cam0 and waits until it has opened it.
func (p pair) read(t testing.TB, dir, mode string, args ...string) *process {
	t.Helper()
	r := start(t, p.r, dir, append([]string{"read", "cam0", "--mode", mode, "--wait", "20"}, args...)...)
	r.ready(t)
	return r
}

// sameFrames compares what was read with what was published, field by field.
func sameFrames(t testing.TB, published, read []line) {
	t.Helper()
	var got, want []line
	for _, l := range read {
		require.Zero(t, l.Missed)
		got = append(got, l)
	}
	for _, l := range published {
		l.Number, l.Published = l.Published, nil
		want = append(want, l)
	}
	require.Equal(t, want, got)
}

// inOrder checks what a reader that may skip has seen: numbers rise, and what is
// between them was counted.
func inOrder(t testing.TB, read []line) {
	t.Helper()
	require.NotEmpty(t, read)
	require.Zero(t, read[0].Missed, "nothing can be missed before the first frame")
	for i := 1; i < len(read); i++ {
		require.Equal(t, *read[i-1].Number+1+read[i].Missed, *read[i].Number, "frame %d of %d", i, len(read))
	}
}

// cleared removes a segment that was left, and sees that nothing else is there.
func cleared(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, framebuf.Remove(dir, "cam0"))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestPair(t *testing.T) {
	skipShort(t)
	eachPair(t, func(t *testing.T, p pair) {
		t.Run("newest", p.newest)
		t.Run("lossless", p.lossless)
		t.Run("size within the capacity", func(t *testing.T) { p.resized(t, "3:16x8,6:15x7,9:32x16") })
		t.Run("size over the capacity", func(t *testing.T) {
			if !p.w.Moves {
				t.Skipf("%s does not move segments", p.w.name)
			}
			p.resized(t, "4:64x36,8:65x37")
		})
		t.Run("late", p.late)
		t.Run("restart", p.restart)
		t.Run("death", p.death)
		t.Run("take-over", p.takeOver)
		t.Run("refused", p.refused)
		t.Run("evicted", p.evicted)
		t.Run("busy", p.busy)
		t.Run("kept", p.kept)
	})
}

// newest: to the end, each frame whole, what was skipped is counted.
func (p pair) newest(t *testing.T) {
	for _, mode := range []string{"newest", "pinned"} {
		for _, format := range []string{"rgba", "data"} {
			t.Run(mode+"/"+format, func(t *testing.T) {
				p.r.needsMode(t, mode)
				dir := testDir(t)
				w := p.write(t, dir, "--format", format, "--fps", "250", "--linger", "0")
				r := p.read(t, dir, mode)
				for range 10 {
					r.frame(t)
				}
				published := frames(w.stop(t).lines)
				read := frames(r.ends(t, "eof").lines)
				inOrder(t, read)
				require.Equal(t, published[len(published)-1].Published, read[len(read)-1].Number, "the last frame is always seen")
			})
		}
	}
}

// lossless: every format, every frame, as fast as the reader can.
func (p pair) lossless(t *testing.T) {
	for _, format := range append([]string{"data"}, framebuf.PixelFormats()...) {
		t.Run(format, func(t *testing.T) {
			p.r.needsMode(t, "lossless")
			dir := testDir(t)
			w := p.write(t, dir, "--format", format, "--width", "15", "--height", "7", "--frames", "30", "--await", "1", "--slots", "2")
			r := p.read(t, dir, "lossless")
			read := r.ends(t, "eof")
			sameFrames(t, frames(w.ends(t, "done").lines), frames(read.lines))
		})
	}
}

func (p pair) resized(t *testing.T, sizes string) {
	p.r.needsMode(t, "lossless")
	dir := testDir(t)
	w := p.write(t, dir, "--format", "yuv420p", "--width", "32", "--height", "16", "--frames", "12", "--await", "1", "--slots", "3", "--resize", sizes)
	r := p.read(t, dir, "lossless")
	read := r.ends(t, "eof")
	published := frames(w.ends(t, "done").lines)
	require.Len(t, published, 12)
	sameFrames(t, published, frames(read.lines))
}

// late: who comes after the end finds the last frame, as long as the name is there.
func (p pair) late(t *testing.T) {
	dir := testDir(t)
	w := p.write(t, dir, "--frames", "3", "--linger", "60")
	w.until(t, "frame 2", func(l line) bool { return l.Published != nil && *l.Published == 2 })
	read := frames(p.read(t, dir, "newest").ends(t, "eof").lines)
	require.Len(t, read, 1)
	require.Equal(t, uint64(2), *read[0].Number)
	w.kill()
	cleared(t, dir)
}

// restart: who follows goes on with the next writer after an orderly end.
func (p pair) restart(t *testing.T) {
	p.r.needsMode(t, "lossless")
	dir := testDir(t)
	first := p.write(t, dir, "--frames", "5", "--await", "1", "--linger", "0")
	r := p.read(t, dir, "lossless", "--follow")
	one := frames(first.ends(t, "done").lines)
	two := frames(p.write(t, dir, "--frames", "5", "--await", "1", "--linger", "0").ends(t, "done").lines)
	require.NotEqual(t, one[0].Generation, two[0].Generation)
	require.Zero(t, *two[0].Published, "after an orderly end numbers begin anew")
	r.until(t, "the last frame", func(l line) bool { return isFrame(l) && l.Generation == two[4].Generation && *l.Number == 4 })
	sameFrames(t, append(one, two...), frames(r.stop(t).lines))
}

// death: a writer that is killed is told from one that ends, and everything that it
// had published comes first.
func (p pair) death(t *testing.T) {
	for _, mode := range []string{"newest", "lossless"} {
		t.Run(mode, func(t *testing.T) {
			p.r.needsMode(t, mode)
			dir := testDir(t)
			w := p.write(t, dir, "--fps", "100")
			r := p.read(t, dir, mode)
			r.frame(t)
			last := w.frame(t)
			w.kill()
			read := frames(r.fails(t, "died").lines)
			inOrder(t, read)
			require.GreaterOrEqual(t, *read[len(read)-1].Number, *last.Published)
			cleared(t, dir)
		})
	}
}

// takeOver: the reader's language writes on where the dead writer stopped, and who
// follows sees that.
func (p pair) takeOver(t *testing.T) {
	p.r.needsMode(t, "lossless")
	p.r.needs(t, "write")
	dir := testDir(t)
	w := p.write(t, dir, "--fps", "100")
	r := p.read(t, dir, "lossless", "--follow")
	r.frame(t)
	w.kill()
	all := frames(w.end(t).lines)
	last := *all[len(all)-1].Published
	heir := start(t, p.r, dir, "write", "cam0", "--frames", "20", "--fps", "100", "--await", "1", "--linger", "0")
	began := *heir.frame(t).Published
	require.Greater(t, began, last, "no number comes twice")
	require.LessOrEqual(t, began, last+3, "one may have been published and not told, one begun")
	written := frames(heir.ends(t, "done").lines)
	end := written[len(written)-1]
	r.until(t, "the last frame", func(l line) bool { return isFrame(l) && *l.Number == *end.Published })
	inOrder(t, frames(r.stop(t).lines))
}

func (p pair) refused(t *testing.T) {
	p.r.needsMode(t, "lossless")
	dir := testDir(t)
	w := p.write(t, dir, "--lossless", "refuse", "--fps", "100", "--linger", "0")
	start(t, p.r, dir, "read", "cam0", "--mode", "lossless", "--wait", "20").fails(t, "refused")
	w.stop(t)
}

// evicted: a live writer goes on without a lossless reader that stands still, which
// hears of it.
func (p pair) evicted(t *testing.T) {
	p.r.needsMode(t, "lossless")
	dir := testDir(t)
	w := p.write(t, dir, "--lossless", "evict", "--evict-after", "1", "--slots", "3", "--await", "1", "--fps", "500", "--linger", "0")
	r := p.read(t, dir, "lossless")
	stopped := *r.frame(t).Number
	r.signal(t, syscall.SIGSTOP)
	w.until(t, "the writer goes on", func(l line) bool { return l.Published != nil && *l.Published > stopped+50 })
	r.signal(t, syscall.SIGCONT)
	inOrder(t, frames(r.fails(t, "evicted").lines))
	w.stop(t)
}

// busy: a name has one writer.
func (p pair) busy(t *testing.T) {
	p.r.needs(t, "write")
	dir := testDir(t)
	w := p.write(t, dir, "--fps", "100", "--linger", "0")
	start(t, p.r, dir, "write", "cam0", "--frames", "1").fails(t, "busy")
	w.frame(t)
	w.stop(t)
}

// kept: a segment that outlives its writer, and the next writer's numbers go on.
func (p pair) kept(t *testing.T) {
	p.r.needs(t, "write")
	dir := testDir(t)
	p.write(t, dir, "--keep", "--frames", "3").ends(t, "done")
	read := frames(p.read(t, dir, "newest").ends(t, "eof").lines)
	require.Equal(t, uint64(2), *read[len(read)-1].Number)
	next := start(t, p.r, dir, "write", "cam0", "--keep", "--frames", "2").ends(t, "done")
	require.Equal(t, uint64(3), *frames(next.lines)[0].Published)
	seen, err := framebuf.Stat(dir, "cam0")
	require.NoError(t, err)
	require.True(t, seen.Kept)
	require.Equal(t, framebuf.Ended, seen.State)
	cleared(t, dir)
}
