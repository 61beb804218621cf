//go:build linux

// The victim: a process that captures and encodes whatever names it is told.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
)

// victim is the part of the process that is attacked.
type victim struct {
	Dir      string              // of segments
	Captures []string            // names of inputs, one after the other
	Encodes  []string            // names of outputs
	Audios   []string            // names of inputs for the sound of an encode
	Args     map[string][]string // further arguments of ffmpeg, for each name
	Stdin    string              // of a capture of -
	Meta     []string            // what the frames of an encode carry
	Sound    bool                // captures publish their sound
	Pids     bool                // tell what the kernel says of each child
	Limit    time.Duration       // of one attempt; default 10 s
	Memory   bool                // measure our own memory, beyond what ordinary captures take

	usual int64
}

// attempt is what came of one name.
type attempt struct {
	Kind    string // of the error, empty if there was none
	Text    string // of the error
	Status  string // last error in the segment
	Lines   []string
	Command []string
	Frames  uint64
	Took    time.Duration
	Grew    int64    // bytes of private memory, at the most
	Limits  []limits // of the children seen
}

// ordinary is a capture that does no harm.
const ordinary = "lavfi:testsrc2=s=16x16:r=1000:d=6"

func argumentRoles() map[string]role {
	return map[string]role{
		"victim": func(ctx context.Context, part []byte, tell func(any)) error {
			var v victim
			if err := json.Unmarshal(part, &v); err != nil {
				return err
			}
			if v.Limit == 0 {
				v.Limit = 10 * time.Second
			}
			if v.Memory {
				debug.SetGCPercent(10) // rubbish is no use
				for range 3 {
					a := v.try(ctx, func(ctx context.Context, a *attempt) error { return v.capture(ctx, ordinary, a) })
					v.usual = max(v.usual, a.Grew)
				}
			}
			for _, name := range v.Captures {
				tell(v.try(ctx, func(ctx context.Context, a *attempt) error { return v.capture(ctx, name, a) }))
			}
			for _, name := range v.Encodes {
				tell(v.try(ctx, func(ctx context.Context, a *attempt) error { return v.encode(ctx, name, encode.Audio{}, a) }))
			}
			for i, name := range v.Audios {
				tell(v.try(ctx, func(ctx context.Context, a *attempt) error {
					return v.encode(ctx, fmt.Sprintf("sound-%d.mkv", i), encode.Audio{Input: name}, a)
				}))
			}
			return nil
		},
	}
}

// try makes one attempt.
func (v *victim) try(ctx context.Context, do func(context.Context, *attempt) error) (a attempt) {
	ctx, cancel := context.WithTimeoutCause(ctx, v.Limit, errTooLong)
	defer cancel()
	stop := func() int64 { return v.usual }
	if v.Memory {
		stop = watchMemory()
	}
	seen := func() []limits { return nil }
	if v.Pids {
		seen = watchChildren()
	}
	start := time.Now()
	err := do(ctx, &a)
	a.Took = time.Since(start)
	a.Grew = stop() - v.usual
	a.Limits = seen()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	a.Kind = refusal(err)
	if err != nil {
		a.Text = err.Error()
	}
	return a
}

var errTooLong = errors.New("did not come to an end")

// capture opens and runs to the end.
func (v *victim) capture(ctx context.Context, name string, a *attempt) error {
	c, err := capture.Open(ctx, name, "cam0", &capture.Options{
		Dir: v.Dir, Slots: 2, Linger: -1, InputArgs: v.Args[name], Stdin: strings.NewReader(v.Stdin), Restart: capture.RestartNever, AudioSegment: v.Sound,
		OnLine: func(line string) { a.Lines = append(a.Lines, line) },
	})
	if err != nil {
		return err
	}
	a.Command = c.Command()
	_, err = c.Run(ctx)
	a.Frames = c.Progress().FramesOut
	if st, serr := framebuf.Stat(v.Dir, "cam0"); serr == nil {
		a.Status = st.LastError
	}
	return errors.Join(err, c.Close())
}

// encode makes two frames and encodes them.
func (v *victim) encode(ctx context.Context, name string, audio encode.Audio, a *attempt) error {
	w, err := framebuf.Create("src", size(64, 48), &framebuf.Options{Dir: v.Dir, Slots: 8})
	if err != nil {
		return err
	}
	for i := range max(2, len(v.Meta)) {
		err := w.Publish(ctx, func(s *framebuf.Slot) error {
			s.Info.PTS = int64(i)
			if i < len(v.Meta) {
				return s.SetMeta([]byte(v.Meta[i]))
			}
			return nil
		})
		if err != nil {
			return errors.Join(err, w.Close())
		}
	}
	w.SetLinger(0) // what was published can be read to its end all the same
	lossless := framebuf.Lossless
	e, err := encode.Open(ctx, "src", name, &encode.Options{
		Dir: v.Dir, Mode: &lossless, Audio: audio, Overwrite: true, OutputArgs: v.Args[name], OutputTimeout: v.Limit / 2, Wait: time.Second, Restart: encode.RestartNever,
		OnLine: func(line string) { a.Lines = append(a.Lines, line) },
	})
	if err != nil {
		return errors.Join(err, w.Close())
	}
	a.Command = e.Command()
	ended := make(chan error, 1)
	go func() { ended <- w.Close() }()
	r, err := e.Run(ctx)
	a.Frames = r.FramesOut
	return errors.Join(err, e.Close(), <-ended)
}

// refusal names an error in a way that crosses a process.
func refusal(err error) string {
	for _, k := range []struct {
		is   error
		name string
	}{
		{capture.ErrInput, "input"},
		{encode.ErrName, "input"},
		{capture.ErrMissing, "missing"},
		{capture.ErrUnreadable, "unreadable"},
		{capture.ErrNotMedia, "not media"},
		{capture.ErrNoPicture, "no picture"},
		{capture.ErrNoFrames, "no frames"},
		{capture.ErrEndedBadly, "ended badly"},
		{capture.ErrSourceLost, "lost"},
		{framebuf.ErrNoSpace, "no space"},
		{framebuf.ErrDamaged, "damaged"},
		{framebuf.ErrFormat, "format"},
		{encode.ErrOutput, "output"},
		{encode.ErrExists, "exists"},
		{encode.ErrFFmpeg, "ffmpeg"},
		{capture.ErrFFmpeg, "ffmpeg"},
		{encode.ErrEncoder, "encoder"},
		{errTooLong, "too long"},
	} {
		if errors.Is(err, k.is) {
			return k.name
		}
	}
	if err != nil {
		return "other"
	}
	return ""
}

// watchMemory notes how much private memory this process takes at the most. The segment is not private.
func watchMemory() (stop func() int64) {
	debug.FreeOSMemory()
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		top := privateBytes()
		for {
			select {
			case <-done:
				most <- max(top, privateBytes())
				return
			case <-time.After(2 * time.Millisecond):
				top = max(top, privateBytes())
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-most
	}
}

func privateBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
