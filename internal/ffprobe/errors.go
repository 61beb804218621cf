package ffprobe

import "errors"

var (
	// ErrNoSuchInput is returned when the file or device does not exist.
	ErrNoSuchInput = errors.New("no such input")

	// ErrUnreadable is returned when the input may not be read, or when its server refuses or does not answer.
	ErrUnreadable = errors.New("input cannot be read")

	// ErrNotMedia is returned when the input is no sound or picture that ffmpeg knows, or of a format that is not taken
	// from such an input (a playlist named clip.mp4).
	ErrNotMedia = errors.New("not a video")

	// ErrNoPicture is returned, together with the Info, when there is sound or text but no moving picture. Cover art is none.
	ErrNoPicture = errors.New("no picture stream")

	// ErrReadOnce is returned for what a probe would use up: standard input and named pipes.
	ErrReadOnce = errors.New("input can be read only once")

	// ErrUnsuitable is returned when the program that was found is not ffmpeg.
	ErrUnsuitable = errors.New("not an ffmpeg")
)
