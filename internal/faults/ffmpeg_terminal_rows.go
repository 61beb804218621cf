//go:build linux

// F8 and F14: the command line in a terminal, and without the right ffmpeg.

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
)

// terminal is a pseudo-terminal: what is written to keys is typed in it.
func (t *trial) terminal() (keys, tty *os.File) {
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.notRun("there are no pseudo-terminals: " + err.Error())
	}
	require.NoError(t, unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return keys, tty
}

// interruptedInTerminal runs the whole bridge in a terminal and presses Ctrl-C, or
// sends SIGINT to the group, as a shell's job control does.
func interruptedInTerminal(ctx context.Context, t *trial) {
	t.needFFmpeg()
	program, why := t.framebridge(ctx)
	if why != "" {
		t.notRun(why)
	}
	const side = 3
	dirs, scratch, runs := t.dirs(side), t.scratch(), t.of(6, 50)
	took := &spans{}
	var frames, orderly atomic.Int64
	t.lanes(ctx, side, runs, func(lane, i int) {
		out := filepath.Join(scratch, fmt.Sprintf("%d.mp4", lane))
		c := t.runs(ctx, program, dirs[lane], "run", "lavfi:testsrc2=s=160x120:r=50", out, "-re", "-y", "--preset", "ultrafast")
		press := func() { require.NoError(t, syscall.Kill(-c.Process.Pid, syscall.SIGINT)) }
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if i%2 == 0 {
			keys, tty := t.terminal()
			defer keys.Close()
			go func() { _, _ = io.Copy(io.Discard, keys) }()
			c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			press = func() {
				_, err := keys.WriteString("\x03")
				require.NoError(t, err)
			}
			require.NoError(t, c.Start())
			_ = tty.Close()
		} else {
			require.NoError(t, c.Start())
		}
		t.cleanup(func() { _ = c.Process.Kill() })
		var in uint64
		t.eventually(20*time.Second, "frames come", func() bool {
			all, _ := framebuf.List(dirs[lane])
			for _, name := range all {
				if st, err := framebuf.Stat(dirs[lane], name); err == nil && st.Newest != nil && st.Newest.Number > 25 {
					in = st.Newest.Number
					return true
				}
			}
			return false
		})
		time.Sleep(rand.N(300 * time.Millisecond))
		at := time.Now()
		press()
		err := c.Wait()
		took.add(time.Since(at))
		if code := c.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code %d, not 130: %v", code, err)
		}
		probe, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", out).CombinedOutput()
		var n uint64
		if _, serr := fmt.Sscan(string(probe), &n); err != nil || serr != nil || n < in {
			t.Errorf("the output has %d frames, at least %d were published: %v %s", n, in, err, bytes.TrimSpace(probe))
			return
		}
		frames.Add(int64(n))
		orderly.Add(1)
	})
	t.reached("%d of %d orderly, code 130, half of them Ctrl-C in a terminal; %d frames in the outputs, all decodable; it took p50 %v, max %v",
		orderly.Load(), runs, frames.Load(), took.at(0.5), took.max())
}

// unfit is a program in ffmpeg's place, and what must be said of it.
type unfit struct {
	name   string
	ffmpeg string   // a script; empty: none
	says   []string // each of them
	// does is set if captures need nothing that is missing.
	does bool
}

func unfits() []unfit {
	// The real one, to which an option or a name that it has is unknown.
	without := func(known string) string {
		return `for a; do shift; set -- "$@" "$(printf %s "$a" | sed 's/` + known + `/unknown/')"; done; exec "$REAL" "$@"`
	}
	return []unfit{
		{name: "missing", says: []string{"ffmpeg", "not found", "install"}},
		{name: "too old", says: []string{"3.4"}, ffmpeg: `case "$*" in *-version*) echo "ffmpeg version 3.4.8-0ubuntu0.2 Copyright (c) 2000-2020 the FFmpeg developers"; exit 0;; esac; ` + without(`noautoscale\|setparams\|enc_time_base`)},
		{name: "a library is missing", says: []string{"libavdevice.so.59"}, ffmpeg: `echo "ffmpeg: error while loading shared libraries: libavdevice.so.59: cannot open shared object file" >&2; exit 127`},
		{name: "another program", says: []string{"unsuitable"}, ffmpeg: `exit 0`},
		{name: "crashes", says: []string{"ffmpeg", "signal 11"}, ffmpeg: `kill -SEGV $$`},
		{name: "no encoder of H.264", says: []string{"libx264"}, does: true, ffmpeg: `case "$*" in *-encoders*) "$REAL" "$@" | grep -v 264; exit 0;; esac; exec "$REAL" "$@"`},
		{name: "no NUT", says: []string{"unsuitable"}, ffmpeg: without(`^nut$`)},
	}
}

// ffmpegUnfit runs the commands that need ffmpeg with each of these.
func ffmpegUnfit(ctx context.Context, t *trial) {
	ffmpeg := t.needFFmpeg()
	program, why := t.framebridge(ctx)
	if why != "" {
		t.notRun(why)
	}
	dir, scratch := t.dir(), t.scratch()
	clip := t.clip(ctx, "clip.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", "-c:v", "ffv1")
	writer := t.start(ctx, "writer", stream{Dir: dir, Name: "src", Sizes: small(), Every: 20 * time.Millisecond})
	writer.event("ready")
	probe, err := exec.LookPath("ffprobe")
	require.NoError(t, err)
	commands := map[string][]string{
		"run":     {"run", clip, filepath.Join(scratch, "a.mp4"), "-y", "-q"},
		"capture": {"capture", clip, "cam0", "--await-readers", "0", "-q"},
		"encode":  {"encode", "src", filepath.Join(scratch, "b.mp4"), "-y", "-q"},
	}
	runs, told := 0, 0
	for i, u := range unfits() {
		bin := filepath.Join(scratch, fmt.Sprint(i))
		require.NoError(t, os.Mkdir(bin, 0o700))
		path := bin + ":/nowhere"
		if u.ffmpeg != "" {
			script := "#!/bin/sh\nPATH=/usr/bin:/bin\nREAL=" + ffmpeg + "\n" + u.ffmpeg + "\n"
			require.NoError(t, os.WriteFile(filepath.Join(bin, "ffmpeg"), []byte(script), 0o700))
			require.NoError(t, os.Symlink(probe, filepath.Join(bin, "ffprobe")))
		}
		for name, args := range commands {
			if name == "capture" && u.does {
				continue
			}
			c := t.runs(ctx, program, dir, args...)
			c.Env = append(c.Env, "PATH="+path)
			var said bytes.Buffer
			c.Stderr = &said
			c.WaitDelay = time.Second
			at := time.Now()
			require.NoError(t, c.Start())
			late := time.AfterFunc(10*time.Second, func() { _ = c.Process.Signal(syscall.SIGTERM) })
			err := c.Wait()
			late.Stop()
			runs++
			text := said.String()
			wrong := ""
			for _, s := range u.says {
				if !strings.Contains(text, s) {
					wrong = "it does not say " + s
				}
			}
			if n := strings.Count(text, "framebridge: "); n != 1 || len(text) > 1000 {
				wrong = fmt.Sprintf("%d messages, %d bytes", n, len(text))
			}
			if code := c.ProcessState.ExitCode(); code != 6 {
				wrong = fmt.Sprintf("exit code %d", code)
			}
			if d := time.Since(at); d > 10*time.Second {
				wrong = fmt.Sprintf("it took %v", d)
			}
			if wrong != "" {
				t.Errorf("%s, %s: %s: %v: %s", u.name, name, wrong, err, text)
				continue
			}
			told++
			t.note("%s, %s: %s", u.name, name, firstLine(text))
		}
	}
	if r := writer.finish(); r.Error != "told to stop" {
		t.Errorf("the writer: %s", r.Error)
	}
	t.reached("%d of %d runs with %d unfit programs: code 6, one clear message", told, runs, len(unfits()))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
