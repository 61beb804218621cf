package capture

// ffmpeg's standard error, line by line.

// listener takes ffmpeg's standard error: what showinfo says goes to the joiner,
// complaints to the diagnosis, what it says of its input to the banner, and all
// but the first to whoever wants to see it.
type listener struct {
	showinfo  showinfo
	joiner    *joiner
	diagnosis diagnosis
	banner    banner
	redact    func(string) string
	onLine    func(string)
}

func newListener(j *joiner, redact func(string) string, onLine func(string)) *listener {
	l := &listener{joiner: j, redact: redact, onLine: onLine}
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
	l.banner.line(line)
	if complains(line) {
		line.text = []byte(l.redact(string(line.text))) // before it is cut: of half a secret nobody sees that it is one
	}
	l.diagnosis.line(line)
	if l.onLine != nil {
		l.onLine(l.redact(string(raw)))
	}
}

// end says that the last line has come.
func (l *listener) end() {
	l.showinfo.flush()
	l.joiner.end()
}
