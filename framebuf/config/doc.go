// Package config is settings that can be changed while programs run: one writer at
// a time, any number of readers, in any language.
//
// A configuration is a kept data segment (framebuf.Options.Keep) whose newest frame
// is one JSON object, with keys such as motion.threshold. Its version is the number
// of that frame, plus one: 0 means that there is none yet, and it rises for ever,
// whoever writes it, until the segment is removed. Any program that follows
// LAYOUT.md can read and write it.
//
//	version, err := config.Set(ctx, "cam0.cfg", nil, map[string]any{"motion.threshold": 20})
//
//	r, err := config.Open(ctx, "cam0.cfg", nil)
//	...
//	for f, err := range frames { // once a frame: nearly nothing, if nothing changed
//		now, err := r.Current(ctx)
//		threshold, err := now.Float("motion.threshold", 14)
//		...
//	}
//
// # What it promises
//
//   - Once Update has returned, every Current that begins then sees the change.
//   - Writers take turns. What Update reads in its function is what it replaces, so
//     a counter counts right with any number of processes.
//   - Killed at any point, a writer leaves the old value or the new one whole, and
//     locks nobody out.
//   - A key keeps its type: a number does not become a string by mistake (see
//     Options.Retype). Numbers stay as they were written, beyond 2^53 as well.
//   - A reader needs read permission only, and never holds a writer up.
//
// # What it does not
//
// A reader that looks now and then does not see each version, only the newest. It is
// not for what changes with every frame: an update makes two small files, which
// takes about a millisecond. After the segment was removed, a reader that
// had opened it keeps the last value until there is a new one.
//
// Files: update.go changes, reader.go and snapshot.go read, values.go knows types,
// key.go names.
package config
