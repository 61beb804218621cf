// Package encode sends the frames of a segment to ffmpeg, which makes a file or a
// stream of them.
//
//	e, err := encode.Open(ctx, "cam0", "out.mp4", nil)
//	...
//	defer e.Close()
//	result, err := e.Run(ctx)
//
// What it promises:
//
//   - Frames keep their own times, to the tick of the output's time base; a
//     variable frame rate stays variable. Frames without a PTS follow each other at
//     the nominal rate.
//   - Read losslessly (the default, except for live sources) every frame of the
//     segment is in the output once, or the error says why not.
//   - A picture with foreign bytes in it is never encoded.
//   - A live output that fails (a server that is gone or stops reading, an ffmpeg
//     that crashes) is started again, after growing pauses, while the segment goes
//     on: see Restart. A file never is.
//   - Whatever ends it (the end of the segment, a killed writer, a cancelled
//     context, a full disk, a server that refuses), it ends, leaves no process and
//     does not hold the writer back any longer.
//
// The size of the first frame is the size of the output. Frames of another size
// are scaled into it, in their own proportions with black bars, and counted. The
// pixel format cannot change. Crop, rotation and field order of the first frame are
// carried out by ffmpeg's filters, as most outputs have no mark for them: rotation in
// quarters of a circle, and interlaced coding for H.264 where the height allows it.
//
// Sound, if there is any, goes to ffmpeg in the same stream as the frames, so it
// stays in step. Gaps in it become silence, and so does a beginning that comes more
// than two seconds after the picture's. In a live output sound that comes more than
// two seconds late is left out.
//
// Options.Overlay draws on frames on their way; package framebuf/overlay has one that
// draws the boxes of a detector.
//
// feed.go makes the stream, clock.go its times, sound.go puts the sound between
// the frames; sink.go and splice_linux.go move the bytes; run.go is the life of
// one encode, attempt.go that of one ffmpeg in it, restart.go what lies between two.
package encode
