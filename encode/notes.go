// Notes: what the user should know, each thing once.

package encode

import "fmt"

type noteKind int

const (
	noteUntimed noteKind = iota
	noteRetimed
	noteMerged
	noteResized
	noteTurned
	notes
)

// note tells the user something.
func (e *Encode) note(text string) {
	if e.opts.OnNote != nil {
		e.opts.OnNote(text)
	}
}

// tell calls OnNote for what has happened for the first time.
func (s *session) tell(f *feed) {
	for n, happened := range [notes]bool{
		noteUntimed: s.clock.untimed > 0, noteRetimed: s.clock.retimed > 0,
		noteMerged: f.merged > 0, noteResized: f.fit.resized > 0,
		noteTurned: s.turned,
	} {
		if happened && !s.told[n] {
			s.told[n] = true
			s.note(s.text(noteKind(n), f))
		}
	}
}

func (s *session) text(n noteKind, f *feed) string {
	switch n {
	case noteUntimed:
		return fmt.Sprintf("frames without a PTS follow each other at the nominal rate of %.6g frames a second", 1/s.clock.seconds(s.clock.step))
	case noteRetimed:
		return "frames with equal or falling times were moved a little, so that every frame is kept"
	case noteMerged:
		return "frames too close to the one before for this format are left out"
	case noteTurned:
		return "rotation, crop or field order has changed: the output keeps those of the first frame"
	default:
		return fmt.Sprintf("the frame size has changed: frames are scaled to the first size, %dx%d", f.fit.want.Width, f.fit.want.Height)
	}
}
