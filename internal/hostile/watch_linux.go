package hostile

// A watch over a folder, by inotify: who opens a file there is noticed, whatever comes of it.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

type watch struct{ fd int }

const watched = unix.IN_OPEN | unix.IN_ACCESS | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO

func newWatch(dir string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("hostile: watch: %w", err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, watched); err != nil {
		return nil, errors.Join(fmt.Errorf("hostile: watch %s: %w", dir, err), unix.Close(fd))
	}
	return &watch{fd: fd}, nil
}

func (w *watch) close() { _ = unix.Close(w.fd) }

// events reads what has happened. The kernel queues it before the call that caused it returns.
func (w *watch) events() (lines []string) {
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return lines
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			mask, size := binary.NativeEndian.Uint32(b[4:]), int(binary.NativeEndian.Uint32(b[12:]))
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size]), "\x00")
			lines = append(lines, fmt.Sprintf("%s: event %#x", name, mask))
			b = b[unix.SizeofInotifyEvent+size:]
		}
	}
}
