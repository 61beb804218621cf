// The fences of arm64, in the machine code: hardware that would show a missing one
// is rarely at hand, and an emulator hides it.

package seqlock

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFencesOnARM64(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not installed")
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(goTool, args...)
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	dir := t.TempDir()
	assembled, compiled := filepath.Join(dir, "fence.o"), filepath.Join(dir, "seqlock.a")
	include := filepath.Join(strings.TrimSpace(run("env", "GOROOT")), "pkg", "include")
	run("tool", "asm", "-p", "seqlock", "-I", include, "-o", assembled, "fence_arm64.s")
	run("build", "-o", compiled, ".")
	for _, row := range []struct {
		function, object string
		want             []string // in this order
	}{
		{"LoadFence", assembled, []string{"d50339bf", "DMB $9", "RET"}},   // DMB ISHLD
		{"StoreFence", assembled, []string{"d5033abf", "DMB $10", "RET"}}, // DMB ISHST
		// Order 1: the odd mark, then the fence.
		{"BeginWrite", compiled, []string{"STLR", "seqlock.StoreFence", "RET"}},
		// Order 2: a release store.
		{"EndWrite", compiled, []string{"STLR", "RET"}},
		// Order 3: an acquire load.
		{"Begin", compiled, []string{"LDAR", "RET"}},
		// Order 4: the fence, then the second load.
		{"Valid", compiled, []string{"seqlock.LoadFence", "LDAR", "RET"}},
	} {
		code := run("tool", "objdump", "-s", `seqlock\.`+row.function+`(\.abi0)?$`, row.object)
		rest := code
		for _, instruction := range row.want {
			_, after, found := strings.Cut(rest, instruction)
			require.True(t, found, "%s: no %s, or too early, in\n%s", row.function, instruction, code)
			rest = after
		}
	}
}
