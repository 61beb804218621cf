//go:build linux

package conformance

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden segments anew: a change of the layout")

// goldenFile is the JSON beside the bytes of a golden segment.
type goldenFile struct {
	About   string    `json:"about"`
	Alive   bool      `json:"alive"` // to be described while somebody holds the writer's lock
	Reads   []reading `json:"reads,omitempty"`
	Segment any       `json:"segment"` // what describe prints
}

// golden is a golden segment as it lies in the folder.
type golden struct {
	name string
	goldenFile
	b raw
}

func goldenPath(name, kind string) string { return filepath.Join("golden", name+"."+kind) }

func readGolden(t testing.TB, name string) golden {
	t.Helper()
	g := golden{name: name, b: readHex(t, goldenPath(name, "hex"))}
	text, err := os.ReadFile(goldenPath(name, "json"))
	require.NoError(t, err)
	require.NoError(t, unmarshal(text, &g.goldenFile))
	return g
}

// unmarshal keeps numbers exact: many have more than 53 bits.
func unmarshal(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// The golden segments are promises: red means that a build writes something else
// than earlier ones did, or that LAYOUT.md is read differently. -update is for a new
// version of the layout, and for nothing else.
func TestGoldenFiles(t *testing.T) {
	var names []string
	for _, spec := range goldens() {
		names = append(names, spec.name+".hex", spec.name+".json")
		t.Run(spec.name, func(t *testing.T) {
			b := spec.make(&maker{t: t, dir: testDir(t), name: spec.name})
			settle(b, spec.name)
			if spec.name == "numbers" {
				require.Equal(t, uint64(1)<<47, b.u64(b.dyn(128))>>16)
			}
			var text bytes.Buffer
			out := json.NewEncoder(&text)
			out.SetIndent("", " ")
			require.NoError(t, out.Encode(goldenFile{spec.about, spec.alive, spec.reads, b.describe(spec.alive)}))
			if *update {
				require.NoError(t, os.MkdirAll("golden", 0o755))
				require.NoError(t, os.WriteFile(goldenPath(spec.name, "hex"), []byte(toHex(b)), 0o644))
				require.NoError(t, os.WriteFile(goldenPath(spec.name, "json"), text.Bytes(), 0o644))
			}
			want, err := os.ReadFile(goldenPath(spec.name, "hex"))
			require.NoError(t, err)
			require.Equal(t, string(want), toHex(b))
			want, err = os.ReadFile(goldenPath(spec.name, "json"))
			require.NoError(t, err)
			require.Equal(t, string(want), text.String())
		})
	}
	there, err := os.ReadDir("golden")
	require.NoError(t, err)
	var total int64
	for _, e := range there {
		info, err := e.Info()
		require.NoError(t, err)
		total += info.Size()
		require.Contains(t, names, e.Name(), "no generator makes it")
	}
	require.Less(t, total, int64(256<<10), "bytes of all golden files")
}

// place puts a segment into a directory as its writer would have left it, with a
// control file beside it, until the test ends.
func place(t testing.TB, dir, name string, b raw) {
	t.Helper()
	put(t, filepath.Join(dir, name), b, "")
	put(t, filepath.Join(dir, controlName(name, b)), controlFile(b), "")
}

func controlName(name string, b raw) string { return fmt.Sprintf(".%s.%016x", name, b.u64(136)) }

// controlFile is the control file of a segment that has no readers.
func controlFile(b raw) raw {
	cells := b.u32(48)
	c := raw(make([]byte, 128*(cells+1)))
	copy(c, "FBCELLS\n")
	c.set16(8, 1)
	c.set32(12, cells)
	c.set64(16, b.u64(136))
	return c
}

// Every client sees in a golden segment what is in it.
func TestGolden(t *testing.T) {
	each(t, func(t *testing.T, c *client) {
		c.needs(t, "describe")
		s := newSession(t, c)
		defer s.close(t)
		for _, spec := range goldens() {
			t.Run(spec.name, func(t *testing.T) {
				g := readGolden(t, spec.name)
				place(t, s.dir, g.name, g.b)
				if g.Alive {
					hold(t, filepath.Join(s.dir, g.name))
				}
				got := s.run(t, "describe", g.name)
				require.Zero(t, got.code, "%s: %+v\n%s", got.who, got.last(), got.stderr)
				var seen any
				require.NoError(t, unmarshal(got.stdout, &seen))
				for _, d := range differences("", seen, g.Segment) {
					t.Error(d)
				}
			})
		}
	})
}

// Golden segments of numbered frames are also read, to their end.
func TestGoldenRead(t *testing.T) {
	each(t, func(t *testing.T, c *client) {
		c.needs(t, "read")
		s := newSession(t, c)
		defer s.close(t)
		for _, spec := range goldens() {
			for _, want := range spec.reads {
				t.Run(spec.name+"/"+want.Mode, func(t *testing.T) {
					c.needsMode(t, want.Mode)
					g := readGolden(t, spec.name)
					place(t, s.dir, g.name, g.b)
					got := s.run(t, "read", g.name, "--mode", want.Mode)
					if want.Error != "" {
						got.failed(t, want.Error)
					} else {
						got.ended(t, want.End)
					}
					var numbers []uint64
					for _, f := range frames(got.lines) {
						numbers = append(numbers, *f.Number)
						require.Equal(t, g.b.digits(104, 16), f.Generation)
					}
					require.Equal(t, want.Numbers, numbers)
				})
			}
		}
	})
}

// mayOmit are the keys that a client may know nothing of. What it prints of them
// must be right all the same.
func mayOmit(path string) bool {
	return slices.Contains([]string{
		// of a segment
		"must", "cells", "alignment", "meta_capacity", "control_id", "created", "created_mono", "writer_pid", "joins_at_frames", "took_over",
		"name", "final", "abandoned", "pins_broken", "evicted", "blocked", "drops", "restarts", "stalls",
		// of a frame
		"frames.captured_wall", "frames.tai_offset", "frames.stored_crc", "frames.source_seq", "frames.timecode", "frames.fourcc", "frames.bits",
		"frames.chroma", "frames.audio",
	}, path)
}

// differences compares what a client printed with what is right. path is that of
// keys, without the places in lists.
func differences(path string, got, want any) (all []string) {
	differ := func(format string, a ...any) { all = append(all, path+": "+fmt.Sprintf(format, a...)) }
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			differ("got %v, want an object", got)
		}
		for key, w := range want {
			at := strings.TrimPrefix(path+"."+key, ".")
			if v, has := g[key]; has {
				all = append(all, differences(at, v, w)...)
			} else if ok && !mayOmit(at) {
				differ("%s is missing", key)
			}
		}
		for key := range g {
			if _, known := want[key]; !known {
				differ("there is no key %s", key)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			differ("got %v, want %d elements: %v", got, len(want), want)
			return all
		}
		for i := range want {
			all = append(all, differences(path, g[i], want[i])...)
		}
	default:
		if got != want {
			differ("got %v, want %v", got, want)
		}
	}
	slices.Sort(all)
	return all
}

func TestDifferences(t *testing.T) {
	parse := func(text string) (v any) {
		require.NoError(t, unmarshal([]byte(text), &v))
		return v
	}
	for _, row := range []struct {
		name, got, want string
		differences     []string
	}{
		{"the same", `{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, nil},
		{"more than 53 bits", `{"a":9223372036854775808}`, `{"a":9223372036854775807}`, []string{"a: got 9223372036854775808, want 9223372036854775807"}},
		{"what may be left out", `{}`, `{"cells":1}`, nil},
		{"what may be left out, and is wrong", `{"cells":2}`, `{"cells":1}`, []string{"cells: got 2, want 1"}},
		{"missing", `{"frames":[{}]}`, `{"frames":[{"pts":1}]}`, []string{"frames: pts is missing"}},
		{"invented", `{"a":1,"b":2}`, `{"a":1}`, []string{": there is no key b"}},
		{"a frame too few", `{"frames":[]}`, `{"frames":[1]}`, []string{"frames: got [], want 1 elements: [1]"}},
		{"another type", `{"a":"1"}`, `{"a":{"b":1}}`, []string{"a: got 1, want an object"}},
		{"text for a number", `{"a":"1"}`, `{"a":1}`, []string{"a: got 1, want 1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.differences, differences("", parse(row.got), parse(row.want)))
		})
	}
}
