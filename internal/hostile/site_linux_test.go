package hostile_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/hostile"
)

// The guard sees what it is there to see.
func TestGuard(t *testing.T) {
	s := newSite(t)
	require.Empty(t, s.Touched())
	note := filepath.Join(s.Canary, hostile.CanaryNote)
	_, err := os.ReadFile(note)
	require.NoError(t, err)
	require.Contains(t, strings.Join(s.Touched(), "\n"), hostile.CanaryNote)
	require.Empty(t, s.Touched(), "each event once")
	require.NoError(t, os.WriteFile(filepath.Join(s.Canary, "new"), nil, 0o600))
	require.NotEmpty(t, s.Touched())

	for i, address := range []struct{ network, to string }{
		{"tcp", fmt.Sprintf("127.0.0.1:%d", s.TCP)}, {"unix", s.Socket}, {"udp", fmt.Sprintf("127.0.0.1:%d", s.UDP)},
	} {
		c, err := net.Dial(address.network, address.to)
		require.NoError(t, err)
		_, err = c.Write([]byte("x"))
		if address.network == "udp" {
			require.NoError(t, err)
		}
		require.Eventually(t, func() bool { return s.Calls() == int64(i)+1 }, 10*time.Second, time.Millisecond, address.network)
		require.NoError(t, c.Close())
	}
}

func TestFilesAndSecrets(t *testing.T) {
	s := newSite(t)
	names := map[string]bool{}
	for _, f := range s.Disguised() {
		require.False(t, names[f.Name], f.Name)
		names[f.Name] = true
		require.NotContains(t, string(f.Content), "{C}")
		_, err := s.Write(f)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, len(names), 30)
	require.Empty(t, s.Touched(), "to name a file is not to open it")

	var bytes int
	bombs := hostile.Bombs()
	for _, b := range bombs {
		bytes = max(bytes, len(b.Content))
	}
	require.GreaterOrEqual(t, len(bombs), 10)
	require.Less(t, bytes, 8<<20, "a bomb is small")

	kinds := map[string]bool{}
	leaks := hostile.Leaks("1", 1000)
	for _, l := range leaks {
		kinds[l.Name] = true
		whole := l.Text + strings.Join(l.Args, " ")
		require.True(t, strings.Contains(whole, l.Secrets[0]), "%s: %q has no %q", l.Name, whole, l.Secrets[0])
	}
	require.Len(t, leaks, 1000)
	require.GreaterOrEqual(t, len(kinds), 30)
}

// Who keeps what came of an attack by its name needs names that are unique.
func TestLeaksHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range hostile.Leaks("1", 1000) {
		require.False(t, seen[l.Text], "twice: %s", l.Text)
		seen[l.Text] = true
	}
}
