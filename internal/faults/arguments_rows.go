//go:build linux

// G4 to G7: metadata, bombs, secrets, limits.

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/hostile"
)

// hostileMetadata: what a source says of itself, and what travels with a frame, never becomes an argument.
func hostileMetadata(ctx context.Context, t *trial) {
	s := t.site(ctx)
	const mark = "metadata-9e1f"
	texts := []string{
		mark + ",movie=" + s.Canary + "/c.mp4", mark + "\n-i\n" + s.Canary + "/c.mp4", mark + " -filter_complex movie=" + s.Canary + "/c.mp4", "-vf drawtext=textfile=" + s.Canary + "/secret.txt " + mark,
		mark + "[s0];movie=" + s.Canary + "/c.mp4[s1]", "$(cat " + s.Canary + "/secret.txt) " + mark,
	}
	v := victim{Dir: t.dir(), Pids: true, Meta: texts}
	for i, text := range texts {
		for _, ending := range []string{"mkv", "mp4", "mov", "avi", "nut", "ts"} {
			if !t.night && (i+len(v.Captures))%3 != 0 {
				continue
			}
			path := filepath.Join(s.Sandbox, fmt.Sprintf("%d.%s", i, ending))
			args := []string{"-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-c:v", "mpeg4", "-movflags", "use_metadata_tags"}
			for _, key := range []string{"title", "comment", "artist", "encoder", "rotate", "filter", "service_name", "service_provider", "lavfi.movie"} {
				args = append(args, "-metadata", key+"="+text, "-metadata:s:v", key+"="+text)
			}
			require.NoError(t, ffmpegRun(ctx, append(args, path)...))
			v.Captures = append(v.Captures, path)
		}
	}
	v.Encodes = []string{"m.mp4", "m.mkv", "m.ts"}
	children := 0
	t.attack(ctx, s, v, func(name string, a attempt) {
		if a.Kind != "" {
			t.Errorf("%s: %s", name, a.Text)
		}
		for _, l := range a.Limits {
			children++
			if strings.Contains(strings.Join(l.Args, " "), mark) {
				t.Errorf("%s: in the arguments of %s: %s", name, l.Program, l.Args)
			}
		}
		if strings.Contains(strings.Join(a.Command, " "), mark) {
			t.Errorf("%s: in the command", name)
		}
	})
	t.reached("%d files whose titles and tags are graphs and options, %d encodes of frames whose meta is: in the arguments of 0 of %d children; 0 foreign files opened", len(v.Captures), len(v.Encodes), children)
}

// bombs: see hostile.Bombs.
func bombs(ctx context.Context, t *trial) {
	const memory, patience = 1 << 20, 5 * time.Second
	s := t.site(ctx)
	all := hostile.Bombs()
	v := victim{Dir: t.dir(), Memory: true, Sound: true, Limit: patience}
	for _, b := range all {
		path, err := s.Write(b.File)
		require.NoError(t, err)
		v.Captures = append(v.Captures, path)
	}
	v.Captures, v.Stdin = append(v.Captures, "-"), "YUV4MPEG2 W16000 H16000 F25:1 C444\nFRAME\n"
	refused, played := 0, 0
	var longest time.Duration
	var most int64
	n := 0
	t.attack(ctx, s, v, func(name string, a attempt) {
		harmless := n < len(all) && all[n].Harmless
		n++
		t.note("%s: %s after %v, %d KiB: %.200s", filepath.Base(name), a.Kind, a.Took.Round(time.Millisecond), a.Grew>>10, a.Text)
		longest, most = max(longest, a.Took), max(most, a.Grew)
		switch {
		case harmless && (a.Kind == "" || a.Kind == "too long"):
			played++
		case a.Kind != "" && a.Kind != "other" && a.Kind != "too long" && a.Text != "" && !harmless:
			refused++
		default:
			t.Errorf("%s: %q after %v: %s", filepath.Base(name), a.Kind, a.Took, a.Text)
		}
		if a.Grew > memory {
			t.Errorf("%s: our memory grew by %d KiB", filepath.Base(name), a.Grew>>10)
		}
		if a.Took > patience+time.Second {
			t.late("%s: it took %v", filepath.Base(name), a.Took)
		}
	})
	t.reached("%d bombs refused with their reason, %d played small and cut off after 5 s at the latest; longest %v, our memory +%d KiB at the most beyond the segment", refused, played, longest.Round(10*time.Millisecond), most>>10)
}

// leaks: command lines with secrets that fail in every way.
func leaks(ctx context.Context, t *trial) {
	s := t.site(ctx)
	all := hostile.Leaks("1", 1000) // on port 1 nobody listens
	byName := map[string]hostile.Leak{}
	var captures, encodes []string
	for i, one := range all {
		if !t.night && i%29 != 0 { // a number that meets every kind of place
			continue
		}
		byName[one.Text] = one
		if one.Output {
			encodes = append(encodes, one.Text)
		} else {
			captures = append(captures, one.Text)
		}
	}
	kinds := map[string]int{}
	said := 0
	check := func(name string, a attempt) {
		kinds[a.Kind]++
		if a.Kind == "" {
			t.Errorf("%.60q did not fail", name)
		}
		shown := append([]string{a.Text, a.Status}, slices.Concat(a.Lines, a.Command)...)
		said += len(shown)
		for _, text := range shown {
			for _, secret := range byName[name].Secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %q came out: %.300q", byName[name].Name, secret, text)
				}
			}
		}
	}
	dir := t.dir()
	told := func(names []string) victim {
		v := victim{Dir: dir, Limit: 4 * time.Second, Args: map[string][]string{}}
		for _, n := range names {
			v.Args[n] = byName[n].Args
		}
		return v
	}
	for some := range slices.Chunk(captures, 100) { // what a process is told has to fit into its environment
		v := told(some)
		v.Captures = some
		t.attack(ctx, s, v, check)
	}
	for some := range slices.Chunk(encodes, 100) {
		v := told(some)
		v.Encodes = some
		t.attack(ctx, s, v, check)
	}
	require.NotEmpty(t, kinds)
	t.note("%v", kinds)
	reports, err := filepath.Glob(filepath.Join(s.Sandbox, "*.log"))
	require.NoError(t, err)
	if len(reports) > 0 {
		t.Errorf("a report was written: %s", reports)
	}
	t.reached("%d error paths of %d kinds, %d texts: 0 secrets in errors, log lines, command lines and the segment's last error", len(captures)+len(encodes), len(hostileKinds(byName)), said)
}

func hostileKinds(all map[string]hostile.Leak) map[string]bool {
	kinds := map[string]bool{}
	for _, l := range all {
		kinds[l.Name] = true
	}
	return kinds
}

// limitedChildren looks at children while they run.
func limitedChildren(ctx context.Context, t *trial) {
	s := t.site(ctx)
	// Long enough to be seen: each one-second capture is a probe and a decoder, each encode an encoder and three questions.
	v := victim{Dir: t.dir(), Pids: true}
	path := filepath.Join(s.Sandbox, "clip.mp4")
	require.NoError(t, ffmpegRun(ctx, "-f", "lavfi", "-i", "testsrc2=s=640x360:d=4", "-c:v", "mpeg4", path))
	rounds := t.of(5, 20)
	for range rounds {
		v.Captures = append(v.Captures, path)
	}
	for i := range rounds {
		v.Encodes = append(v.Encodes, fmt.Sprintf("o%d.mkv", i))
	}
	held, seen := 0, map[string]int{}
	t.attackWith(ctx, s, v, []string{"FFREPORT=file=report-%p.log:level=48", "AV_LOG_FORCE_COLOR=1"}, func(name string, a attempt) {
		if a.Kind != "" {
			t.Errorf("%s: %s", name, a.Text)
		}
		for _, l := range a.Limits {
			what := filepath.Base(l.Program)
			seen[what]++
			if l.NoNewPrivs == "1" && l.Core == "0 0" && l.Files == "256 256" && l.OwnGroup && !l.Report {
				held++
			} else {
				t.Errorf("%s %.100s: %+v", what, strings.Join(l.Args, " "), l)
			}
		}
	})
	reports, err := filepath.Glob(filepath.Join(s.Sandbox, "report-*"))
	require.NoError(t, err)
	if len(reports) > 0 {
		t.Errorf("FFREPORT came through: %s", reports)
	}
	if held < 20 {
		t.Errorf("only %d children were seen: %v", held, seen)
	}
	t.reached("%d of %d children (%d ffmpeg, %d ffprobe): no new privileges, core 0, 256 files, a process group of its own; FFREPORT reached none", held, seen["ffmpeg"]+seen["ffprobe"], seen["ffmpeg"], seen["ffprobe"])
}
