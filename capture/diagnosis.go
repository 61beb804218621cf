package capture

// What ffmpeg complains about while it decodes. Its exit code says little: a
// damaged file ends with 0.

import (
	"bytes"
	"cmp"
	"sync"
)

// quoteBytes bounds the line that an error quotes.
const quoteBytes = 200

// diagnosis counts complaints. Safe for concurrent use.
type diagnosis struct {
	mu       sync.Mutex
	pictures bool     // a frame was decoded
	errors   uint64   // since then
	undone   uint64   // packets that the decoder gave up
	first    string   // the first error since then
	early    string   // the last error before it
	obstacle obstacle // the gravest of the errors before the first frame
	grave    string   // that error
}

// sawPicture says that a frame was decoded. Errors before the first one mean
// little: a recording that begins in the middle of a group of pictures has them.
func (d *diagnosis) sawPicture() {
	d.mu.Lock()
	d.pictures = true
	d.mu.Unlock()
}

func (d *diagnosis) line(l logLine) {
	if !complains(l) {
		return
	}
	text := string(bytes.TrimSpace(l.text[:min(len(l.text), quoteBytes)]))
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.pictures {
		d.early = text
		if o := obstacleIn(text); o > d.obstacle {
			d.obstacle, d.grave = o, text
		}
		return
	}
	if d.errors == 0 {
		d.first = text
	}
	d.errors++
	if bytes.HasPrefix(l.text, []byte("Error while decoding stream")) || bytes.HasPrefix(l.text, []byte("Error submitting packet")) {
		d.undone++
	}
}

// complains reports whether a line says that something of the source was
// damaged or missing.
func complains(l logLine) bool {
	switch l.level {
	case levelFatal, levelError:
		for _, h := range harmless {
			if bytes.Contains(l.text, h) {
				return false
			}
		}
		return true
	case levelWarning:
		// "corrupt input packet" alone is no damage: MPEG-TS files that were put
		// together have it at each seam.
		return bytes.Contains(l.text, []byte("corrupt decoded frame"))
	}
	return false
}

// harmless are errors that healthy sources cause.
var harmless = [][]byte{
	[]byte("non monotonically increasing dts"), // ours: times that jump back
	[]byte("unable to decode APP fields"),      // MJPEG cameras
	[]byte("mmco: unref short failure"),        // H.264 after a seam
	[]byte("number of reference frames"),
	[]byte("co located POCs unavailable"),
	[]byte("Could not find ref with POC"),
}

// report is what was seen so far.
func (d *diagnosis) report() (errors, undone uint64, first, early string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.errors, d.undone, d.first, cmp.Or(d.grave, d.early)
}
