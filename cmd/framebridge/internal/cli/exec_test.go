package cli

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestProgramName(t *testing.T) {
	for _, row := range []struct{ command, want string }{
		{"./filter --fast", "filter"},
		{"python3 blur.py", "blur.py"},
		{"/usr/bin/python3.11 -u 'my dir/blur.py' -x", "blur.py"},
		{"KEY=value FAST=1 exec python3 blur.py", "blur.py"},
		{"env KEY=value node a/b.js", "b.js"},
		{"python3 -m filters.blur", "filters.blur"},
		{"python3 -c 'import x'", "python3"},
		{"python3", "python3"},
		{"sh", "sh"},
		{"filter | tee log", "exec"},
		{"cd x && ./filter", "exec"},
		{"for f in a b\ndo x\ndone", "exec"},
		{"filter 'a", "exec"},
		{"KEY=value", "exec"},
		{"", "exec"},
		{"./a-program-with-a-name-that-would-fill-half-of-each-line", "a-program-with-a-name-that-woul…"},
	} {
		t.Run(row.command, func(t *testing.T) { require.Equal(t, row.want, programName(row.command)) })
	}
}

func FuzzProgramName(f *testing.F) {
	for _, seed := range []string{"python3 -u blur.py", "python3 ''", "'' x", "env", "sh -m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, command string) {
		name := programName(command)
		require.NotEmpty(t, name)
		require.LessOrEqual(t, utf8.RuneCountInString(name), shownName)
		require.LessOrEqual(t, utf8.RuneCountInString(quoted(command)), shownCommand+2)
	})
}

func TestQuoted(t *testing.T) {
	require.Equal(t, "'python3 blur.py'", quoted("  python3\n\tblur.py "))
	require.Len(t, []rune(quoted("ein "+string(make([]rune, 200)))), shownCommand+2)
}

// What a shell says of the end is not what the program said.
func TestLastWords(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"none", "", ""},
		{"its own", "out of memory\n", "out of memory"},
		{"before dash's", "out of memory\nKilled\n", "out of memory"},
		{"before bash's", "out of memory\nbash: line 1:   412 Segmentation fault      (core dumped) ./filter\n", "out of memory"},
		{"nothing before", "Killed\n", ""},
		{"the same word in the middle", "Killed by love\nand more\n", "and more"},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, lastWords(row.text, codeSignal+9)) })
	}
	require.Equal(t, "Killed", lastWords("Killed\n", 1))
}

func TestNothingHurtsATerminal(t *testing.T) {
	require.Equal(t, "a?[2Jb?c?d\te\nü", printable("a\x1b[2Jb\x7fc\u009bd\te\nü"))
}
