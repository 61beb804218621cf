package encode

import "errors"

// Errors of opening and running. Those of framebuf come through as they are:
// ErrNotFound, ErrRefused, ErrWriterDied (everything published is in the output),
// ErrEvicted and so on.
var (
	// ErrExists is returned when the output exists and Options.Overwrite is not set.
	ErrExists = errors.New("output exists")
	// ErrName is returned for an output or an option that cannot be meant: an ending
	// that names no format, say.
	ErrName = errors.New("output not understood")
	// ErrOutput is returned when the output cannot be written: no such folder, not
	// allowed, disk full, server refuses or is gone.
	ErrOutput = errors.New("output failed")
	// ErrFFmpeg is returned when ffmpeg is missing, or has not the encoder, format or
	// option that is needed.
	ErrFFmpeg = errors.New("ffmpeg missing or unsuitable")
	// ErrEncoder is returned when ffmpeg failed for another reason: the encoder
	// refused the frames or its settings, or ffmpeg crashed.
	ErrEncoder = errors.New("encoding failed")
	// ErrNoFrames is returned when the segment ended without one frame.
	ErrNoFrames = errors.New("no frames")
	// ErrSource is returned when the segment ended in order, but what fed it did
	// not. Everything published is in the output.
	ErrSource = errors.New("source ended badly")
	// ErrSound is returned when the sound that was asked for is not there, or stays
	// away after the last frame.
	ErrSound = errors.New("sound missing")
	// ErrOverlay is returned when there is an overlay, and frames of a pixel format
	// that it cannot be drawn on.
	ErrOverlay = errors.New("overlay not possible")
	// ErrRan is returned by a second Run.
	ErrRan = errors.New("an encode runs once")
	// ErrClosed is returned by Run after Close, and when Close ends it.
	ErrClosed = errors.New("closed")
)
