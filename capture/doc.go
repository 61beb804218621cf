// Package capture lets ffmpeg decode a source into a segment: files, network
// streams, devices, ffmpeg's own generators and standard input.
//
//	c, err := capture.Open(ctx, "clip.mp4", "cam0", nil)
//	if err != nil { ... }
//	defer c.Close()
//	result, err := c.Run(ctx)
//
// What it promises:
//
//   - The frames are those of `ffmpeg -fps_mode passthrough`, bit for bit, and each
//     has the exact time that ffmpeg gave it, also with a variable rate.
//   - ffmpeg's pipe is read straight into the slot. A frame that did not come whole is
//     never published.
//   - A change of size in mid-stream is followed; no picture is ever sheared.
//   - The end says whether it was clean. ffmpeg's exit code does not: a cut file
//     and a vanished stream both give 0.
//   - No ffmpeg is left behind, however a run ends.
//   - A live source that dies, vanishes or falls silent is noticed, by our own
//     clock, and ffmpeg is started again: into the same segment, with numbers and
//     times that go on (Options.Restart, StallAfter, GiveUp). Readers see its state,
//     and wait, or get a placeholder (Options.Placeholder).
//
// Over a restart the first frame comes as much later than the last one before it
// as it came later to us, and at least one frame later; it has
// framebuf.FlagDiscontinuity. From there on the source's own distances hold. The
// sound goes on in step with the picture; what would overlap is cut off. A frame of
// which the source gave only a part is never published.
//
// What it does not: it does not repair times. Where those of a source jump back or
// repeat within one life of ffmpeg, those of the frames do too
// (framebuf.FlagDiscontinuity marks a jump).
//
// Sound comes from the same ffmpeg on a pipe of its own, on the clock of the
// picture. Neither waits for the other to begin or to go on. Only a lossless reader
// that stands still holds back both, since there is one ffmpeg.
//
// pump.go is the inner loop; joiner.go and showinfo.go are how each frame's shape
// and time are known; hear.go and audio.go are the sound; session.go is one ffmpeg,
// supervise.go what comes after it, stall.go the clock, timeline.go the times;
// verdict.go decides how it ended.
package capture
