package lane

import "os"

// Frame is a frame that waits inside ffmpeg for a place.
type Frame struct {
	Number        uint32 // the plug-in's, from 1; it may begin anew when the size changes
	Width, Height int    // in pixels
	known         uint32 // the memory that the plug-in has mapped
}

// Place is where a frame is, or is to be put, in the memory of a segment.
type Place struct {
	Generation [16]byte                 // of the segment: another one is another memory
	Open       func() (*os.File, error) // opens the memory; called when the plug-in does not have it yet, and the file is closed here
	Offset     int64                    // in bytes from the beginning of the memory
	Length     int64                    // in bytes
	Stride     int                      // in bytes
}
