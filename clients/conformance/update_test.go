//go:build linux

package conformance

// One value, changed by many at once.

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// valueOf asks a client for the value of counter c.
func valueOf(t testing.TB, c *client, dir string) (value int64, number uint64) {
	t.Helper()
	got := start(t, c, dir, "value", "c").end(t)
	require.Zero(t, got.code, "%s: %+v\n%s", got.who, got.last(), got.stderr)
	var l struct {
		Value  int64  `json:"value"`
		Number uint64 `json:"number"`
	}
	require.NoError(t, json.Unmarshal(got.stdout, &l))
	return l.Value, l.Number
}

// Two languages increase one counter at the same time: the sum is right, and every
// value between was seen by exactly one of them.
func TestUpdate(t *testing.T) {
	skipShort(t)
	all := clients(t)
	const times = 50
	for _, a := range all {
		for _, b := range all {
			t.Run(a.name+"-"+b.name, func(t *testing.T) {
				t.Parallel()
				a.needs(t, "update")
				b.needs(t, "update")
				dir := testDir(t)
				start(t, a, dir, "value", "c").fails(t, "not-found")
				first := start(t, a, dir, "update", "c", "--add", "3", "--times", fmt.Sprint(times))
				second := start(t, b, dir, "update", "c", "--add", "3", "--times", fmt.Sprint(times))
				seen := map[int64]bool{}
				for _, p := range []*process{first, second} {
					for _, l := range p.ends(t, "done").lines {
						if l.Value == nil {
							continue
						}
						require.False(t, seen[*l.Value], "%s: the value %d came twice", p.who, *l.Value)
						require.Equal(t, int64(*l.Number+1)*3, *l.Value, "%s: numbers rise with each update", p.who)
						seen[*l.Value] = true
					}
				}
				require.Len(t, seen, 2*times)
				for _, c := range []*client{a, b} {
					value, number := valueOf(t, c, dir)
					require.Equal(t, int64(3*2*times), value)
					require.Equal(t, uint64(2*times-1), number)
				}
				require.NoError(t, framebuf.Remove(dir, "c"))
			})
		}
	}
}
