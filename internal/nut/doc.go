// Package nut reads and writes the NUT container as ffmpeg speaks it, for raw
// video and PCM sound. It is the pipe format between framebridge and ffmpeg, in
// both directions.
//
// A [Reader] takes packets from an [io.Reader], usually the read end of a pipe.
// [Reader.Next] reads a packet's header only, so that the caller can choose the
// memory for the payload, and [Reader.Payload] then reads straight into that
// memory. A [Writer] makes the bytes of the other direction, either together
// with the payload ([Writer.WriteFrame]) or only what goes before it
// ([Writer.FrameHeader]), for callers that send the payload themselves.
//
// What is not here: seeking, the index (read past, never written), resuming
// after damage (a pipe does not lose bytes: damage is an error), subtitles and
// compressed streams (packets are handed out, their meaning is not known).
//
// Three facts about NUT that callers need:
//   - ffmpeg's muxer rewrites time bases (1/25 becomes 1/51200). The times are
//     exact, the ticks are not those that were asked for: see [Rescale].
//   - There is one frame size in the header. When ffmpeg's picture changes size
//     in mid-stream, only [Packet.Size] tells.
//   - Negative times do not exist.
//
// The format is described in "NUT Open Container Format" (nut.txt) by the
// MPlayer and FFmpeg developers, version 3 and version 4.
package nut
