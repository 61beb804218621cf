// Package lane is our end of the way that pixels take between framebridge's own ffmpeg and a segment: a plug-in inside
// ffmpeg (clients/ffmpeg/framebridge_lane.c) copies them, once, to or from the place that we name over a socket. Times, sound
// and the end of the stream go through ffmpeg's pipe as ever, in one small packet a frame.
//
// The plug-in decides nothing: which slot, which time, what is published and what is not stays on this side. ffmpeg gets the
// memory of the one segment that it fills (or, to encode, may only read it), and no other.
package lane
