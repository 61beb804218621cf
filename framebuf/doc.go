// Package framebuf is a segment of shared memory that carries frames: pictures,
// or plain bytes, with exact times, from one writer to any number of readers in
// other processes and other languages.
//
// A segment has a name and a few slots. The writer fills one slot while another
// one is published; readers see the published frame. Spare slots let a reader
// keep a frame without the writer ever waiting for it.
//
//	w, err := framebuf.Create("cam0", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 1280, Height: 720}, nil)
//	...
//	err = w.Publish(ctx, func(s *framebuf.Slot) error {
//		img, err := s.RGBA() // the slot itself, nothing is copied
//		...
//	})
//
//	r, err := framebuf.Open(ctx, "cam0", nil)
//	...
//	for f, err := range r.Frames(ctx) {
//		...
//	}
//
// # What it promises, across processes
//
//   - A reader never gets a torn frame. A view that did not hold is reported when
//     it is released.
//   - Every missed frame is counted, for each reader by itself.
//   - A slow, stopped or killed reader never stalls the writer, unless it asked
//     for [Lossless] and the writer agreed (see [LosslessPolicy]).
//   - A lossless reader gets every frame exactly once, in order, or an error that
//     says why not.
//   - Reading the newest frame needs no more than read permission.
//   - Whoever is killed, nobody hangs and nothing is left that needs cleaning by
//     hand: the next writer takes over, and frame numbers go on rising.
//   - A clean end (io.EOF) and a crash ([ErrWriterDied]) are never taken for one
//     another.
//   - Memory is reserved when the segment is made. A truncated file is an error,
//     not a crash, within the guarded calls (View, Publish, Guard).
//   - Other users have no access. [Options].Group lets a group read; whoever reads
//     what another user writes says so ([ReaderOptions].TrustUID).
//
// # What it does not
//
// The same user can always truncate, remove or scribble over the files; that
// costs availability, and what it costs is reported. [Options].Sealed puts frames
// for child processes where nobody can do that. Frames are untrusted data
// for a reader that does not trust the writer: a writer can change a slot at any
// moment, so what must not change under your eyes must be copied. The race
// detector does not see shared memory.
//
// # Where what is
//
// LAYOUT.md beside this file is the byte-level promise for other languages, and
// layout.go the same in constants. claim.go and slot.go are the writer's side of
// the protocol, newest.go and lossless.go the reader's; comments that begin with
// "sync:" name both ends of each memory order. Package internal/seqlock explains
// the orders themselves.
package framebuf
