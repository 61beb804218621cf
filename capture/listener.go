package capture

// ffmpeg's standard error, line by line.

import "github.com/framebridge/framebridge/internal/ffargs"

// listener takes ffmpeg's standard error: what showinfo says goes to the joiner,
// complaints to the diagnosis, and the rest to whoever wants to see it.
type listener struct {
	showinfo  showinfo
	joiner    *joiner
	diagnosis diagnosis
	onLine    func(string)
}

func newListener(j *joiner, onLine func(string)) *listener {
	l := &listener{joiner: j, onLine: onLine}
	l.showinfo.filter = []byte(shapeFilter)
	l.showinfo.emit = func(s shown) {
		l.diagnosis.sawPicture()
		j.add(s)
	}
	return l
}

// line takes one line. It is called from one goroutine.
func (l *listener) line(raw []byte) {
	line := parseLine(raw)
	if l.showinfo.line(line) {
		return
	}
	l.diagnosis.line(line)
	if l.onLine != nil {
		l.onLine(ffargs.Redact(string(raw)))
	}
}

// end says that the last line has come.
func (l *listener) end() {
	l.showinfo.flush()
	l.joiner.end()
}
