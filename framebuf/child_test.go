//go:build linux

// Test help: the test binary as another process, which writes or reads a segment
// and tells on stdout what it saw. It ends when its stdin does.

package framebuf

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// play is what a child is told to do.
type play struct {
	Dir        string
	Format     Format
	Slots      int
	Mode       Mode
	Hold       int
	Await      int            // readers that a writer waits for before it starts
	Lossless   LosslessPolicy // of a writer
	KeepFrames bool           // a reader reads Hold+1 frames, and keeps them
	Group      string         // that a writer shares with
	Trust      []int          // users that a reader trusts
	Name       string         // of the segment of a reader; default cam0
	Frames     uint64         // after which a writer ends; 0 never
	Mount      string         // as in a container: Dir is mounted here, in a PID namespace of its own
}

// report is one line of what a child tells.
type report struct {
	Event     string // ready, holding, end
	First     uint64 // number of the first frame; the next two as well
	Last      uint64
	Delivered uint64
	Missed    uint64 // sum of Frame.Missed
	Torn      uint64 // frames that claimed to be whole and were not
	Unordered uint64 // frames whose number is not last + 1 + Missed
	Broken    uint64 // frames that said that they did not hold
	Overruns  uint64
	Error     string // how it ended, see kindOf
	PID       int    // its own, as it sees it
}

func TestMain(m *testing.M) {
	role, tell := os.Getenv("FRAMEBRIDGE_ROLE"), json.NewEncoder(os.Stdout)
	if role == "" {
		m.Run()
		return
	}
	if role == "closed" {
		tell = json.NewEncoder(os.NewFile(3, "report"))
		_ = tell.Encode(report{Event: "end", Error: kindOf(withoutStdio(os.Getenv("FRAMEBRIDGE_PLAY")))})
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var p play
	err := json.Unmarshal([]byte(os.Getenv("FRAMEBRIDGE_PLAY")), &p)
	if err == nil && p.Mount != "" {
		err = p.enterContainer()
	}
	rep := report{PID: os.Getpid()}
	switch {
	case err != nil:
	case role == "writer":
		err = p.write(ctx, &rep, tell)
	case role == "reader":
		err = p.read(ctx, &rep, tell)
	case role == "adder":
		err = p.add(ctx, &rep, tell)
	case role == "intruder":
		err = p.intrude(tell)
	case role == "parent":
		err = p.parent(ctx, tell)
	case role == "sweeper":
		err = p.sweep(tell)
	default:
		err = errors.New("no such role: " + role)
	}
	rep.Event, rep.Error = "end", kindOf(err)
	_ = tell.Encode(rep)
}

// write publishes as fast as it can.
func (p play) write(ctx context.Context, rep *report, tell *json.Encoder) error {
	w, err := Create("cam0", p.Format, &Options{Dir: p.Dir, Group: p.Group, Slots: p.Slots, Linger: -1, Lossless: p.Lossless})
	if err != nil {
		return err
	}
	defer w.Close()
	rep.Event = "ready"
	if err := tell.Encode(rep); err != nil {
		return err
	}
	if err := w.AwaitReaders(ctx, p.Await); err != nil {
		return err
	}
	for p.Frames == 0 || rep.Delivered < p.Frames {
		var n uint64
		err := w.Publish(ctx, func(s *Slot) error {
			n = s.Info.Number
			s.Info.PTS = int64(n)
			stamp.Fill(s.Bytes(), n)
			return nil
		})
		if err != nil {
			return err
		}
		rep.seen(n, 0, true)
	}
	return w.Close()
}

// read reads until the end, checking every byte.
func (p play) read(ctx context.Context, rep *report, tell *json.Encoder) error {
	r, err := Open(ctx, cmp.Or(p.Name, "cam0"), &ReaderOptions{Dir: p.Dir, Mode: p.Mode, Hold: p.Hold, Wait: true, TrustUID: p.Trust})
	if err != nil {
		return err
	}
	defer r.Close()
	rep.Event = "ready"
	if err := tell.Encode(rep); err != nil {
		return err
	}
	for {
		f, err := r.Next(ctx)
		switch {
		case errors.Is(err, ErrOverrun):
			rep.Overruns++
			continue
		case err != nil:
			return err
		}
		if p.KeepFrames {
			if rep.Delivered++; rep.Delivered > uint64(p.Hold) {
				rep.Event = "holding"
				_ = tell.Encode(rep)
				<-ctx.Done()
				return ctx.Err()
			}
			continue
		}
		whole := stamp.Whole(f.Bytes(), f.Number) && f.PTS == int64(f.Number) && len(f.Bytes()) == cmp.Or(p.Format.Size(), f.Format.Size())
		if err := f.Release(); errors.Is(err, ErrBroken) {
			rep.Broken++
			whole = true // it said that it is not
		} else if err != nil {
			return err
		}
		rep.seen(f.Number, f.Missed, whole)
	}
}

// seen counts a frame.
func (rep *report) seen(n, missed uint64, whole bool) {
	switch {
	case rep.Delivered == 0:
		rep.First = n
	case n != rep.Last+1+missed:
		rep.Unordered++
	}
	rep.Last = n
	rep.Delivered++
	rep.Missed += missed
	if !whole {
		rep.Torn++
	}
}

// kindOf names an error in a way that crosses a process.
func kindOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, io.EOF):
		return "end"
	case errors.Is(err, ErrWriterDied):
		return "died"
	case errors.Is(err, ErrEvicted):
		return "evicted"
	case errors.Is(err, context.Canceled):
		return "told to stop"
	}
	return err.Error()
}

// child is another process.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *json.Decoder
}

// start starts a child; it is killed with the test at the latest.
func start(t testing.TB, role string, p play) *child {
	t.Helper()
	told, err := json.Marshal(p)
	require.NoError(t, err)
	cmd := exec.CommandContext(within(t, time.Minute+2*torture(t)), os.Args[0])
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_ROLE="+role, "FRAMEBRIDGE_PLAY="+string(told))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{cmd, stdin, json.NewDecoder(out)}
	t.Cleanup(c.kill)
	return c
}

// event waits until the child tells of such an event.
func (c *child) event(t testing.TB, name string) report {
	t.Helper()
	for {
		var r report
		require.NoError(t, c.out.Decode(&r), "the child ended before %q", name)
		if r.Event == name {
			return r
		}
		require.NotEqual(t, "end", r.Event, r.Error)
	}
}

// end waits for the child's own end.
func (c *child) end(t testing.TB) report {
	t.Helper()
	r := c.event(t, "end")
	require.NoError(t, c.cmd.Wait())
	return r
}

// stop tells the child to end, and waits for it.
func (c *child) stop(t testing.TB) report {
	t.Helper()
	require.NoError(t, c.stdin.Close())
	return c.end(t)
}

// kill is SIGKILL. It waits until nothing of the process is left.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *child) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(s))
}

// torture is how long a long test lasts: FRAMEBRIDGE_TORTURE, a Go duration.
func torture(t testing.TB) time.Duration {
	t.Helper()
	if v := os.Getenv("FRAMEBRIDGE_TORTURE"); v != "" {
		d, err := time.ParseDuration(v)
		require.NoError(t, err, "FRAMEBRIDGE_TORTURE")
		return d
	}
	if testing.Short() {
		return 400 * time.Millisecond
	}
	return 2 * time.Second
}
