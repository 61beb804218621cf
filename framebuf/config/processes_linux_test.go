// Several processes at one configuration, some of them killed.

package config_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf/config"
)

// child starts this program as another process.
func child(t testing.TB, role, dir string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(within(t, time.Minute), os.Args[0])
	cmd.Env = append(append(os.Environ(), "FRAMEBRIDGE_ROLE="+role+" "+dir), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// whole is the counter that a fresh reader finds, and its version.
func whole(t testing.TB, dir string) (n int64, version uint64) {
	t.Helper()
	r, err := config.Open(t.Context(), "cfg", &config.ReaderOptions{Dir: dir})
	require.NoError(t, err)
	defer r.Close()
	now := current(t, r)
	n, err = now.Int("counter.value", 0)
	require.NoError(t, err)
	again, err := now.Int("counter.again", 0)
	require.NoError(t, err)
	require.Equal(t, n, again, "half a value")
	return n, now.Version
}

// Four processes increase a counter, two readers look on.
func TestFourProcesses(t *testing.T) {
	dir := testDir(t, "cfg")
	const processes = 4
	var children []*exec.Cmd
	for range processes {
		c := child(t, "count", dir)
		require.NoError(t, c.Start())
		children = append(children, c)
	}
	r := open(t, dir)
	ctx := within(t, time.Minute)
	var watching sync.WaitGroup
	watching.Go(func() {
		last, seen := uint64(0), 0
		for now, err := range r.Changes(ctx) {
			if err != nil {
				t.Error(err)
				return
			}
			if n, err := now.Int("counter.value", 0); err != nil || uint64(n) != now.Version {
				t.Errorf("version %d has %d: %v", now.Version, n, err)
			}
			if now.Version < last {
				t.Errorf("version %d after %d", now.Version, last)
			}
			last, seen = now.Version, seen+1
			if last == processes*counts {
				t.Logf("%d of %d versions seen by who waits", seen, last)
				return
			}
		}
	})
	watching.Go(func() {
		for last := uint64(0); last < processes*counts; {
			now, err := r.Current(ctx)
			if err != nil || now.Version < last {
				t.Errorf("version %d after %d: %v", now.Version, last, err)
				return
			}
			last = now.Version
		}
	})
	for _, c := range children {
		require.NoError(t, c.Wait())
	}
	watching.Wait()
	n, version := whole(t, dir)
	require.Equal(t, int64(processes*counts), n)
	require.Equal(t, uint64(n), version)
}

// A process that counts is killed at any moment: what it said to have written is there, and at most one more.
func TestKilledAnywhere(t *testing.T) {
	dir := testDir(t, "cfg")
	rounds := 15
	if v := os.Getenv("FRAMEBRIDGE_KILLS"); v != "" {
		var err error
		rounds, err = strconv.Atoi(v)
		require.NoError(t, err, "FRAMEBRIDGE_KILLS")
	}
	for range rounds {
		c := child(t, "forever", dir)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		lines := bufio.NewScanner(out)
		require.True(t, lines.Scan())
		told := lines.Text()
		time.AfterFunc(rand.N(20*time.Millisecond), func() { _ = c.Process.Kill() })
		for lines.Scan() {
			told = lines.Text()
		}
		require.Error(t, c.Wait())
		said, err := strconv.ParseInt(strings.TrimSpace(told), 10, 64)
		require.NoError(t, err)
		n, version := whole(t, dir)
		require.Contains(t, []int64{said, said + 1}, n)
		require.Equal(t, uint64(n), version)
		once(t, dir, n)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 2, "nothing is left of the dead")
}

// once increases the counter at once, whoever died before.
func once(t testing.TB, dir string, before int64) {
	t.Helper()
	version, err := config.Update(within(t, 20*time.Second), "cfg", &config.Options{Dir: dir}, count)
	require.NoError(t, err)
	require.Equal(t, uint64(before+1), version)
}

// Readers and writers in one process, for the race detector.
func TestConcurrent(t *testing.T) {
	dir := testDir(t, "cfg")
	r, ctx := open(t, dir), within(t, time.Minute)
	var all sync.WaitGroup
	const writers, each = 3, 20
	for w := range writers {
		all.Go(func() {
			for range each {
				_, err := config.Update(ctx, "cfg", &config.Options{Dir: dir}, func(v config.Values) error {
					v[fmt.Sprintf("writer%d", w)] = w
					return count(v)
				})
				if err != nil {
					t.Error(err)
				}
				now, err := r.Current(ctx)
				if got, gerr := now.Int(fmt.Sprintf("writer%d", w), -1); err != nil || gerr != nil || got != int64(w) {
					t.Errorf("a writer finds %d: %v %v", got, err, gerr)
				}
			}
		})
		all.Go(func() {
			for now, err := range r.Changes(ctx) {
				if err != nil {
					t.Error(err)
					return
				}
				var into map[string]any
				if err := now.Decode(&into); err != nil {
					t.Error(err)
				}
				if now.Version == writers*each {
					return
				}
			}
		})
	}
	all.Wait()
	n, _ := whole(t, dir)
	require.Equal(t, int64(writers*each), n)
}
