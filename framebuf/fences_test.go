// The memory orders of the protocol, in the machine code for arm64. See the test
// of the same name in internal/seqlock for the fences themselves.

package framebuf

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What this proves: on each path the instruction that orders is there, between the
// accesses that it orders. What it does not: that these orders are enough (that is
// for the model and for the architecture's rules), and that no access which is not
// named here needs one too. Running it on amd64, or under an emulator there, says
// nothing: both keep loads and stores in order without any fence.
func TestFencesAreUsedOnARM64(t *testing.T) {
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
	compiled := filepath.Join(t.TempDir(), "framebuf.a")
	run("build", "-trimpath", "-o", compiled, ".")
	code := map[string]string{}
	for text := range strings.SplitSeq(run("tool", "objdump", "-s", `framebuf\.\(\*`, compiled), "TEXT ") {
		name, _, _ := strings.Cut(text, "(SB)")
		code[name[strings.LastIndex(name, "/")+1:]] = text
	}
	const (
		acquire, release = "LDAR ", "STLR "
		loadFence        = "seqlock.LoadFence"
		storeFence       = "seqlock.StoreFence"
	)
	for _, row := range []struct {
		name, function string
		want           []string // in this order
	}{
		{"claim: back word, then the pins, then the odd mark, then the fence", "(*Writer).claim", []string{release, "pinned", release, storeFence}},
		{"pins are loaded with acquire", "(*Writer).pinsOf", []string{acquire}},
		{"publish: header, then the even mark, then the publish word", "(*Writer).publish", []string{"Info).store", release, release}},
		{"copy: sequence, payload, fence, sequence", "(*Reader).copyFrame", []string{acquire, "memmove", loadFence, acquire}},
		{"pin: pin, back word, sequence, header, fence, sequence", "(*Reader).pinFrame", []string{release, acquire, acquire, "header", loadFence, acquire}},
		{"lossless: header, fence, sequence", "(*Reader).readLossless", []string{"header", loadFence, acquire}},
		{"end check of a view: fence, sequence", "(*Frame).valid.func1", []string{loadFence, acquire}},
		{"cursor: store, then the event", "(*Reader).letGo", []string{release, "ring"}},
		{"error text, written: odd, fence, even", "(*segment).storeError", []string{"STLRW", storeFence, "STLRW"}},
		{"error text, read: sequence, text, fence, sequence", "(*segment).loadError", []string{"LDARW", loadFence, "LDARW"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			rest := code["framebuf."+row.function]
			require.NotEmpty(t, rest)
			for _, instruction := range row.want {
				_, after, found := strings.Cut(rest, instruction)
				require.True(t, found, "no %s, or too early, in\n%s", instruction, code["framebuf."+row.function])
				rest = after
			}
		})
	}
}
