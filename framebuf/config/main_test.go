package config_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/config"
	"github.com/framebridge/framebridge/internal/testbed"
)

// TestMain is also the other processes of tests: FRAMEBRIDGE_ROLE says what to do, and where.
func TestMain(m *testing.M) {
	role, dir, _ := strings.Cut(os.Getenv("FRAMEBRIDGE_ROLE"), " ")
	if role == "" {
		m.Run()
		return
	}
	if err := play(role, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(role, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch role {
	case "count": // so many times
		for range counts {
			if _, err := config.Update(ctx, "cfg", &config.Options{Dir: dir}, count); err != nil {
				return err
			}
		}
		return nil
	case "forever": // saying so each time
		for {
			version, err := config.Update(ctx, "cfg", &config.Options{Dir: dir}, count)
			if err != nil {
				return err
			}
			fmt.Println(version)
		}
	case "once":
		_, err := config.Update(ctx, "cfg", &config.Options{Dir: dir}, count)
		return err
	}
	return errors.New("no such role: " + role)
}

// counts is how many times a child increases the counter.
const counts = 250

// count increases the counter, and its copy, so that half of a value is noticed.
func count(v config.Values) error {
	n, err := v.Int("counter.value", 0)
	if err != nil {
		return err
	}
	again, err := v.Int("counter.again", 0)
	if err != nil || again != n {
		return fmt.Errorf("half a value: %d and %d: %w", n, again, err)
	}
	v["counter.value"], v["counter.again"] = n+1, n+1
	return nil
}

// testDir is an empty directory of segments in memory. It must hold nothing at the end but what is removed here.
func testDir(t testing.TB, names ...string) string {
	t.Helper()
	dir := testbed.Dir(t)
	t.Cleanup(func() {
		for _, name := range names {
			require.NoError(t, framebuf.Remove(dir, name))
		}
	})
	return dir
}

// within is a context that ends long after every healthy test has.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	return testbed.Within(t, d)
}

func open(t testing.TB, dir string) *config.Reader {
	t.Helper()
	r, err := config.Open(t.Context(), "cfg", &config.ReaderOptions{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func current(t testing.TB, r *config.Reader) config.Snapshot {
	t.Helper()
	now, err := r.Current(t.Context())
	require.NoError(t, err)
	return now
}

func set(t testing.TB, dir string, values map[string]any) uint64 {
	t.Helper()
	version, err := config.Set(within(t, 20*time.Second), "cfg", &config.Options{Dir: dir}, values)
	require.NoError(t, err)
	return version
}
