package encode

import (
	"context"
	"os"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pcm"
)

// Pace says when frames are sent.
type Pace int

// The paces.
const (
	PaceAuto   Pace = 0 // PaceLive for a segment whose source is live, else PaceFast
	PaceFast   Pace = 1 // as soon as they are there
	PaceSource Pace = 2 // not before their own time, counted from the first one
	PaceLive   Pace = 3 // as soon as they are there, and the output's time begins at 0
)

// Audio is where the sound comes from. At most one field may be set; the zero
// value is no sound.
type Audio struct {
	// Queue is sound handed over in this process, on the clock of the frames.
	Queue *AudioQueue
	// Segment reads the sound from the segment NAME.audio, which capture can make
	// beside NAME.
	Segment bool
	// Silent adds a silent track, which some services want.
	Silent bool
	// Input is a file or URL of its own. Its times and those of the frames are taken
	// to be of one clock.
	Input string
}

// AudioQueue carries sound from one goroutine to an Encode; it is what a capture
// in the same process can be given as its sink. The producer calls Start, then
// Samples, then End, and never waits.
type AudioQueue = pcm.Queue

// NewAudioQueue makes a queue that holds at most maxBytes. 0: 64 MiB.
func NewAudioQueue(maxBytes int) *AudioQueue { return pcm.New(maxBytes) }

// Options of Open. The zero value, or nil, means the defaults.
type Options struct {
	// Dir is the directory of segments. Default: framebuf.DefaultDir.
	Dir string
	// TrustUID names users whose segments may be read, see framebuf.ReaderOptions.
	// Default: none.
	TrustUID []int
	// Wait is how long Open waits for the segment and its first frame. Default: 5 s;
	// negative: until its context ends.
	Wait time.Duration
	// Mode is how the segment is read: framebuf.Lossless or framebuf.Newest.
	// Default: Lossless, and Newest for a segment whose source is live.
	Mode *framebuf.Mode
	// Pace is when frames are sent. Default: PaceAuto.
	Pace Pace
	// Follow goes on with the next writer of the segment after an end or a death,
	// until the context of Run ends. The output's time goes on over the pause.
	// Default: false.
	Follow bool
	// Relay says that the writers of the segment take turns at one stream: a filter that is started again when it
	// dies. They are followed as by Follow; but what a next one sends once more is left out, and when Relay has ended
	// nobody comes any more: Run ends in order after the last frame that is there. Default: nil, they do not.
	Relay context.Context

	// Codec is ffmpeg's name of the encoder. Default: what suits the output.
	Codec string
	// Preset and CRF are the encoder's settings of the same names. Default: the
	// encoder's own; CRF is a number as text.
	Preset, CRF string
	// PixFmt is ffmpeg's name of the output's pixel format. Default: yuv420p, or what
	// suits the codec; with alpha where the frames and the output have it.
	PixFmt string
	// OutputArgs are further arguments of ffmpeg for the output. They are trusted.
	// Default: none.
	OutputArgs []string
	// Overwrite replaces an output file that exists. Default: false.
	Overwrite bool
	// Audio is where the sound comes from. Default: none.
	Audio Audio
	// Overlay draws on the frames, which must be rgba or bgra, and cannot be spliced
	// then. Default: nil.
	Overlay Overlay

	// Stdout is what an output of "-" is written to. It stays the caller's. Default:
	// os.Stdout.
	Stdout *os.File
	// FFmpeg is the program. Default: "ffmpeg" in PATH.
	FFmpeg string
	// Splice gives ffmpeg the pages of the slots (vmsplice into a pipe), or Open fails.
	// It saves a little CPU time beside the copy into a socket that is made
	// otherwise; frames must hold until ffmpeg has read them, so it needs a lossless
	// reader. Default: false.
	Splice bool
	// Transport is how pixels travel to ffmpeg; with Splice it is the pipe. The plug-in
	// takes frames in RGBA and BGRA, and is looked for in $FRAMEBRIDGE_PLUGIN, or beside
	// the program, in plugins, ../libexec/framebridge and ../lib/framebridge.
	// Default: TransportAuto.
	Transport Transport
	// OutputTimeout is how long ffmpeg may take nothing, or take to finish, before
	// the output counts as failed. Default: 10 s for a live output (see Restart), no
	// limit for a file; negative: no limit.
	OutputTimeout time.Duration
	// Drain is how long ffmpeg may take to finish the output when the context of Run
	// has ended. Default: 2.5 s for a live output, 10 s for a file.
	Drain time.Duration
	// Restart says whether a live output that fails is started again. Default:
	// RestartAuto.
	Restart Restart

	// OnFrame is called when a frame has been handed to ffmpeg, with the time at
	// which that was done, on the goroutine of Run. info is valid during the call.
	// Default: nil.
	OnFrame func(info *framebuf.Info, at time.Time)
	// OnNote is called with what the user should know, each thing once: frames of
	// another size, without times, and so on. Default: nil.
	OnNote func(text string)
	// OnEvent is called when the state of the output changes, on the goroutine of
	// Run. It must not block, as frames wait meanwhile, and must not call Close.
	// Default: nil.
	OnEvent func(Event)
	// OnLine gets each line that ffmpeg prints, with secrets masked. It must not
	// block. Default: nil.
	OnLine func(line string)
}

// Result is what an Encode has done.
type Result struct {
	Output      string        // as given to Open, with secrets masked
	FramesIn    uint64        // frames read from the segment for ffmpeg
	FramesOut   uint64        // frames that ffmpeg has written
	Missed      uint64        // frames published and not sent: skipped by Newest, or while the output was away
	Merged      uint64        // frames left out: closer to the one before than the output can tell
	Repeated    uint64        // frames left out: another writer had sent them before (Options.Relay)
	Retimed     uint64        // frames moved by a little, because two had the same time
	Resized     uint64        // frames of another size, scaled to the first one
	Untimed     uint64        // frames without a PTS
	LostSound   time.Duration // sound dropped because the frames came too late
	Elapsed     time.Duration // from the start of ffmpeg to the end of the last one
	FPS         float64       // FramesIn in a second of Elapsed
	Spliced     bool          // frames went to ffmpeg without a copy
	ByPlugin    bool          // frames were copied by the plug-in inside ffmpeg
	Restarts    uint64        // starts of ffmpeg after the first one, or decisions to
	LastError   error         // why the last of them was needed; nil: none
	Interrupted bool          // the context ended; the output is complete up to there
	CPU         time.Duration // of ffmpeg, user and system
}
