package repo

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/framebridge/framebridge/"

// importRule says who may import a package. The linter has the same rules; here they hold wherever `go test` runs.
type importRule struct {
	name   string
	forbid func(path string) bool
	in     func(file string) bool // where it is forbidden; file is relative to the top folder, with slashes
	why    string
}

func importRules() []importRule {
	is := func(want string) func(string) bool { return func(path string) bool { return path == want } }
	under := func(prefix string) func(string) bool {
		return func(path string) bool { return strings.HasPrefix(path, prefix) }
	}
	isTest := func(file string) bool { return strings.HasSuffix(file, "_test.go") }
	return []importRule{
		{
			"unsafe", is("unsafe"),
			func(file string) bool { return !isTest(file) && !strings.Contains(filepath.Base(file), "_unsafe") },
			"casts belong into *_unsafe.go, so that all of them are read on a few pages",
		},
		{
			"processes", is("os/exec"),
			func(file string) bool {
				for _, free := range []string{"internal/ffproc/", "internal/bench/", "internal/faults/", "internal/mutants/"} {
					if strings.HasPrefix(file, free) {
						return false
					}
				}
				return !isTest(file)
			},
			"only internal/ffproc starts processes, so that every child has the one tested way to stop (bench measures plain ones beside ours; faults and mutants kill their own)",
		},
		{
			"ffmpeg arguments", under("github.com/u2takey/"),
			func(file string) bool { return !strings.HasPrefix(file, "internal/ffargs/") },
			"it panics on mistakes and logs stream keys; internal/ffargs keeps both away",
		},
		{
			"framebuf stands alone",
			func(path string) bool {
				return under(module+"capture")(path) || under(module+"encode")(path) || under(module+"cmd")(path) || under(module+"internal/ff")(path)
			},
			func(file string) bool { return strings.HasPrefix(file, "framebuf/") && !isTest(file) },
			"imports point one way: cmd, then capture and encode, then framebuf",
		},
	}
}

// violations returns the imports of one file that a rule forbids.
func violations(file string, imports []string) []string {
	var found []string
	for _, rule := range importRules() {
		for _, path := range imports {
			if rule.forbid(path) && rule.in(file) {
				found = append(found, file+" imports "+path+": "+rule.why)
			}
		}
	}
	return found
}

func TestImports(t *testing.T) {
	for _, name := range files(t) {
		if filepath.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), parser.ImportsOnly)
		require.NoError(t, err)
		var imports []string
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			imports = append(imports, path)
		}
		for _, v := range violations(name, imports) {
			t.Error(v)
		}
	}
}

func TestImportRules(t *testing.T) {
	for _, row := range []struct {
		name, file, path string
		bad              bool
	}{
		{"cast outside", "framebuf/reader.go", "unsafe", true},
		{"cast inside", "framebuf/header_unsafe.go", "unsafe", false},
		{"cast inside, one system", "internal/shm/map_unsafe_linux.go", "unsafe", false},
		{"process outside", "capture/capture.go", "os/exec", true},
		{"process inside", "internal/ffproc/proc_linux.go", "os/exec", false},
		{"process in a test", "capture/capture_test.go", "os/exec", false},
		{"ffmpeg-go outside", "capture/capture.go", "github.com/u2takey/ffmpeg-go", true},
		{"ffmpeg-go in a test outside", "capture/capture_test.go", "github.com/u2takey/ffmpeg-go", true},
		{"ffmpeg-go inside", "internal/ffargs/graph.go", "github.com/u2takey/ffmpeg-go", false},
		{"framebuf up", "framebuf/writer.go", module + "internal/ffproc", true},
		{"framebuf down", "framebuf/writer.go", module + "internal/futex", false},
		{"capture down", "capture/capture.go", module + "internal/ffproc", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.bad, len(violations(row.file, []string{row.path})) > 0)
		})
	}
}

// A program that only reads frames must not carry ffmpeg's side with it: ffmpeg-go alone adds 50 packages of an AWS SDK.
func TestFramebufLinksLittle(t *testing.T) {
	require.NotEmpty(t, strings.TrimSpace(output(t, "go", "list", "-f", "{{join .GoFiles \" \"}}", "./framebuf")), "framebuf has no Go files")
	for path := range strings.Lines(output(t, "go", "list", "-deps", "./framebuf")) {
		path = strings.TrimSpace(path)
		for _, heavy := range []string{"github.com/u2takey", "github.com/aws", "os/exec", "net/http"} {
			if path == heavy || strings.HasPrefix(path, heavy+"/") {
				t.Errorf("framebuf links %s", path)
			}
		}
	}
}
