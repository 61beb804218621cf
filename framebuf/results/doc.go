// Package results is records tied to frames: what an analyzer found in a picture,
// as JSON in a data segment, for any number of readers in any language.
//
// The analyzer puts a record for each picture that it has looked at:
//
//	w, err := results.Create("cam0.boxes", nil)
//	...
//	err = w.Put(ctx, &frame.Info, results.Boxes{Analyzer: "faces", Boxes: boxes})
//
// Who draws, stores or counts either asks for what is known of a picture, at the
// pictures' own rate, or follows all records:
//
//	r, err := results.Open(ctx, "cam0.boxes", nil)
//	...
//	rec, ok, err := r.For(ctx, &frame.Info) // newest for this frame or one before
//	...
//	for rec, err := range r.Records(ctx) {
//
// # What it promises
//
//   - For never answers with a record of a later frame, nor with one of another
//     generation of the picture, whose numbers mean other frames.
//   - A late reader gets all that the ring of slots still holds, oldest first, and
//     then goes on. What was overwritten before it could be read is counted.
//   - A reader never stalls the analyzer, unless Options.Lossless says so.
//
// # The record in the segment
//
// One frame of a data segment is one record. Its payload is JSON, by convention an
// object; its reference names the frame it speaks of, that frame's PTS and the low
// half of its generation; its own PTS and time base are those of the frame. The keys
// of boxes are those of Boxes; an object may have any others.
package results
