// The model and the code: each step names functions that exist, and what those
// functions do to shared memory, to locks and to names is written down in
// testdata/steps.txt. A changed protocol step makes TestCode red until somebody
// has looked at the model.

package model

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/steps.txt: look at the model first")

const framebuf = "../../framebuf"

// source is the code of framebuf, without its tests.
type source struct {
	set       *token.FileSet
	functions map[string]*ast.FuncDecl
	comments  map[string][]*ast.Comment // the sync comments, by function
	stray     []string                  // sync comments outside of functions
}

func parseFramebuf(t testing.TB) *source {
	t.Helper()
	src := &source{set: token.NewFileSet(), functions: map[string]*ast.FuncDecl{}, comments: map[string][]*ast.Comment{}}
	names, err := filepath.Glob(filepath.Join(framebuf, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(src.set, name, nil, parser.ParseComments)
		require.NoError(t, err)
		src.add(file)
	}
	require.NotEmpty(t, src.functions)
	return src
}

func (src *source) add(file *ast.File) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			src.functions[nameOf(f)] = f
		}
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			if !strings.HasPrefix(c.Text, "// sync:") {
				continue
			}
			in := ""
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Pos() <= c.Pos() && c.Pos() < f.End() {
					in = nameOf(f)
				}
			}
			if in == "" {
				src.stray = append(src.stray, src.set.Position(c.Pos()).String())
			}
			src.comments[in] = append(src.comments[in], c)
		}
	}
}

// nameOf is the function's name as the step table writes it.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
		return fmt.Sprintf("(*%s).%s", star.X, f.Name.Name)
	}
	return fmt.Sprintf("%s.%s", f.Recv.List[0].Type, f.Name.Name)
}

// covered are the functions that steps name, with the steps.
func covered() map[string][]string {
	by := map[string][]string{}
	for st := none + 1; st < stepCount; st++ {
		for _, f := range info(st).code {
			by[f] = append(by[f], info(st).what)
		}
	}
	return by
}

func TestEveryStepHasItsCode(t *testing.T) {
	src := parseFramebuf(t)
	for st := none + 1; st < stepCount; st++ {
		x := info(st)
		assert.NotEmpty(t, x.what, "step %d", st)
		if x.kind&(killing|broken|outside) == 0 {
			assert.NotEmpty(t, x.code, "step %q names no code", x.what)
		}
		for _, f := range x.code {
			assert.Contains(t, src.functions, f, "step %q names a function that is gone", x.what)
		}
	}
}

// Every ordering that the code names, it names in a function that the model has.
func TestEverySyncCommentIsCovered(t *testing.T) {
	src, by := parseFramebuf(t), covered()
	assert.Empty(t, src.stray, "sync comments outside of functions")
	count := 0
	for f, comments := range src.comments {
		count += len(comments)
		assert.Contains(t, by, f, "%s: no step of the model for %q", f, comments[0].Text)
	}
	require.NotZero(t, count)
}

// notModelled are functions that touch what is shared, and that no step stands
// for: with the reason.
func notModelled() map[string]string {
	out := map[string]string{}
	for why, functions := range map[string][]string{
		"counts, or is for people, and decides nothing": {
			"(*Reader).Source", "(*Reader).delivered", "(*Writer).CountDrops", "(*Writer).CountRestart", "(*Writer).CountStall",
			"(*Writer).SetSource", "(*Writer).report", "(*control).label", "(*segment).describe", "(*segment).readers", "stat",
		},
		"a file that nobody sees yet, or what never changes after that": {
			"(*static).encode", "decodeStatic", "encodeControl", "home.create", "newControl", "newSegment",
			"(*updater).replace",
		},
		"private: how long a mapping is kept": {
			"(*Slot).leave", "(*Writer).hold", "(*control).acquire", "(*segment).acquire", "(*segment).release",
		},
		"part of a frame, as its payload":                      {"(*Info).store", "(*Slot).SetMeta"},
		"the text of an error has a small sequence of its own": {"(*segment).loadError", "(*segment).storeError"},
		"only calls what steps stand for": {
			"(*Reader).read", "(*segment).state", "(*Reader).Recent", "(*Reader).lookBack", "(*Reader).lookAt", "(*Reader).renew", "(*Reader).event", "lastValue",
		},
		"opens what the steps open, by name or inherited":      {"(*Reader).openCells", "(*Reader).openSource"},
		"the control file is lost: an eviction of everybody":   {"(*Writer).dropReaders"},
		"after three broken pins a new token, as when joining": {"(*Reader).afterPin"},
		"wakes without changing anything":                      {"wake"},
	} {
		for _, f := range functions {
			out[f] = why
		}
	}
	return out
}

// callees are the names under which code calls what steps stand for.
func callees() map[string]bool {
	calls := map[string]bool{}
	for f := range covered() {
		calls[f[strings.LastIndex(f, ".")+1:]] = true
	}
	for _, common := range []string{"open", "run", "find", "look"} { // also names of what is private
		delete(calls, common)
	}
	return calls
}

func TestNothingSharedIsForgotten(t *testing.T) {
	src, by, out := parseFramebuf(t), covered(), notModelled()
	for f, decl := range src.functions {
		if len(src.skeleton(decl, nil)) == 0 || len(by[f]) > 0 {
			continue
		}
		assert.Contains(t, out, f, "touches what is shared: give it a step, or say why it needs none")
	}
	for f := range out {
		assert.Contains(t, src.functions, f, "is gone")
		assert.NotContains(t, by, f, "has a step")
	}
}

func TestCode(t *testing.T) {
	src, calls := parseFramebuf(t), callees()
	var b strings.Builder
	b.WriteString("What each function of framebuf that a step stands for does to shared memory, to locks and to names.\n" +
		"It differs from the code? Look at the model: does it still do the same, in the same order? Then: go test ./internal/model -run TestCode -update\n")
	by := covered()
	for _, f := range slices.Sorted(maps.Keys(by)) {
		decl, ok := src.functions[f]
		if !ok {
			continue // TestEveryStepHasItsCode says so
		}
		fmt.Fprintf(&b, "\n%s\n", f)
		for _, what := range by[f] {
			fmt.Fprintf(&b, "  = %s\n", what)
		}
		for _, c := range src.comments[f] {
			tag, _, _ := strings.Cut(strings.TrimPrefix(c.Text, "// "), ".")
			fmt.Fprintf(&b, "  %s\n", tag)
		}
		for _, line := range src.skeleton(decl, calls) {
			fmt.Fprintln(&b, line)
		}
	}
	golden := filepath.Join("testdata", "steps.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	if string(want) != b.String() {
		t.Errorf("the code has changed where the model stands for it; look at the model, then run: go test ./internal/model -run TestCode -update\n%s", firstDifference(string(want), b.String()))
	}
}

// firstDifference shows where two texts part.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	f := ""
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("in %s\n- %s\n+ %s", f, w[i], g[i])
		}
		if w[i] != "" && w[i][0] != ' ' {
			f = w[i]
		}
	}
	return "one text is longer than the other"
}
