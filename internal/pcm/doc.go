// Package pcm hands decoded sound from one goroutine to another within a
// process: from whoever reads it off ffmpeg to whoever interleaves it with
// frames.
//
// The producer never waits. Picture and sound come from one ffmpeg, so a producer
// that waited for the sound to be taken would hold back the picture that the taker
// is waiting for. What does not fit is dropped and counted.
package pcm
