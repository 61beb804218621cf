package cli

// --trust: reading the segments of other users.

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/framebridge/framebridge/framebuf"
)

// trustValue are users whose segments may be read, by name or number; the flag may be given several times.
type trustValue struct{ uids []int }

func (v *trustValue) Type() string { return "user" }

func (v *trustValue) String() string {
	var texts []string
	for _, uid := range v.uids {
		texts = append(texts, strconv.Itoa(uid))
	}
	return strings.Join(texts, ",")
}

func (v *trustValue) Set(text string) error {
	for _, one := range strings.Split(text, ",") {
		uid, err := userID(one)
		if err != nil {
			return err
		}
		v.uids = append(v.uids, uid)
	}
	return nil
}

func userID(text string) (int, error) {
	if uid, err := strconv.ParseUint(text, 10, 31); err == nil {
		return int(uid), nil
	}
	u, err := user.Lookup(text)
	if err != nil {
		return 0, fmt.Errorf("%q: no such user", text)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q: its number is %q", text, u.Uid)
	}
	return int(uid), nil
}

// registerTrust is for commands that read segments.
func (s *session) registerTrust(f *pflag.FlagSet) {
	f.Var(&s.trust, "trust", "user, by name or number, whose segments may be read; may be given several times")
}

// foreign is the owner, if an error says that a segment or directory is another user's; -1 if it says so without naming
// the owner.
func foreign(err error) (uid int, ok bool) {
	if owner := new(framebuf.OwnerError); errors.As(err, &owner) {
		return owner.UID, true
	}
	return -1, errors.Is(err, fs.ErrPermission) && !errors.Is(err, framebuf.ErrReadOnly)
}

// readError is segmentError for who wanted to read: it says what to do about segments of other users.
func readError(err error) error {
	switch uid, ok := foreign(err); {
	case !ok:
		return segmentError(err)
	case uid < 0:
		return withTodo(segmentError(err), "it is another user's, who can share it with a group that you are in: --group GROUP, where it is written")
	default:
		return withTodo(segmentError(err), "--trust %d reads what that user writes: pictures may then be anything, and change at any moment", uid)
	}
}
