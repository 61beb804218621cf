// What a stream is: the fields of a stream header that framebridge uses.

package nut

// Class is the kind of a stream, as NUT numbers it.
type Class uint8

// The classes of NUT. Values above ClassData are reserved: ignore such streams.
const (
	ClassVideo    Class = 0
	ClassAudio    Class = 1
	ClassSubtitle Class = 2
	ClassData     Class = 3
)

// Stream describes one stream.
type Stream struct {
	// Class is ClassVideo or ClassAudio for everything that framebridge uses.
	Class Class
	// Tag is the codec tag as stored, 2 or 4 bytes, such as "RGBA" or
	// "PSD\x10". See PixelFormat and PCMCodec.
	Tag string
	// TimeBase is the length of a PTS tick in seconds. The Writer writes it in
	// lowest terms.
	TimeBase Rational
	// FrameRate is the nominal frame rate of a video stream, zero if unknown.
	// ffmpeg writes its guess after the headers, so a Reader knows it from the
	// first Next on. Writing it keeps ffmpeg from taking a fine time base for
	// the frame rate (1,000,000 frames a second, H.264 level 6.2).
	FrameRate Rational
	// Width and Height of the first picture in pixels, video only.
	Width, Height int
	// SampleAspect is the shape of a pixel, width to height; zero if unknown.
	SampleAspect Rational
	// SampleRate in samples a second and Channels, audio only.
	SampleRate Rational
	Channels   int
	// DecodeDelay is 0 for raw video and PCM. The Writer ignores it.
	DecodeDelay int
}
