// Package analyzer says what an analyzer is: something that looks at frames,
// one after the other, and says something about each.
//
// The analyzers themselves stand in motion, scene and luma; package analyzers
// makes one by its name. They work on plain pictures and know nothing of
// segments or ffmpeg, so that any of them can be copied as the start of one's
// own: a new analyzer is a type with Name and Analyze, and a result with json
// keys and Draw. One whose thresholds can be changed while it runs is Tunable,
// too.
package analyzer
