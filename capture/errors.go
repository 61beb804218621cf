package capture

import "errors"

// Errors of opening and running. Those of framebuf come through as they are, and
// ErrFFmpeg wraps what was found.
var (
	// ErrInput is returned for an input or an option that cannot be meant.
	ErrInput = errors.New("input not understood")
	// ErrMissing is returned when the input does not exist.
	ErrMissing = errors.New("input not found")
	// ErrUnreadable is returned when the input exists and may not be read, is a
	// directory, or does not answer.
	ErrUnreadable = errors.New("input cannot be read")
	// ErrNotMedia is returned when ffmpeg does not recognise the input, or may not:
	// a playlist that names other files is refused.
	ErrNotMedia = errors.New("not a video")
	// ErrNoPicture is returned when the input has no picture stream. Cover art is
	// not one.
	ErrNoPicture = errors.New("no picture stream")
	// ErrNoFrames is returned when the input ended without one frame.
	ErrNoFrames = errors.New("no frames")
	// ErrEndedBadly is returned when the source was damaged or ended before its
	// time. What could be decoded was delivered.
	ErrEndedBadly = errors.New("source ended badly")
	// ErrSourceLost is returned when a source ended by itself or fell silent that
	// should have gone on, and is not started again (Options.Restart, GiveUp).
	ErrSourceLost = errors.New("source lost")
	// ErrGeometryChanged is returned when the frame size changed and Options.OnResize
	// is ResizeStop. What came before was delivered.
	ErrGeometryChanged = errors.New("frame size changed")
	// ErrFFmpeg is returned when ffmpeg or ffprobe is missing or cannot do what was
	// asked for.
	ErrFFmpeg = errors.New("ffmpeg missing or unsuitable")
	// ErrClosed is returned by Run after Close.
	ErrClosed = errors.New("closed")
	// ErrRan is returned by a second Run.
	ErrRan = errors.New("a capture runs once")
)
