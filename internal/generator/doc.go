// Package generator says what a generator is: something that draws frames, for
// tests and demonstrations without a source.
//
// The generators themselves stand in clock, bars and life; package generators
// makes one by its name. They draw on plain pictures and know nothing of
// segments or ffmpeg, so that any of them can be copied as the start of one's
// own.
package generator
