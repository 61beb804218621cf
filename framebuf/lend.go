// Slots that another process fills, and frames that it reads, on our behalf: where they are in the segment's memory.

package framebuf

import (
	"errors"
	"fmt"
	"os"
)

// Lend opens the memory of the current generation anew, for a process that fills
// slots on the writer's behalf: a plug-in inside ffmpeg. That process maps the file
// and writes to the Place of a slot, between Begin and Publish, and nowhere else;
// the writer still claims and publishes. It must have ended, or have said that it
// is done, before the slot is published or used again: nothing else keeps it from
// writing to a frame that is being read.
//
// The file belongs to the caller. No lock of the writer lies on it. After SetFormat
// the segment may have moved: a slot of another generation has its place in another
// file. Safe for concurrent use. Errors: ErrClosed, or errors.ErrUnsupported for a
// sealed segment, which nobody but its writer can write.
func (w *Writer) Lend() (*os.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return nil, fmt.Errorf("framebuf: lend %s: %w", w.name, ErrClosed)
	case w.opts.Sealed:
		return nil, fmt.Errorf("framebuf: lend %s: a sealed segment: %w", w.name, errors.ErrUnsupported)
	}
	f, err := w.seg.file.Reopen(true)
	if err != nil {
		return nil, fmt.Errorf("framebuf: lend %s: %w", w.name, err)
	}
	return f, nil
}

// Place is where Bytes are in the file that Lend opens: so many bytes from its
// beginning, and so many of them.
func (s *Slot) Place() (offset, length int64) {
	return s.seg.st.place(s.index), int64(s.length)
}

// Place is where Bytes are in the file that Lend opens: so many bytes from its
// beginning, and so many of them. ok is false for a private copy, which is in no
// file.
func (f *Frame) Place() (offset, length int64, ok bool) {
	if !f.view || f.isGone() {
		return 0, 0, false
	}
	return f.seg.st.place(f.slot), int64(f.PayloadSize), true
}

// Lend opens the memory that the frame is in anew, read-only, for a process that
// reads the frame on the reader's behalf: a plug-in inside ffmpeg. What it has read
// counts only if Release then says that the frame held. The file belongs to the
// caller; all frames of one generation are in the same one. The error matches
// ErrClosed after Release.
func (f *Frame) Lend() (*os.File, error) {
	if f.isGone() {
		return nil, fmt.Errorf("framebuf: lend frame %d: %w: it was released", f.Number, ErrClosed)
	}
	file, err := f.seg.file.Reopen(false)
	if err != nil {
		return nil, fmt.Errorf("framebuf: lend frame %d: %w", f.Number, err)
	}
	return file, nil
}

// place is where the payload of slot i begins in the data file.
func (st *static) place(i int) int64 { return st.slotsOffset + int64(i)*st.slotStride }
