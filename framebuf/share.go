// Sharing with a group, and trusting other users.

package framebuf

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"

	"github.com/framebridge/framebridge/internal/shm"
)

// Modes of the two files. Members of the group read the data file and write the
// control file: without that they could neither pin nor join.
const (
	privateMode      = 0o600
	groupDataMode    = 0o640
	groupControlMode = 0o660
)

// home is where the files of a writer are made, and for whom.
type home struct {
	dir *shm.Dir // nil: nowhere but in memory, sealed
	gid int      // shm.NoGroup: for this user alone
}

func (h home) sealed() bool { return h.dir == nil }

// create makes a file without a name, which a sealed one never gets.
func (h home) create(segment string, size int64, groupMode uint32) (*shm.File, error) {
	if h.sealed() {
		return shm.CreateSealable("framebridge-"+segment, size, h.access(groupMode))
	}
	return h.dir.CreateUnnamed(size, h.access(groupMode))
}

// access is the mode and group of a new file.
func (h home) access(groupMode uint32) shm.Access {
	if h.gid == shm.NoGroup {
		return shm.Access{Mode: privateMode, GID: shm.NoGroup}
	}
	return shm.Access{Mode: groupMode, GID: h.gid}
}

// openHome opens the directory of a writer and lets its group in. A sealed segment
// has none.
func openHome(o *Options) (home, error) {
	h := home{gid: shm.NoGroup}
	var err error
	if o.Group != "" {
		if h.gid, err = groupID(o.Group); err != nil {
			return h, err
		}
	}
	if o.Sealed {
		return h, nil
	}
	if h.dir, err = openDir(o.Dir, shm.DirOptions{Create: true}); err != nil {
		return h, err
	}
	if h.gid != shm.NoGroup {
		// A directory that the caller made for itself is not opened behind its back.
		if err := h.dir.Share(h.gid, h.dir.Made() || h.dir.Path() == ownDir()); err != nil {
			_ = h.dir.Close()
			return h, err
		}
	}
	return h, nil
}

// groupID is the number of a group, given as a number or by name.
func groupID(group string) (int, error) {
	if n, err := strconv.ParseUint(group, 10, 31); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, fmt.Errorf("%w: %q: no such group", ErrGroup, group)
	}
	n, err := strconv.ParseUint(g.Gid, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%w: %q: its number is %q", ErrGroup, group, g.Gid)
	}
	return int(n), nil
}

// readersTrust says what a reader can do about an owner it does not trust.
func readersTrust(err error) error {
	if owner := new(OwnerError); errors.As(err, &owner) {
		return fmt.Errorf("%w; ReaderOptions.TrustUID names users whose segments may be read", err)
	}
	return err
}
