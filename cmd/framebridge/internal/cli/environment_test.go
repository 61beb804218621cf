package cli

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestFromEnvironment(t *testing.T) {
	environ := map[string]string{"FRAMEBRIDGE_PIX_FMT": "nv12", "FRAMEBRIDGE_SLOTS": "7", "FRAMEBRIDGE_LOSSLESS": "true", "FRAMEBRIDGE_WAIT": ""}
	lookup := func(key string) (string, bool) { v, ok := environ[key]; return v, ok }
	var pixFmt, wait string
	var slots int
	var lossless, newest bool
	parse := func(args ...string) error {
		f := pflag.NewFlagSet("x", pflag.ContinueOnError)
		f.StringVar(&pixFmt, "pix-fmt", "rgba", "")
		f.StringVar(&wait, "wait", "5s", "")
		f.IntVar(&slots, "slots", 4, "")
		f.BoolVar(&lossless, "lossless", false, "")
		f.BoolVar(&newest, "newest", false, "")
		require.NoError(t, f.Parse(args))
		return fromEnvironment(f, lookup)
	}

	require.NoError(t, parse("--slots", "3"))
	require.Equal(t, "nv12", pixFmt, "the environment wins over the default")
	require.Equal(t, 3, slots, "the command line wins over the environment")
	require.Equal(t, "5s", wait, "an empty variable is none")
	require.True(t, lossless)

	require.NoError(t, parse("--newest"))
	require.False(t, lossless, "the opposite on the command line wins")

	environ["FRAMEBRIDGE_SLOTS"] = "many"
	require.ErrorContains(t, parse(), "FRAMEBRIDGE_SLOTS=many")
}
