//go:build linux

package conformance

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// reading is what conform read has to print of a golden segment.
type reading struct {
	Mode    string   `json:"mode"`
	Numbers []uint64 `json:"numbers"`
	End     string   `json:"end,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// goldenSpec says how a golden segment comes about.
type goldenSpec struct {
	name, about string
	alive       bool // the driver holds the writer's lock
	reads       []reading
	make        func(*maker) raw
}

func newest(n uint64) reading   { return reading{Mode: "newest", Numbers: []uint64{n}, End: "eof"} }
func lossless(n uint64) reading { return reading{Mode: "lossless", Numbers: []uint64{n}, End: "eof"} }

func goldens() []goldenSpec {
	pictures := func(f framebuf.PixelFormat, about string, width, height int) goldenSpec {
		return goldenSpec{f.String(), about, false, []reading{newest(1), lossless(1)}, func(m *maker) raw {
			m.create(framebuf.Format{PixelFormat: f, Width: width, Height: height}, framebuf.Options{Slots: 2})
			m.stamped(2)
			return m.ended()
		}}
	}
	gray := framebuf.Format{PixelFormat: framebuf.Gray8, Width: 16, Height: 8}
	died := func(n uint64) []reading {
		return []reading{{Mode: "newest", Numbers: []uint64{n}, Error: "died"}, {Mode: "lossless", Numbers: []uint64{n}, Error: "died"}}
	}
	return []goldenSpec{
		pictures(framebuf.RGBA, "Two pictures, then an orderly end.", 16, 8),
		pictures(framebuf.BGRA, "Two pictures.", 16, 8),
		pictures(framebuf.RGB24, "Two pictures.", 16, 8),
		pictures(framebuf.BGR24, "Two pictures.", 16, 8),
		pictures(framebuf.Gray8, "Two pictures.", 16, 8),
		pictures(framebuf.YUV420P, "Two pictures of odd size: the planes of U and V are rounded up.", 15, 7),
		pictures(framebuf.NV12, "Two pictures of odd size.", 15, 7),
		{
			"data", "Six frames of bytes through four slots: the first two are gone. Each has another length and refers to a frame elsewhere.", false,
			[]reading{newest(5), lossless(5)},
			func(m *maker) raw {
				m.create(framebuf.Format{}, framebuf.Options{Slots: 4, Capacity: 1000})
				m.stamped(6)
				return m.ended()
			},
		},
		{"records", "JSON that speaks of frames, one of them with an unknown time; a frame without bytes; meta that is no text.", false, nil, makeRecords},
		{"audio", "Sound: two channels of 16 bits, then six of 32-bit floats.", false, nil, makeAudio},
		{"empty", "A living writer that has not published yet. The driver holds its lock.", true, nil, func(m *maker) raw {
			m.create(gray, framebuf.Options{Slots: 3, Live: true, Lossless: framebuf.LosslessEvict})
			return m.left()
		}},
		{"alive", "A living writer in the middle of a frame: its slot is odd, the two before are readable.", true, nil, func(m *maker) raw {
			m.create(gray, framebuf.Options{Slots: 3})
			m.stamped(5)
			m.halfWritten()
			return m.left()
		}},
		{"left", "The same, but its writer was killed: the state says live, the lock is free.", false, died(4), func(m *maker) raw {
			m.create(gray, framebuf.Options{Slots: 3})
			m.stamped(5)
			m.halfWritten()
			return m.left()
		}},
		{"dead", "Another writer took the name over from this one.", false, died(2), func(m *maker) raw {
			tookOver(m, gray)
			return m.bytes()
		}},
		{"took-over", "The one that took the name over: numbers went on.", false, []reading{newest(4)}, func(m *maker) raw {
			tookOver(m, gray)
			m.open()
			m.stamped(2)
			return m.ended()
		}},
		{"moved", "A generation that the next one replaced, as a larger picture did not fit.", false, nil, func(m *maker) raw {
			m.create(gray, framebuf.Options{Slots: 3})
			m.stamped(3)
			require.NoError(m.t, m.w.SetFormat(within(m.t, 20*time.Second), framebuf.Format{PixelFormat: framebuf.Gray8, Width: 24, Height: 12}))
			require.NoError(m.t, m.w.Close())
			return m.bytes()
		}},
		{"moved-on", "The generation that replaced it.", false, []reading{newest(3)}, func(m *maker) raw {
			m.create(gray, framebuf.Options{Slots: 3})
			m.stamped(3)
			require.NoError(m.t, m.w.SetFormat(within(m.t, 20*time.Second), framebuf.Format{PixelFormat: framebuf.Gray8, Width: 24, Height: 12}))
			m.open()
			m.stamped(1)
			return m.ended()
		}},
		{"kept", "A kept value after its third update.", false, nil, makeKept},
		{"numbers", "The last numbers there are: the next frame would be 2^47.", false, []reading{newest(1<<47 - 1)}, makeNumbers},
		{"facts", "Everything that a frame can say of itself, at its limits.", false, nil, makeFacts},
		{"padded", "Rows with room behind them, planes apart, rows beyond the picture.", false, nil, func(m *maker) raw {
			m.create(framebuf.Format{PixelFormat: framebuf.YUV420P, Width: 15, Height: 7}, framebuf.Options{Slots: 2, Capacity: 700, Lossless: framebuf.LosslessRefuse})
			m.stamped(1)
			b := m.ended()
			unevenly(b, 1, 1, 1)
			return b
		}},
		{"failed", "An orderly end of a writer whose source failed; its last error, and what was counted.", false, []reading{newest(0)}, makeFailed},
		{"tomorrow", "A later minor version: longer tables elsewhere, bytes, flags and a pixel format that nobody knows yet.", false, []reading{newest(1), lossless(1)}, makeTomorrow},
	}
}

// tookOver leaves m with the writer of a segment that was taken over, and the dead
// generation as its file.
func tookOver(m *maker, f framebuf.Format) {
	m.create(f, framebuf.Options{Slots: 3})
	m.stamped(3)
	b := m.left()
	path := filepath.Join(m.dir, m.name)
	require.NoError(m.t, os.WriteFile(path, b, 0o600))
	m.open()
	dead := m.file
	m.create(f, framebuf.Options{Slots: 3})
	m.t.Cleanup(func() { _ = m.w.Close() })
	m.file = dead
}

func makeRecords(m *maker) raw {
	m.create(framebuf.Format{}, framebuf.Options{Slots: 4, Capacity: 256})
	camera := framebuf.Generation{0xA0, 1, 2, 3, 4, 5, 6, 7, 8}
	for i, text := range []string{
		`{"analyzer":"motion","boxes":[{"x":1,"y":2,"w":3.5,"h":4,"label":"Füße","score":0.93}],"width":16,"height":8}`,
		`{"analyzer":"motion","boxes":[]}`,
		"",
	} {
		m.publish(func(s *framebuf.Slot) error {
			s.Info.Reference = framebuf.Reference{Set: true, Frame: uint64(10 * i), Generation: camera.Low(), PTS: int64(10*i) * tick}
			if i == 1 {
				s.Info.Reference.PTS = framebuf.NoPTS
			}
			if i == 2 {
				s.Info.Reference = framebuf.Reference{}
			}
			return errors.Join(s.SetLength(len(text)), s.SetMeta([]byte{0, 0xFF, '{', 0x80}[:i+1]), write(s, text))
		})
	}
	return m.ended()
}

func write(s *framebuf.Slot, text string) error {
	copy(s.Bytes(), text)
	return nil
}

func makeAudio(m *maker) raw {
	m.create(framebuf.Format{}, framebuf.Options{Slots: 2, Capacity: 512, Kind: framebuf.AudioKind})
	for i, a := range []framebuf.Audio{
		{Rate: 48000, Channels: 2, Format: framebuf.S16LE, Layout: 3, Samples: 16},
		{Rate: 192000, Channels: 6, Format: framebuf.F32LE, Layout: 0x8000_0000_0000_060F, Samples: 10},
	} {
		m.publish(func(s *framebuf.Slot) error {
			s.Info.Audio, s.Info.PTS = a, int64(1024*i)
			s.Info.TimeBase = framebuf.Rational{Num: 1, Den: int32(a.Rate)}
			err := s.SetLength([]int{64, 240}[i])
			fill(s.Bytes(), uint64(i), framebuf.Format{})
			return err
		})
	}
	return m.ended()
}

func makeKept(m *maker) raw {
	for _, text := range []string{"1", "22", `{"threshold":0.25}`} {
		_, err := framebuf.Update(within(m.t, 20*time.Second), m.name, &framebuf.Options{Dir: m.dir, Capacity: 64, Cells: 3, MetaCapacity: 64}, func(_ *framebuf.Frame, s *framebuf.Slot) error {
			return errors.Join(s.SetLength(len(text)), write(s, text))
		})
		require.NoError(m.t, err)
	}
	m.open()
	require.NoError(m.t, framebuf.Remove(m.dir, m.name))
	return m.bytes()
}

func makeNumbers(m *maker) raw {
	m.create(framebuf.Format{PixelFormat: framebuf.Gray8, Width: 16, Height: 8}, framebuf.Options{Slots: 2})
	m.stamped(2)
	b := m.ended()
	renumber(b, 1<<47-2)
	for slot := range b.slots() { // as if Stamp had had these numbers
		n := b.u64(b.record(slot, 128))
		fill(b[b.payload(slot):][:128], n, framebuf.Format{PixelFormat: framebuf.Gray8, Width: 16, Height: 8})
		b.set64(b.record(slot, 160), n*tick)
		b.set32(b.record(slot, 232), uint32(copy(b[b.record(slot, 512):], meta(n))))
	}
	return b
}

func makeFacts(m *maker) raw {
	m.create(framebuf.Format{PixelFormat: framebuf.RGBA, Width: 5, Height: 3}, framebuf.Options{Slots: 3, Checksum: true, Live: true, Lossless: framebuf.LosslessEvict})
	for _, i := range []framebuf.Info{
		{
			PTS: -1 << 62, Duration: 1<<62 + 1, TimeBase: framebuf.Rational{Num: 1001, Den: 30000}, Rate: framebuf.Rational{Num: 30000, Den: 1001},
			Flags: framebuf.FlagKey | framebuf.FlagPlaceholder, SourceSeq: 1<<63 + 5, Timecode: 1<<63 + 0x01020304, Alpha: framebuf.AlphaPremultiplied,
			Color:      framebuf.Color{Range: framebuf.RangeFull, Matrix: 0, Primaries: 9, Transfer: 16, Chroma: 1},
			FieldOrder: framebuf.BottomFirst, Rotation: 270, Aspect: framebuf.Rational{Num: 64, Den: 45}, Crop: framebuf.Crop{Left: 1, Top: 2, Right: 3, Bottom: 4},
		},
		{
			PTS: 1<<63 - 1, TimeBase: framebuf.Rational{Num: 1, Den: 1 << 30}, Flags: framebuf.FlagDiscontinuity, Alpha: framebuf.AlphaStraight,
			Color:      framebuf.Color{Range: framebuf.RangeLimited, Matrix: 9, Primaries: 1, Transfer: 1, Chroma: 6},
			FieldOrder: framebuf.Progressive, Rotation: 90,
		},
		{ // nothing is known
			PTS: framebuf.NoPTS, Color: framebuf.Color{Matrix: framebuf.MatrixUnknown, Primaries: 2, Transfer: 2},
		},
	} {
		m.publish(func(s *framebuf.Slot) error {
			i.Captured, i.CapturedWall = s.Info.Captured, s.Info.CapturedWall
			fill(s.Bytes(), s.Info.Number, s.Info.Format)
			i.Number = s.Info.Number
			s.Info = i
			return nil
		})
	}
	return m.ended()
}

func makeFailed(m *maker) raw {
	m.create(framebuf.Format{PixelFormat: framebuf.Gray8, Width: 16, Height: 8}, framebuf.Options{Slots: 2})
	m.stamped(1)
	s, err := m.w.Begin(within(m.t, 20*time.Second))
	require.NoError(m.t, err)
	s.Abandon()
	m.w.SetSource(framebuf.SourceFailed)
	m.w.SetError("rtsp://camera/live: Verbindung verloren – 404 Not Found")
	m.w.CountRestart()
	m.w.CountStall()
	m.w.CountStall()
	for why := range 5 {
		m.w.CountDrops(framebuf.DropReason(why), uint64(why+7))
	}
	return m.ended()
}

func makeTomorrow(m *maker) raw {
	m.create(framebuf.Format{PixelFormat: framebuf.Gray8, Width: 16, Height: 8}, framebuf.Options{Slots: 3})
	m.stamped(2)
	b := relay(m.ended())
	slot := 0 // of frame 0
	b.set32(b.record(slot, 268), 99)
	b.set32(b.record(slot, 264), 0)
	copy(b[b.record(slot, 272):], "NEW1")
	return b
}
