//go:build linux

package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A client that passes here has left nothing out, so that green means green.
func TestComplete(t *testing.T) {
	each(t, func(t *testing.T, c *client) {
		for _, command := range []string{"describe", "read", "write", "update", "value"} {
			require.True(t, c.can(command), "%s has no %s yet", c.name, command)
		}
		for _, mode := range []string{"newest", "lossless"} {
			require.True(t, c.canRead(mode), "%s does not read %s yet", c.name, mode)
		}
	})
}
