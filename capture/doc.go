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
//
// What it does not: it does not restart a source that was lost, and it does not
// repair times. Where the times of a source jump back or repeat, those of the
// frames do too (framebuf.FlagDiscontinuity marks a jump).
//
// pump.go is the inner loop; joiner.go and showinfo.go are how each frame's shape
// and time are known; verdict.go decides how it ended.
package capture
