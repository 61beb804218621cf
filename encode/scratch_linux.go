// Memory that ffmpeg's plug-in can read, for pictures that are in no segment: scaled, drawn upon, or read as a copy.

package encode

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/lane"
)

type scratch struct {
	file  *os.File
	bytes []byte
}

func newScratch(size int) (*scratch, error) {
	fd, err := unix.MemfdCreate("framebridge", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for ffmpeg: %w", os.NewSyscallError("memfd_create", err))
	}
	s := &scratch{file: os.NewFile(uintptr(fd), "memory for ffmpeg")}
	if err = unix.Fallocate(fd, 0, 0, int64(size)); err == nil {
		s.bytes, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		_ = s.file.Close()
		return nil, fmt.Errorf("memory for ffmpeg: %d bytes: %w", size, err)
	}
	return s, nil
}

// scratchMark stands where a segment's memory has its generation, which is random.
var scratchMark = [16]byte{'s', 'c', 'r', 'a', 't', 'c', 'h'}

func (s *scratch) place(f *framebuf.Format) *lane.Place {
	return &lane.Place{
		Generation: scratchMark, Length: int64(len(s.bytes)), Stride: int(f.Planes()[0].Stride),
		Open: func() (*os.File, error) {
			fd, err := unix.FcntlInt(s.file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				return nil, os.NewSyscallError("fcntl", err)
			}
			return os.NewFile(uintptr(fd), s.file.Name()), nil
		},
	}
}

func (s *scratch) close() {
	_ = unix.Munmap(s.bytes)
	_ = s.file.Close()
}
