package cli

// What doctor asks of the kernel: the directory of segments, its memory, limits.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
)

const (
	roomyBytes    = 256 << 20 // less is short for two segments of 1080p and one of 4K
	plentyOfFiles = 256
)

func memoryChecks(dir string) []check {
	if dir == "" {
		dir = framebuf.DefaultDir()
	}
	checks := []check{dirCheck(dir), memoryCheck(dir), filesCheck()}
	if c, ok := removeIPCCheck("/", dir, os.Geteuid()); ok {
		checks = append(checks, c)
	}
	return checks
}

// dirCheck looks at the directory itself, which need not be there yet.
func dirCheck(dir string) check {
	c := check{Check: "segments", State: checkFail, code: codeSegment, Detail: dir}
	var st unix.Stat_t
	err := unix.Lstat(dir, &st)
	switch uid := uint32(os.Geteuid()); {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(dir)); err != nil {
			c.Detail += ": its parent does not exist"
			c.Remedy = "mkdir -p " + ffargs.Quote([]string{filepath.Dir(dir)})
			return c
		}
		c.State, c.Detail = checkOK, dir+", not there yet: the first writer makes it"
	case err != nil:
		c.Detail += ": " + err.Error()
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		c.Detail += ": not a directory"
		c.Remedy = "rm " + ffargs.Quote([]string{dir})
	case st.Uid != uid && st.Uid != 0:
		c.Detail += fmt.Sprintf(": belongs to user %d", st.Uid)
		c.Remedy = "export FRAMEBRIDGE_DIR=/dev/shm/framebridge-" + fmt.Sprint(uid)
	case st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0:
		c.Detail += fmt.Sprintf(": others may replace what is in it (mode %04o)", st.Mode&0o7777)
		c.Remedy = "chmod go-w " + ffargs.Quote([]string{dir})
	default:
		names, err := framebuf.List(dir)
		if err != nil {
			c.Detail += ": " + message(err)
			return c
		}
		c.State, c.Detail = checkOK, fmt.Sprintf("%s, owner %d, group %d, mode %04o, %d segments", dir, st.Uid, st.Gid, st.Mode&0o7777, len(names))
	}
	return c
}

// memoryCheck looks at the file system under the directory.
func memoryCheck(dir string) check {
	c := check{Check: "shared memory", State: checkFail, code: codeSegment}
	at := dir
	if _, err := os.Stat(at); err != nil {
		at = filepath.Dir(dir)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(at, &st); err != nil {
		c.Detail = at + ": " + err.Error()
		return c
	}
	if st.Type != unix.TMPFS_MAGIC {
		c.Detail = at + " is not on tmpfs"
		c.Remedy = fmt.Sprintf("export FRAMEBRIDGE_DIR=/dev/shm/framebridge-%d", os.Geteuid())
		return c
	}
	return roomCheck(at, int64(st.Blocks)*st.Bsize, int64(st.Bavail)*st.Bsize)
}

// dockerBytes is the size of /dev/shm in a container of docker's and podman's unless told otherwise.
const dockerBytes = 64 << 20

// roomCheck judges the size of a tmpfs; 0 is one without a limit.
func roomCheck(at string, size, free int64) check {
	c := check{Check: "shared memory", State: checkOK, code: codeSegment}
	if size == 0 {
		c.Detail = at + ": tmpfs without a limit"
		return c
	}
	c.Detail = fmt.Sprintf("%s: tmpfs, %s, %s free", at, mebibytes(size), mebibytes(free))
	if free >= roomyBytes {
		return c
	}
	c.State = checkWarn
	c.Detail += "; a segment takes width * height * 4 * slots bytes (4 slots of 1080p: 31.6 MiB)"
	c.Remedy = "sudo mount -o remount,size=1G /dev/shm"
	if size == dockerBytes {
		c.Detail += "; 64 MiB is what a container gets if nothing is said"
		c.Remedy = "docker run --shm-size=1g IMAGE    # or share the host's: -v /dev/shm/framebridge:/dev/shm/framebridge -e FRAMEBRIDGE_DIR=/dev/shm/framebridge"
	}
	return c
}

func filesCheck() check {
	c := check{Check: "open files", State: checkOK, code: codeSegment}
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		c.State, c.Detail = checkWarn, err.Error()
		return c
	}
	c.Detail = fmt.Sprintf("%d a process", lim.Cur)
	if lim.Cur < plentyOfFiles {
		c.State, c.Remedy = checkWarn, "ulimit -n 1024"
	}
	return c
}
