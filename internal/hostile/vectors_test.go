package hostile_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/hostile"
)

func newSite(t testing.TB) *hostile.Site {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the watch over the canary folder is for Linux")
	}
	s, err := hostile.NewSite(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// The parsers refuse what they must, and take the rest for a plain name.
func TestInputs(t *testing.T) {
	s := newSite(t)
	t.Chdir(s.Sandbox)
	vectors := s.Inputs()
	seen := map[string]bool{}
	for _, v := range vectors {
		assert.False(t, seen[v.Text], "twice: %q", v.Text)
		seen[v.Text] = true
		in, err := ffargs.ParseInput(v.Text)
		if v.Want == hostile.Refused || v.Text == "" {
			assert.ErrorIs(t, err, ffargs.ErrInput, "%q became %+v", v.Text, in)
			continue
		}
		if assert.NoError(t, err, "%q", v.Text) {
			assert.Equal(t, ffargs.File, in.Kind, "%q", v.Text)
			assert.True(t, strings.HasPrefix(in.Name, "file:/"), "%q became %q", v.Text, in.Name)
		}
	}
	require.GreaterOrEqual(t, len(vectors), 300)
	require.Empty(t, s.Touched())
	require.Zero(t, s.Calls())
	t.Log(len(vectors), hostile.Count(vectors))
}

func TestOutputs(t *testing.T) {
	s := newSite(t)
	t.Chdir(s.Sandbox)
	vectors := s.Outputs()
	seen := map[string]bool{}
	for _, v := range vectors {
		assert.False(t, seen[v.Text], "twice: %q", v.Text)
		seen[v.Text] = true
		out, err := ffargs.ParseOutput(v.Text)
		if v.Want == hostile.Refused {
			assert.ErrorIs(t, err, ffargs.ErrOutput, "%q became %+v", v.Text, out)
			continue
		}
		assert.NoError(t, err, "%q", v.Text)
		assert.True(t, strings.HasPrefix(out.URL, "file:"+s.Sandbox+"/"), "%q became %q", v.Text, out.URL)
	}
	t.Log(len(vectors), hostile.Count(vectors))
}
