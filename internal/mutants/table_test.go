//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// A mutant whose text has gone from the source breaks nothing, and a test that has
// gone kills nothing: the table follows the source. Whether a mutant compiles and
// is killed only scripts/mutants can say.
func TestTheTableFollowsTheSource(t *testing.T) {
	names := map[string]bool{}
	ten := 0
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			require.False(t, names[m.name], "twice")
			names[m.name] = true
			require.NotEmpty(t, m.edits)
			require.NotEmpty(t, m.by)
			for _, e := range m.edits {
				b, err := os.ReadFile(filepath.Join(root, e.file))
				require.NoError(t, err)
				require.True(t, strings.Count(string(b), e.from) == 1, "%s must have this text once:\n%s", e.file, e.from)
				require.NotEqual(t, e.from, e.to)
			}
			for _, k := range m.by {
				if k.rows != "" {
					continue
				}
				files, err := filepath.Glob(filepath.Join(root, k.pkg, "*_test.go"))
				require.NoError(t, err)
				var all strings.Builder
				for _, f := range files {
					b, err := os.ReadFile(f)
					require.NoError(t, err)
					all.Write(b)
				}
				for name := range strings.SplitSeq(k.tests, "|") {
					require.True(t, strings.Contains(all.String(), "func "+name+"("), "no test %s in %s", name, k.pkg)
				}
			}
		})
		if m.ten {
			ten++
		}
	}
	require.Equal(t, 10, ten)
}

// Mutating and mending leaves the copy as it was, also when a text is missing.
func TestMutateAndRestore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.go")
	require.NoError(t, os.WriteFile(path, []byte("one two three"), 0o644))
	is := func(want string) {
		t.Helper()
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	tr := &tree{dir: dir}
	restore, err := tr.mutate(mutant{edits: []edit{{"a.go", "one", "1"}, {"a.go", "three", "3"}}})
	require.NoError(t, err)
	is("1 two 3")
	restore()
	is("one two three")
	for _, old := range []string{"four", "t"} { // missing, and there twice
		_, err = tr.mutate(mutant{edits: []edit{{"a.go", "one", "1"}, {"a.go", old, ""}}})
		require.Error(t, err)
		is("one two three")
	}
}

func TestFailure(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"a test", "--- FAIL: TestA (0.1s)\n    a_test.go:1: x\nFAIL\n", "TestA"},
		{"a subtest", "--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/b (0.1s)\n", "TestA/b"},
		{"a row", "B4   held       0.8s  x\nB5   BROKEN     0.3s  y\n", "row B5"},
		{"a hang", "panic: test timed out after 1m0s\n", "hangs"},
		{"a crash", "unexpected fault address 0x7f\nfatal error: fault\n", "unexpected fault address 0x7f"},
		{"nothing known", "?", "it ended badly"},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, failure(row.text)) })
	}
}
