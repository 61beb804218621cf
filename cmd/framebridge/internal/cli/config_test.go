package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/config"
)

func TestParseSettings(t *testing.T) {
	for _, row := range []struct {
		name, word string
		want       any
	}{
		{"number", "k=20", json.Number("20")},
		{"beyond 2^53", "k=9007199254740993", json.Number("9007199254740993")},
		{"as it was written", "k=1.50", json.Number("1.50")},
		{"negative", "k=-3", json.Number("-3")},
		{"with spaces", "k= 3 ", json.Number("3")},
		{"boolean", "k=true", true},
		{"word", "k=True", "True"},
		{"leading zero", "k=007", "007"},
		{"not a number", "k=NaN", "NaN"},
		{"a string of digits", `k="20"`, "20"},
		{"empty", "k=", ""},
		{"an equals sign", "k=a=b", "a=b"},
		{"array", `k=[1,"a"]`, []any{json.Number("1"), "a"}},
		{"object", `k={"a":null}`, map[string]any{"a": nil}},
		{"half an array", "k=[1,", "[1,"},
		{"two values", "k=1 2", "1 2"},
		{"null", "k=null", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := parseSettings([]string{row.word})
			require.NoError(t, err)
			require.Equal(t, map[string]any{"k": row.want}, got)
		})
	}
	for _, bad := range [][]string{{"k"}, {""}, {"=1"}, {"K=1"}, {"a..b=1"}, {"k=1", "j=2", "k=1"}, {"k=\xff"}} {
		_, err := parseSettings(bad)
		require.Equal(t, codeUsage, exitCode(err), "%q", bad)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		code int
		todo string
	}{
		{"key", config.ErrKey, 2, ""},
		{"unknown", config.ErrUnknown, 2, ""},
		{"type", config.ErrType, 2, ""},
		{"value", config.ErrValue, 2, ""},
		{"too large", config.ErrTooLarge, 2, ""},
		{"something else", config.ErrNotConfig, 5, ""},
		{"not found", framebuf.ErrNotFound, 5, "`framebridge config set c.cfg KEY=VALUE` makes it"},
		{"busy", fmt.Errorf("%w: %w", framebuf.ErrBusy, context.DeadlineExceeded), 5, "another writer is at it: --wait 30s waits longer for its turn"},
		{"permission", os.ErrPermission, 5, "it is another user's, who can share it with a group that you are in: --group GROUP, where it is written"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := configError("c.cfg", fmt.Errorf("config: x: %w", row.err))
			require.ErrorIs(t, err, row.err)
			require.Equal(t, row.code, exitCode(err))
			require.Equal(t, row.todo, todo(err))
		})
	}
}

// A pipe that nobody reads ends the wait.
func TestWhileRead(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer write.Close()
	ctx, stop := whileRead(t.Context(), write)
	defer stop()
	require.False(t, unread(write))
	require.NoError(t, read.Close())
	if !unread(write) {
		t.Skip("this system does not tell")
	}
	select {
	case <-ctx.Done():
		require.ErrorIs(t, context.Cause(ctx), errStdoutClosed)
	case <-time.After(20 * time.Second):
		t.Fatal("nobody noticed")
	}
}
