package testbed

// What ffmpeg prints of itself, asked once per test binary.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/framebridge/framebridge/internal/ffproc"
)

// asker is in ffmpeg's place: what ffmpeg said of itself it says again, for all else it
// becomes ffmpeg. The first two arguments are those of ffargs.AbilityArgs; any other
// question goes to ffmpeg.
const asker = `#!/bin/sh
if [ "$#$1$2" = 3-hide_banner-nostdin ]; then
  kept=%[2]s/said$3
  [ -e $kept ] || { %[1]s "$@" >$kept.$$ && /bin/mv $kept.$$ $kept; } || exit
  exec /bin/cat $kept
fi
exec %[1]s "$@"
`

// RememberLists lets ffmpeg be asked for its version, and for each list of what it can do,
// only once by all that a test binary does and starts: a start of ffmpeg takes a tenth of a
// second, and a capture begins with one question, an encoder with three. It puts a
// stand-in for ffmpeg in front of PATH; forget removes it. Without ffmpeg it does nothing.
//
// It is for TestMain. That the questions are put to ffmpeg itself is tested where there is
// no stand-in, in internal/ffprobe and internal/ffargs.
func RememberLists() (forget func(), err error) {
	program, err := ffproc.Look("ffmpeg")
	if err != nil {
		return func() {}, nil // whoever needs it says so
	}
	dir, err := os.MkdirTemp("", "framebridge-lists-")
	if err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	path := os.Getenv("PATH")
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "ffmpeg"), fmt.Appendf(nil, asker, program, dir), 0o700),
		os.Setenv("PATH", dir+string(os.PathListSeparator)+path))
	forget = func() {
		_ = os.Setenv("PATH", path)
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		forget()
		return nil, fmt.Errorf("testbed: %w", err)
	}
	return forget, nil
}
