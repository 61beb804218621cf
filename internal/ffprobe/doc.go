// Package ffprobe asks ffmpeg and ffprobe: what is in an input, and what this ffmpeg can do.
// Arguments come from ffargs, processes from ffproc; here the answers are read.
package ffprobe
