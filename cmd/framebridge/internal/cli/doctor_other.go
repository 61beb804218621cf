//go:build !linux

package cli

import "runtime"

// memoryChecks says that there is nothing to look at.
func memoryChecks(string) []check {
	return []check{{
		Check: "shared memory", State: checkFail, code: codeSegment,
		Detail: "segments need Linux; this is " + runtime.GOOS,
	}}
}
