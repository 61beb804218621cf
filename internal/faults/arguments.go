//go:build linux

// G: names, files and pictures that attack through ffmpeg's command line. What they
// are is in package hostile.

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/hostile"
)

func argumentRows() []row {
	return []row{
		{
			id: "G1", fault: "inputs and outputs that are options, protocols, patterns, devices or graphs", headline: 9,
			must: "refused, or taken for a plain name: no foreign file read or written, no connection",
			run:  hostileNames, limit: 3 * time.Minute, timeless: true,
		},
		{
			id: "G2", fault: "playlists, lists, descriptions and containers that name other files and addresses", headline: 9,
			must: "none of what they name is opened or called",
			run:  disguisedFiles, limit: 3 * time.Minute, timeless: true,
		},
		{
			id: "G3", fault: "a server answers with redirects and playlists to files and to other protocols", headline: 9,
			must: "no file is opened, no other protocol spoken",
			run:  leadElsewhere, limit: 3 * time.Minute, timeless: true,
		},
		{
			id: "G4", fault: "metadata of a source, and meta of a frame, that read like filters and options",
			must: "none of it becomes an argument", run: hostileMetadata, limit: 3 * time.Minute, timeless: true,
		},
		{
			id: "G5", fault: "small files that claim, or become, gigabytes",
			must: "refused or ended within 5 s, with the reason; our own memory does not grow", run: bombs, limit: 3 * time.Minute,
		},
		{
			id: "G6", fault: "command lines with passwords, keys and tokens, that fail", headline: 9,
			must: "no secret in any error, log line, command line or status, in any form", run: leaks, limit: 3 * time.Minute, timeless: true,
		},
		{
			id: "G7", fault: "what a decoder could do if it were taken over",
			must: "each child has no new privileges, no core dump, few files and a group of its own", run: limitedChildren, limit: 3 * time.Minute,
		},
	}
}

// site is a place for attacks, with media in its canary folder.
func (t *trial) site(ctx context.Context) *hostile.Site {
	t.needFFmpeg()
	s, err := hostile.NewSite(t.scratch(), func(canary string) error {
		in := []string{"-f", "lavfi", "-i", "testsrc2=s=48x32:d=0.4", "-f", "lavfi", "-i", "sine=d=0.4"}
		for _, out := range [][]string{
			{"-c:v", "mpeg4", hostile.CanaryVideo}, {"-c:v", "mpeg2video", hostile.CanaryTS}, {"-frames:v", "1", "-update", "1", hostile.CanaryStill},
		} {
			out[len(out)-1] = filepath.Join(canary, out[len(out)-1])
			if err := ffmpegRun(ctx, append(slices.Clone(in), out...)...); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	t.cleanup(s.Close)
	return s
}

// ffmpegRun runs a plain ffmpeg, outside of all that framebridge does about it.
func ffmpegRun(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w: %s", err, out)
	}
	return nil
}

// attack starts a victim in the sandbox and hands each attempt to check. What was touched or called meanwhile is a fault.
func (t *trial) attack(ctx context.Context, s *hostile.Site, v victim, check func(name string, a attempt)) {
	t.attackWith(ctx, s, v, nil, check)
}

// attackWith is attack with further variables in the victim's environment.
func (t *trial) attackWith(ctx context.Context, s *hostile.Site, v victim, environ []string, check func(name string, a attempt)) {
	p := t.start(ctx, "victim", v, func(c *exec.Cmd) { c.Dir, c.Env = s.Sandbox, append(c.Env, environ...) })
	for _, name := range slices.Concat(v.Captures, v.Encodes, v.Audios) {
		var a attempt
		if err := p.hear(&a); err != nil {
			t.Errorf("%.80q: the victim is gone: %v", name, err)
			t.FailNow()
		}
		for _, event := range s.Touched() {
			t.Errorf("%.80q opened the canary: %s", name, event)
		}
		if n := s.Calls(); n > 0 {
			t.Errorf("%.80q called: %d calls so far", name, n)
			t.FailNow()
		}
		if strings.Contains(fmt.Sprint(a), hostile.CanaryText) {
			t.Errorf("%.80q: the canary's text came out: %s", name, a.Text)
		}
		check(name, a)
	}
	require.NoError(t, p.wait())
}

func hostileNames(ctx context.Context, t *trial) {
	s := t.site(ctx)
	inputs, outputs := s.Inputs(), s.Outputs()
	want := map[string]hostile.Outcome{}
	v := victim{Dir: t.dir()}
	left := 0 // for the night: each of these starts ffmpeg
	for i, in := range inputs {
		if in.Want != hostile.Refused && i%3 != 0 && !t.night {
			left++
			continue
		}
		v.Captures = append(v.Captures, in.Text)
		want[in.Text] = in.Want
	}
	for i, out := range outputs {
		if out.Want != hostile.Refused && i%6 != 0 && !t.night {
			left++
			continue
		}
		v.Encodes = append(v.Encodes, out.Text)
	}
	refused, failed, written := 0, 0, 0
	n := 0
	t.attack(ctx, s, v, func(name string, a attempt) {
		outcome := want[name]
		if n++; n > len(v.Captures) {
			outcome = outputs[slices.IndexFunc(outputs, func(o hostile.Vector) bool { return o.Text == name })].Want
		}
		switch {
		case outcome == hostile.Refused && a.Kind == "input":
			refused++
		case outcome == hostile.Literal && a.Kind != "" && a.Kind != "other" && a.Kind != "too long":
			failed++
		case outcome == hostile.Written && a.Kind == "":
			written++
		default:
			t.Errorf("%.80q: %v was to be, but: %s %s", name, outcome, a.Kind, a.Text)
		}
	})
	t.only(s, "canary", "canary.sock", "sandbox")
	t.reached("%d inputs and %d outputs: %d refused by the parser, %d taken for a plain name that is no video, %d written under exactly that name; 0 foreign files opened, 0 connections",
		len(v.Captures), len(v.Encodes), refused, failed, written)
	if left > 0 {
		t.note("%d more by night", left)
	}
}

// only checks that there is nothing else beside the sandbox.
func (t *trial) only(s *hostile.Site, names ...string) {
	entries, err := os.ReadDir(filepath.Dir(s.Sandbox))
	require.NoError(t, err)
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) {
			t.Errorf("written outside the sandbox: %s", e.Name())
		}
	}
}

func disguisedFiles(ctx context.Context, t *trial) {
	s := t.site(ctx)
	v := victim{Dir: t.dir()}
	for i, f := range s.Disguised() {
		path, err := s.Write(f)
		require.NoError(t, err)
		if i%2 != 0 && !t.night {
			continue
		}
		v.Captures = append(v.Captures, path)
		if i%10 == 0 || t.night {
			v.Audios = append(v.Audios, path)
		}
	}
	kinds := map[string]int{}
	t.attack(ctx, s, v, func(_ string, a attempt) { kinds[a.Kind]++ })
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		t.note("%d %s", kinds[k], k)
	}
	read, called := 0, int64(0)
	for i, path := range v.Captures {
		if t.night || i%5 == 0 {
			r, c := disguisedBare(ctx, s, path)
			read, called = read+r, called+c
		}
	}
	if read == 0 || called == 0 {
		t.Errorf("the files do no harm without the white lists either: %d read, %d called", read, called)
	}
	t.reached("%d files as input and %d as sound: 0 foreign files opened, 0 connections (without the white lists %d of the same opened one, and %d connections were made)",
		len(v.Captures), len(v.Audios), read, called)
}

// disguisedBare opens a file as ffmpeg does by itself, with all that a careless user allows.
func disguisedBare(ctx context.Context, s *hostile.Site, path string) (read int, called int64) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	calls := s.Calls()
	_ = ffmpegRun(ctx, "-protocol_whitelist", "file,http,tcp,udp,rtp,data,concat,subfile,crypto,gopher", "-i", path, "-frames:v", "1", "-f", "null", "-")
	if len(s.Touched()) > 0 {
		read = 1
	}
	return read, s.Calls() - calls
}
