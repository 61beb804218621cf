package ffproc

// The environment of a child.

import "strings"

// neverPassedOn are prefixes of variables that no child gets. FFREPORT makes ffmpeg write
// its whole command line, keys included, to a file; AV_LOG_FORCE_ colours the standard
// error that we read.
var neverPassedOn = [...]string{"FFREPORT=", "AV_LOG_FORCE_"}

// childEnv takes base without what neverPassedOn and drop name, and adds add ("KEY=VALUE"),
// whose entries win over those of base.
func childEnv(base, drop, add []string) []string {
	prefixes := append(append([]string(nil), neverPassedOn[:]...), drop...)
	for _, kv := range add {
		key, _, _ := strings.Cut(kv, "=")
		prefixes = append(prefixes, key+"=")
	}
	env := make([]string, 0, len(base)+len(add))
	for _, kv := range base {
		if !hasAnyPrefix(kv, prefixes) {
			env = append(env, kv)
		}
	}
	return append(env, add...)
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if p != "" && strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
