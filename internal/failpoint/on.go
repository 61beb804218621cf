//go:build faults

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Enabled says whether this build has failpoints.
const Enabled = true

type point struct {
	place  string
	signal syscall.Signal
	left   atomic.Int64
}

var armed = parse(os.Getenv(Variable))

func parse(text string) *point {
	if text == "" {
		return nil
	}
	text, pass, counted := strings.Cut(text, "@")
	n := int64(1)
	if counted {
		var err error
		if n, err = strconv.ParseInt(pass, 10, 64); err != nil || n < 1 {
			panic(fmt.Sprintf("failpoint: %s: pass %q", Variable, pass))
		}
	}
	p := &point{signal: syscall.SIGKILL}
	var action string
	p.place, action, _ = strings.Cut(text, "=")
	switch action {
	case "", "kill":
	case "stop":
		p.signal = syscall.SIGSTOP
	default:
		panic(fmt.Sprintf("failpoint: %s: action %q", Variable, action))
	}
	p.left.Store(n)
	return p
}

// At is a place with a name. If it is the armed one, the process gets its signal
// here: SIGKILL is as sudden as from outside, nothing runs after it.
func At(place string) {
	if armed == nil || armed.place != place || armed.left.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(syscall.Getpid(), armed.signal)
	for armed.signal == syscall.SIGKILL {
		_ = syscall.Pause()
	}
}
