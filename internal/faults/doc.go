// Command faults is the fault suite: each row brings about one fault for real,
// with real processes and a real SIGKILL, and checks what must happen then by
// content and by exact counts. `make faults` runs it in about three minutes, and
// FAULTS=night by the hour; docs/faults.md is its output.
//
// It is built with the tag "faults", which arms the failpoints of the protocol.
// row.go says what a row is, party.go and stream.go what a process of the suite can
// be, onlooker.go who looks on inside the suite's own, places.go where failpoints
// are; the files *_rows.go hold the rows, by the groups of the catalogue:
//
//	A  death, hang and restart of writers and readers
//	B  what readers get
//	C  memory, sizes, file systems
//	D  hostile and stale files
//	W  waiting and waking
//	F  ffmpeg as a child
//	G  the command line of ffmpeg
//	H  the clean end
//
// A row like A1p does to the plug-ins of clients/ffmpeg what A1 does to the
// rest: see plugin_rows.go. The plug-ins are those of `make plugin`, which `make
// faults` does first. In the other rows captures go by plug-in and pipe in turn.
package main
