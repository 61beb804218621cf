// Package overlay draws results on pictures: boxes with labels, as package results
// has them.
//
// A Painter draws the boxes of one record on one picture. A Layer follows a segment
// of results and knows what belongs on each frame of a video, so that a detector of
// 5 pictures a second marks every frame of 30:
//
//	layer, err := overlay.Open(ctx, "cam0.boxes", nil)
//	...
//	defer layer.Close()
//	e, err := encode.Open(ctx, "cam0", "out.mp4", &encode.Options{Overlay: layer.Frame})
//
// # What it promises
//
//   - A record is drawn on the frame that it speaks of and on those after it, until
//     one of a later frame replaces it or it is too old. It is never drawn on a frame
//     before its own, nor on one of another generation of the video.
//   - The video does not wait for results, unless Options.Wait says so, and then
//     within that bound: no detector, however slow, dead or broken, stops it.
//   - Results are taken for untrusted: what they hold costs a bounded amount of work,
//     and a record that is not usable is left out and counted.
package overlay
