package lane

import "errors"

var (
	// ErrPlugin is returned when the plug-in does not do what it should.
	ErrPlugin = errors.New("the plug-in in ffmpeg failed")
	// ErrFault is returned when the memory of the segment was gone while the plug-in copied.
	ErrFault = errors.New("the segment's memory was gone")
)
