package repo

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the top folder of the repository; tests run in their package's folder.
const root = "../.."

// output runs a program in the top folder and returns what it printed.
func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	require.NoError(t, err)
	return string(out)
}

// files lists what is in git or would be after `git add .`, relative to the top folder.
func files(t testing.TB) []string {
	t.Helper()
	// A clone that belongs to another user is read here, never trusted with a hook.
	out := output(t, "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	var names []string
	for name := range strings.SplitSeq(strings.TrimRight(out, "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	require.NotEmpty(t, names)
	return names
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return data
}

func isText(data []byte) bool { return !bytes.ContainsRune(data, 0) }

func TestPackagesAreDocumented(t *testing.T) {
	out := output(t, "go", "list", "-e", "-f", "{{if .GoFiles}}{{.ImportPath}}\t{{.Name}}\t{{.Doc}}{{end}}", "./...")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		field := strings.SplitN(line, "\t", 3)
		require.Len(t, field, 3, line)
		want := "Package " + field[1] + " "
		if field[1] == "main" {
			want = "Command " // the one a user would type follows
		}
		if !strings.HasPrefix(field[2], want) {
			t.Errorf("%s: its package comment must begin with %q, it is %q", field[0], want, field[2])
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)(?:\s+"[^"]*")?\)`)

// brokenLinks returns the relative links of a Markdown text that lead nowhere. dir is the folder of the text.
func brokenLinks(text, dir string) []string {
	var broken []string
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		for _, match := range link.FindAllStringSubmatch(line, -1) {
			target, _, _ := strings.Cut(match[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, target)); errors.Is(err, fs.ErrNotExist) {
				broken = append(broken, match[1])
			}
		}
	}
	return broken
}

func TestLinksResolve(t *testing.T) {
	for _, name := range files(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		for _, target := range brokenLinks(string(read(t, name)), filepath.Join(root, filepath.Dir(name))) {
			t.Errorf("%s: the link to %s leads nowhere", name, target)
		}
	}
}

func TestBrokenLinks(t *testing.T) {
	text := "[a](doc.go) [b](nowhere.md#x) [c](https://example.org/x) [d](#top)\n```\n[e](code)\n```\n![f](gone.png \"title\")\n"
	require.Equal(t, []string{"nowhere.md#x", "gone.png"}, brokenLinks(text, "."))
}

// Paths of the machine on which something was written say nothing on anyone else's.
func TestNoMachinePaths(t *testing.T) {
	// Put together here, so that this file does not name them.
	machine := regexp.MustCompile(`(^|[^\w.$~}])/(` + strings.Join([]string{"work", "root", "farm", "tmp/fb"}, "|") + `)(/|-|\b)`)
	require.True(t, machine.MatchString("cd /"+"work/main"))
	require.False(t, machine.MatchString("network/working, ~/work, https://example.org/work"))
	for _, name := range files(t) {
		data := read(t, name)
		if !isText(data) {
			continue
		}
		number := 0
		for line := range bytes.Lines(data) {
			number++
			if machine.Match(line) {
				t.Errorf("%s:%d names a path of one machine: %s", name, number, bytes.TrimSpace(line))
			}
		}
	}
}

func TestScriptsRun(t *testing.T) {
	found := 0
	for _, name := range files(t) {
		dir := filepath.Dir(name)
		if (dir != "scripts" && name != ".ci/run") || filepath.Ext(name) == ".go" {
			continue
		}
		found++
		t.Run(name, func(t *testing.T) {
			info, err := os.Stat(filepath.Join(root, name))
			require.NoError(t, err)
			require.NotZero(t, info.Mode()&0o111, "not executable: chmod +x %s", name)
			first, _, _ := strings.Cut(string(read(t, name)), "\n")
			switch first {
			case "#!/usr/bin/env bash":
				output(t, "bash", "-n", name)
			case "#!/usr/bin/env python3":
				output(t, "python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", name)
			default:
				t.Errorf("the first line must be one of bash's or python3's, with /usr/bin/env; it is %q", first)
			}
		})
	}
	require.NotZero(t, found)
}
