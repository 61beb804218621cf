//go:build linux

// C8: processes that start without descriptors 0, 1 and 2.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func stdioRows() []row {
	return []row{{
		id: "C8", fault: "descriptors 0 to 2 closed at the start, and a process that writes messages there",
		must: "no segment is ever one of them; no message lands in a segment",
		run:  withoutStdio,
	}}
}

func stdioRoles() map[string]role { return map[string]role{"without stdio": noisyWithoutStdio} }

// noise is the part of a process without standard input and output.
type noise struct {
	Dir    string
	Writes bool // else it reads, in every mode
	Bare   bool // it closes what the Go runtime has put in place of 0 to 2
	Report string
}

// noisyReport is what it, and the Python script, leave in a file.
type noisyReport struct {
	Descriptors []string // what 0, 1 and 2 are while segments are open
	Frames      int
	Torn        int // of Python: Go says so by an error
	Error       string
}

// closed starts a program without descriptors 0 to 2.
func closed(program ...string) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.Path = "/bin/sh"
		c.Args = append([]string{"sh", "-c", `exec "$@" 0<&- 1>&- 2>&-`, "sh"}, program...)
	}
}

const noisyFrames = 20

func withoutStdio(ctx context.Context, t *trial) {
	self, err := os.Executable()
	require.NoError(t, err)
	python, clients := t.python()
	rounds, runs, frames, changed, low := t.of(3, 60), map[string]int{}, 0, 0, 0
	for range rounds {
		dir, scratch := t.dir(), t.scratch()
		w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Every: 2 * time.Millisecond})
		w.event("ready")
		headers := t.headers(dir)
		run := func(who string, part noise, program ...string) {
			part.Dir, part.Report = dir, filepath.Join(scratch, "report")
			program = append(program, part.Report)
			if part.Writes {
				part.Dir = t.dir()
			}
			_ = t.start(ctx, "without stdio", part, closed(program...)).wait()
			var r noisyReport
			text, err := os.ReadFile(part.Report)
			if err == nil {
				err = json.Unmarshal(text, &r)
			}
			if err != nil || r.Error != "" || r.Torn > 0 || r.Frames < noisyFrames {
				t.Errorf("%s: %+v, %v", who, r, err)
			}
			for fd, is := range r.Descriptors {
				if strings.HasPrefix(is, part.Dir) {
					low++
					t.Errorf("%s: descriptor %d is %s", who, fd, is)
				}
			}
			if now := t.headers(dir); !bytes.Equal(now, headers) {
				t.Errorf("%s: a header changed", who)
				headers = now
				changed++
			}
			_ = os.Remove(part.Report)
			runs[who]++
			frames += r.Frames
		}
		for _, bare := range []bool{false, true} {
			run("Go reader", noise{Bare: bare}, self)
			run("Go writer", noise{Bare: bare, Writes: true}, self)
		}
		if python != "" {
			for _, mode := range []string{"newest", "lossless"} {
				run("Python "+mode, noise{}, python, "-c", noisyPython, clients, dir, mode)
			}
		}
		w.finish()
	}
	t.reached("%d runs, %d frames, noise on 0 to 2 at each: %d headers changed, %d segments on 0 to 2; a C client: not run, there is none",
		total(runs), frames, changed, low)
	if python == "" {
		t.also("the Python reader: not run, python3 or clients/python is not there")
	}
	t.note("%v", runs)
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// python is the interpreter and where the Python client lies; empty if one of them
// is not there.
func (t *trial) python() (interpreter, clients string) {
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		return "", ""
	}
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != "/"; dir = filepath.Dir(dir) {
		clients = filepath.Join(dir, "clients", "python")
		if _, err := os.Stat(filepath.Join(clients, "framebridge.py")); err == nil {
			return interpreter, clients
		}
	}
	return "", ""
}

// headers are the bytes of the segment that nobody may change: the static header,
// and that of the control file up to the event.
func (t *trial) headers(dir string) []byte {
	data, err := readStart(filepath.Join(dir, "cam0"), 256)
	require.NoError(t, err)
	control, err := readStart(t.controlOf(dir, "cam0"), atRingEvent)
	require.NoError(t, err)
	return append(data, control...)
}

func readStart(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, n)
	_, err = f.ReadAt(b, 0)
	return b, err
}

func noisyWithoutStdio(ctx context.Context, part []byte, _ func(any)) error {
	n, err := parse[noise](part)
	if err != nil {
		return err
	}
	// Standard input is at its end already: ctx says nothing here.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if n.Bare {
		for fd := range 3 {
			if err := syscall.Close(fd); err != nil {
				return err
			}
		}
	}
	var r noisyReport
	if err := n.work(ctx, &r); err != nil {
		r.Error = err.Error()
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(n.Report, text, 0o600)
}

// shout writes to 0, 1 and 2 as a library that knows nothing of this does.
func shout() {
	for fd := range 3 {
		_, _ = syscall.Write(fd, bytes.Repeat([]byte("x264 [info]: profile High\n"), 10))
	}
}

// stdio is what the descriptors 0 to 2 are.
func stdio() (is []string) {
	for fd := range 3 {
		to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if errors.Is(err, fs.ErrNotExist) {
			to = "closed"
		}
		is = append(is, to)
	}
	return is
}

func (n *noise) work(ctx context.Context, r *noisyReport) error {
	var w *framebuf.Writer
	var err error
	if n.Writes {
		w, err = framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: n.Dir, Linger: -1})
		if err != nil {
			return err
		}
		defer w.Close()
	}
	var readers []*framebuf.Reader
	for _, m := range allModes {
		reader, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: n.Dir, Mode: m})
		if err != nil {
			return err
		}
		defer reader.Close()
		readers = append(readers, reader)
	}
	r.Descriptors = stdio()
	for range noisyFrames {
		shout()
		if w != nil {
			if err := publish(ctx, w); err != nil {
				return err
			}
		}
		for _, reader := range readers {
			shout()
			err := reader.View(ctx, func(f *framebuf.Frame) error {
				r.Frames++
				return intact(f)
			})
			if err != nil && !errors.Is(err, framebuf.ErrBroken) {
				return err
			}
		}
	}
	return nil
}

// noisyPython reads with the Python client and writes to 0, 1 and 2 meanwhile.
const noisyPython = `
import json, os, sys
clients, folder, mode, report = sys.argv[1:]
sys.path.insert(0, clients)
import framebridge
said = {"Descriptors": [], "Frames": 0, "Torn": 0, "Error": ""}
try:
    with framebridge.open("cam0", mode, wait=5, dir=folder) as frames:
        for fd in range(3):
            try: said["Descriptors"].append(os.readlink("/proc/self/fd/%d" % fd))
            except OSError: said["Descriptors"].append("closed")
        for frame in frames:
            for fd in range(3):
                try: os.write(fd, b"x264 [info]: profile High\n" * 10)
                except OSError: pass
            said["Torn"] += bytes(frame.payload) != frame.number.to_bytes(8, "little") * (len(frame.payload) // 8)
            said["Frames"] += 1
            if said["Frames"] == 20: break
except Exception as error:
    said["Error"] = repr(error)
with open(report, "w") as file:
    json.dump(said, file)
`
