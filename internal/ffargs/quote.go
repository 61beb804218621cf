package ffargs

import "strings"

// safeInShell are the bytes that no POSIX shell gives a meaning to, wherever they stand in a word. '~' and '=' are left out:
// the first is a home directory, the second makes an assignment of a first word.
const safeInShell = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,+@%"

// Quote writes a command line as a POSIX shell reads it back. It hides nothing: give it RedactArgs(args).
func Quote(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		if a != "" && strings.Trim(a, safeInShell) == "" {
			words[i] = a
		} else {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
