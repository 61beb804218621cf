package ffargs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Version is the version of an ffmpeg. The zero value means unknown, as in a build from a source tree, and is taken
// for a recent one.
type Version struct{ Major, Minor int }

// String is like 5.1; "unknown" if it is not known.
func (v Version) String() string {
	if v == (Version{}) {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// before reports whether v is known and older than major.minor.
func (v Version) before(major, minor int) bool {
	return v != (Version{}) && (v.Major < major || v.Major == major && v.Minor < minor)
}

// Identify reads what program printed for -version. The error says that it is no ffmpeg, or that it lacks what every
// command line here has: 4.4 brought -autoscale.
func Identify(program, text string) (Version, error) {
	v, ok := ParseVersion(text)
	switch {
	case !ok:
		return Version{}, fmt.Errorf("%s does not say that it is ffmpeg", program)
	case v.before(4, 4):
		return v, fmt.Errorf("%s is ffmpeg %s, which is too old: 4.4 or later is needed", program, v)
	}
	return v, nil
}

// Tried reports whether v is at least the oldest version that framebridge was run with, 5.1.
func (v Version) Tried() bool { return !v.before(5, 1) }

// HasFrei0r reports whether the output of "ffmpeg -version" is that of a build that loads frei0r plug-ins.
func HasFrei0r(text string) bool {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "configuration:"); ok {
			return slices.Contains(strings.Fields(rest), "--enable-frei0r")
		}
	}
	return false
}

// versionLine is the first line of ffmpeg -version and ffprobe -version; a distribution may put an epoch or n in front.
var versionLine = regexp.MustCompile(`^ff(?:mpeg|probe) version (?:\d+:)?n?(\d{1,4})\.(\d{1,4})[^\s]*`)

// ParseVersion reads the output of "ffmpeg -version". A build that names no release gives the zero Version. ok is
// false if the text is not from ffmpeg at all.
func ParseVersion(text string) (v Version, ok bool) {
	m := versionLine.FindStringSubmatch(text)
	if m == nil {
		return Version{}, regexp.MustCompile(`^ff(mpeg|probe) version `).MatchString(text)
	}
	v.Major, _ = strconv.Atoi(m[1]) // the pattern lets only short numbers through
	v.Minor, _ = strconv.Atoi(m[2])
	return v, true
}
