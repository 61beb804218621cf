package capture

// One line of ffmpeg's standard error, taken apart.

import "bytes"

// level of a line, as `-loglevel level+…` prints it; levelNone where there is
// none.
type level int

const (
	levelNone level = iota
	levelFatal
	levelError
	levelWarning
	levelInfo
)

// logLine is a line like
//
//	[h264 @ 0x5562] [error] error while decoding MB 25 1
//
// taken apart. The fields are parts of the line and live as long.
type logLine struct {
	context []byte // "h264 @ 0x5562", empty for ffmpeg itself
	level   level
	text    []byte
}

// parseLine takes a line apart. Contexts may be nested; the innermost, which is
// the last, counts.
func parseLine(line []byte) logLine {
	var l logLine
	rest := line
	for len(rest) > 0 && rest[0] == '[' {
		end := bytes.IndexByte(rest, ']')
		if end < 0 {
			break
		}
		word := rest[1:end]
		rest = bytes.TrimPrefix(rest[end+1:], []byte(" "))
		if lv, ok := levels[string(word)]; ok {
			l.level = lv
			break
		}
		l.context = word
	}
	l.text = rest
	return l
}

var levels = map[string]level{
	"panic": levelFatal, "fatal": levelFatal, "error": levelError, "warning": levelWarning, "info": levelInfo,
	"verbose": levelInfo, "debug": levelInfo, "trace": levelInfo,
}
