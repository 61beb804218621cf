//go:build linux

// Analyzer and readers in different processes, and SIGKILL.

package results

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// The test binary is also the analyzer: it puts records as fast as it can, or some and
// then ends in order, and says after each which number it had.
func TestMain(m *testing.M) {
	dir := os.Getenv("FRAMEBRIDGE_ANALYZER")
	if dir == "" {
		m.Run()
		return
	}
	most, err := strconv.Atoi(os.Getenv("FRAMEBRIDGE_RECORDS"))
	if err == nil {
		err = analyze(dir, most)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func analyze(dir string, most int) error {
	w, err := Create("cam0.boxes", &Options{Dir: dir, Linger: -1})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		cancel()
	}()
	if err := w.Segment().AwaitReaders(ctx, 1); err != nil {
		return err
	}
	for i := uint64(0); (most == 0 || i < uint64(most)) && ctx.Err() == nil; i++ {
		if err := w.Put(ctx, picture(1, i), map[string]uint64{"n": i, "twice": 2 * i}); err != nil {
			return err
		}
		fmt.Println(i)
		time.Sleep(100 * time.Microsecond)
	}
	return w.Close()
}

// analyzer is such a process.
type analyzer struct {
	cmd  *exec.Cmd
	put  atomic.Int64 // records that are surely there
	read chan struct{}
}

func startAnalyzer(t testing.TB, dir string, most int) *analyzer {
	t.Helper()
	a := &analyzer{cmd: exec.CommandContext(within(t, time.Minute), os.Args[0]), read: make(chan struct{})}
	a.cmd.Env = append(os.Environ(), "FRAMEBRIDGE_ANALYZER="+dir, "FRAMEBRIDGE_RECORDS="+strconv.Itoa(most))
	a.cmd.Stderr = os.Stderr
	stdin, err := a.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := a.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, a.cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the analyzer says that it is ready")
	go func() {
		defer close(a.read)
		for lines.Scan() {
			a.put.Add(1)
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = a.kill()
	})
	return a
}

// kill is SIGKILL; it returns when nothing of the process is left.
func (a *analyzer) kill() error {
	_ = a.cmd.Process.Kill()
	<-a.read
	return a.cmd.Wait()
}

// whole reports whether a record is one that an analyzer put.
func whole(rec *Record) error {
	var v struct{ N, Twice uint64 }
	if err := rec.Unmarshal(&v); err != nil {
		return err
	}
	if v.N != rec.Reference.Frame || v.Twice != 2*v.N || rec.PTS != int64(3*v.N) {
		return fmt.Errorf("record %d of frame %d says %s", rec.Number, rec.Reference.Frame, rec.JSON)
	}
	return nil
}

func TestRecordsOfAnotherProcess(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	a := startAnalyzer(t, dir, 300)
	r := mustOpen(t, dir, ReaderOptions{})
	var got, missed uint64
	for rec, err := range r.Records(ctx) {
		require.NoError(t, err)
		require.NoError(t, whole(&rec))
		require.Equal(t, got+missed+rec.Missed, rec.Number)
		got, missed = got+1, missed+rec.Missed
	}
	require.EqualValues(t, 300, got+missed)
	<-a.read
	require.NoError(t, a.cmd.Wait())
	rec, ok, err := r.For(ctx, picture(1, 1000))
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 299, rec.Reference.Frame)
}

// The analyzer is killed again and again and comes back. A reader that follows gets
// every record, counting what it misses, and none twice or torn; one that does not is
// told after it has had everything; a question for a frame is always answered.
func TestAnalyzerIsKilledAndComesBack(t *testing.T) {
	dir, ctx := testDir(t), within(t, 2*time.Minute)
	type seen struct {
		got  uint64
		runs int
		err  error
	}
	var following *Reader
	end := make(chan seen, 1)
	var reached atomic.Int64 // records of the present analyzer that were read
	const rounds = 8
	for round := range rounds {
		a := startAnalyzer(t, dir, 0)
		if round == 0 {
			following = mustOpen(t, dir, ReaderOptions{Follow: true})
			go func() {
				var s seen
				var next uint64
				frame := uint64(math.MaxUint64) // spoken of last
				for rec, err := range following.Records(ctx) {
					if err != nil {
						s.err = err
						break
					}
					unused := uint64(0)
					if rec.Reference.Frame < frame {
						s.runs++
						unused = 1 // killed inside a record, an analyzer may leave a number that none has
					}
					if off := rec.Number - next - rec.Missed; off > unused {
						s.err = fmt.Errorf("record %d after %d, with %d missed", rec.Number, next, rec.Missed)
					}
					s.err = errors.Join(s.err, whole(&rec))
					if s.err != nil {
						break
					}
					next, frame, s.got = rec.Number+1, rec.Reference.Frame, s.got+1
					reached.Store(int64(rec.Reference.Frame) + 1)
				}
				end <- s
			}()
		}
		plain, asking := mustOpen(t, dir, ReaderOptions{}), mustOpen(t, dir, ReaderOptions{Follow: true})
		require.Eventually(t, func() bool { return a.put.Load() > 20 }, 20*time.Second, time.Millisecond)
		time.Sleep(rand.N(20 * time.Millisecond)) // the moment of the kill
		require.Error(t, a.kill())
		last, err := uint64(0), error(nil)
		for rec, e := range plain.Records(ctx) {
			if err = e; e == nil {
				require.NoError(t, whole(&rec))
				last = rec.Reference.Frame
			}
		}
		require.ErrorIs(t, err, framebuf.ErrWriterDied)
		require.GreaterOrEqual(t, int64(last)+1, a.put.Load(), "everything that was published before the death was delivered")
		rec, ok, err := asking.For(ctx, picture(1, 1<<40))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, last, rec.Reference.Frame)
		require.Eventually(t, func() bool { return reached.Load() == int64(last)+1 }, 20*time.Second, time.Millisecond)
	}
	// The last one ends in order. The reader still follows, until it is closed.
	a := startAnalyzer(t, dir, 50)
	<-a.read
	require.NoError(t, a.cmd.Wait())
	require.Eventually(t, func() bool { return reached.Load() == 50 }, 20*time.Second, time.Millisecond)
	require.NoError(t, following.Close())
	got := <-end
	require.ErrorIs(t, got.err, framebuf.ErrClosed)
	require.Equal(t, rounds+1, got.runs)
	t.Logf("%d records of %d analyzers", got.got, got.runs)
}
