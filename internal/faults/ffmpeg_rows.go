//go:build linux

// F: ffmpeg as a child. Here the list; the rows are in the files ffmpeg_*_rows.go.

package main

import "time"

func ffmpegRows() []row {
	return []row{
		{
			id: "F1", fault: "ffmpeg gets SIGKILL inside a frame", headline: 3, nightLimit: time.Hour,
			must: "the piece is never published; another ffmpeg goes on with whole frames, the right ones",
			run:  decoderKilled,
		},
		{
			id: "F2", fault: "source connects and is silent (rtsp, rtmp, http, tcp; from the start and in mid-stream)", headline: 10, sleeps: true,
			must: "stalled after 5 s unless told otherwise, whatever ffmpeg does; tried again; it stops within 5 s",
			run:  sourceSilent,
		},
		{
			id: "F3", fault: "ffmpeg floods its messages: lines, 1 MiB without a line end, binary, carriage returns only",
			must: "all is read, at most 256 KiB is kept, every frame comes",
			run:  messagesFlood,
		},
		{
			id: "F4", fault: "our standard input is full of q, which would make ffmpeg quit", limit: 90 * time.Second, // it may have to build the command
			must: "ffmpeg never sees it",
			run:  stdinFullOfQ,
		},
		{
			id: "F5", fault: "we get SIGKILL while ffmpeg decodes, waits for a silent source, waits for a deaf server",
			must: "ffmpeg is gone within 1 s",
			run:  parentKilled,
		},
		{
			id: "F6", fault: "threads end while ffmpegs run",
			must: "no ffmpeg ends with them",
			run:  threadsRetire,
		},
		{
			id: "F7", fault: "a process that ffmpeg has left behind holds its pipes", sleeps: true,
			must: "the end, and a stop, wait 1.5 s for it at most; what is in ffmpeg's group is gone",
			run:  pipesHeld,
		},
		{
			id: "F8", fault: "Ctrl-C in a terminal, and SIGINT for the whole group", sleeps: true,
			must: "we end ffmpeg in order: the output is whole, exit code 130",
			run:  interruptedInTerminal,
		},
		{
			id: "F9", fault: "ffmpeg does not react to SIGTERM, SIGINT or the end of its input", headline: 10, sleeps: true,
			must: "it is killed, with its group: stopped within 5 s, nobody left",
			run:  signalsIgnored,
		},
		{
			id: "F10", fault: "ffmpeg ends at once, again and again", sleeps: true, limit: 45 * time.Second,
			must: "pauses grow to 30 s at most; state and error can be seen; it recovers when the source is back",
			run:  crashLoop,
		},
		{
			id: "F11", fault: "frame size changes in mid-stream",
			must: "the first frame of the new size says so; or scaled; or ErrGeometryChanged. No picture is sheared",
			run:  sizeChanges,
		},
		{
			id: "F12", fault: "encoder's ffmpeg takes nothing (SIGSTOP), and the server reads nothing", sleeps: true,
			must: "it is replaced after OutputTimeout; the capture loses nothing; whole pictures in both outputs",
			run:  encoderBlocked,
		},
		{
			id: "F13", fault: "encoder's ffmpeg gets SIGKILL", sleeps: true,
			must: "another one goes on, and is counted; SIGPIPE kills nobody; a file ends with an error",
			run:  encoderKilled,
		},
		{
			id: "F14", fault: "ffmpeg is missing, too old, broken, without what is needed, or no ffmpeg at all", limit: 90 * time.Second,
			must: "exit code 6 and one line that says what, and which was found",
			run:  ffmpegUnfit,
		},
		{
			id: "F15", fault: "hours of restarts", headline: 12, sleeps: true, limit: time.Minute, nightLimit: soakLimit,
			must: "descriptors, threads, processes and segments as at the beginning",
			run:  soak,
		},
	}
}
