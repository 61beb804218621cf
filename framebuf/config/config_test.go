//go:build linux

package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/config"
)

func TestVersions(t *testing.T) {
	dir := testDir(t, "cfg")
	r := open(t, dir)
	require.Zero(t, current(t, r).Version, "none yet")
	require.Equal(t, `{}`, string(current(t, r).JSON()))

	require.Equal(t, uint64(1), set(t, dir, map[string]any{"motion.threshold": 20, "name": "hall"}))
	first := current(t, r)
	require.Equal(t, uint64(1), first.Version)
	require.Equal(t, `{"motion.threshold":20,"name":"hall"}`, string(first.JSON()))
	require.Equal(t, uint64(1), set(t, dir, map[string]any{"name": "hall"}), "as it was: no new version")
	require.True(t, first == current(t, r), "nothing changed")

	require.Equal(t, uint64(2), set(t, dir, map[string]any{"name": "door"}))
	second := current(t, r)
	require.False(t, first == second)
	require.Equal(t, []string{"motion.threshold", "name"}, second.Keys())
	require.Equal(t, `{"motion.threshold":20,"name":"hall"}`, string(first.JSON()), "a snapshot never changes")

	version, err := config.Unset(t.Context(), "cfg", &config.Options{Dir: dir}, "name")
	require.NoError(t, err)
	require.Equal(t, uint64(3), version)
	require.Equal(t, `{"motion.threshold":20}`, string(current(t, r).JSON()))
	_, err = config.Unset(t.Context(), "cfg", &config.Options{Dir: dir}, "motion.threshold")
	require.NoError(t, err)
	require.Equal(t, `{}`, string(current(t, r).JSON()), "empty, and still there")
	require.Equal(t, uint64(4), current(t, r).Version)

	removed, err := framebuf.GC(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, removed, "a sweep leaves it")
	require.Equal(t, uint64(5), set(t, dir, map[string]any{"a": 1}))
}

// After an update has returned, the very next look sees it; also the first one, and the one after a removal.
func TestSeenAtOnce(t *testing.T) {
	dir := testDir(t, "cfg")
	readers := []*config.Reader{open(t, dir), open(t, dir)}
	for n := range 200 {
		version := set(t, dir, map[string]any{"n": n})
		for _, r := range readers {
			now := current(t, r)
			got, err := now.Int("n", -1)
			require.NoError(t, err)
			require.Equal(t, int64(n), got)
			require.Equal(t, version, now.Version)
		}
		if n == 100 {
			require.NoError(t, framebuf.Remove(dir, "cfg"))
			kept, err := current(t, readers[0]).Int("n", -1)
			require.NoError(t, err)
			require.Equal(t, int64(100), kept, "what was read stays until there is a new one")
			require.Zero(t, current(t, open(t, dir)).Version, "who comes later finds none")
		}
	}
	require.Equal(t, uint64(99), current(t, readers[0]).Version)
}

// A new life under the same name may have the same version, and is another one all the same.
func TestSameVersionOfANewLife(t *testing.T) {
	dir := testDir(t, "cfg")
	set(t, dir, map[string]any{"n": 1})
	r := open(t, dir)
	old := current(t, r)
	require.NoError(t, framebuf.Remove(dir, "cfg"))
	set(t, dir, map[string]any{"n": 2})
	now := current(t, r)
	require.Equal(t, old.Version, now.Version)
	require.False(t, old == now)
	require.Equal(t, `{"n":2}`, string(now.JSON()))
}

func TestGetters(t *testing.T) {
	dir := testDir(t, "cfg")
	set(t, dir, map[string]any{
		"number": 2.5, "whole": 3, "long": json.Number("20.0"), "big": uint64(math.MaxInt64), "huge": json.Number("1e999"), "text": "fast", "yes": true,
		"short": "250ms", "list": []int{1, 2}, "thing": map[string]any{"b": 1, "a": "x<y"}, "beyond": json.Number("9007199254740993"),
	})
	now := current(t, open(t, dir))
	for _, tc := range []struct {
		name string
		get  func() (any, error)
		want any
		text string // of the error
	}{
		{"float", func() (any, error) { return now.Float("number", 0) }, 2.5, ""},
		{"float of a whole one", func() (any, error) { return now.Float("whole", 0) }, 3.0, ""},
		{"no float", func() (any, error) { return now.Float("nothing", 7) }, 7.0, ""},
		{"float of text", func() (any, error) { return now.Float("text", 7) }, 7.0, `config: cfg, version 1: other type: text is a string ("fast"), not a number`},
		{"float beyond all", func() (any, error) { return now.Float("huge", 7) }, 7.0, "huge is a number (1e999), not a number"},
		{"int", func() (any, error) { return now.Int("whole", 0) }, int64(3), ""},
		{"int beyond 2^53", func() (any, error) { return now.Int("beyond", 0) }, int64(9007199254740993), ""},
		{"the largest int", func() (any, error) { return now.Int("big", 0) }, int64(math.MaxInt64), ""},
		{"int with a fraction of zero", func() (any, error) { return now.Int("long", 0) }, int64(20), ""},
		{"int of a fraction", func() (any, error) { return now.Int("number", 4) }, int64(4), "number is a number (2.5), not a whole number of 64 bits"},
		{"int of a list", func() (any, error) { return now.Int("list", 4) }, int64(4), "list is an array ([1,2]), not a whole number"},
		{"bool", func() (any, error) { return now.Bool("yes", false) }, true, ""},
		{"bool of a number", func() (any, error) { return now.Bool("whole", false) }, false, "whole is a number (3), not true or false"},
		{"string", func() (any, error) { return now.String("text", "") }, "fast", ""},
		{"string of an object", func() (any, error) { return now.String("thing", "d") }, "d", `thing is an object ({"a":"x<y","b":1}), not a string`},
		{"duration", func() (any, error) { return now.Duration("short", 0) }, 250 * time.Millisecond, ""},
		{"duration of seconds", func() (any, error) { return now.Duration("number", 0) }, 2500 * time.Millisecond, ""},
		{"no duration", func() (any, error) { return now.Duration("text", time.Second) }, time.Second, `text is a string ("fast"), not a duration such as "250ms"`},
		{"too long a duration", func() (any, error) { return now.Duration("big", time.Second) }, time.Second, "not a duration"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.get()
			require.Equal(t, tc.want, got)
			if tc.text == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, config.ErrType)
			require.ErrorContains(t, err, tc.text)
		})
	}
	raw, err := now.Raw("beyond")
	require.NoError(t, err)
	require.Equal(t, "9007199254740993", string(raw))
	_, err = now.Raw("numbr")
	require.ErrorIs(t, err, config.ErrUnknown)
	require.EqualError(t, err, `config: cfg, version 1: no such key: "numbr"; near it: number`)
}

func TestDecode(t *testing.T) {
	dir := testDir(t, "cfg")
	set(t, dir, map[string]any{"motion.threshold": 20, "id": json.Number("9007199254740993"), "any": json.Number("9007199254740993")})
	now := current(t, open(t, dir))
	into := struct {
		Threshold float64 `json:"motion.threshold"`
		ID        int64   `json:"id"`
		Any       any     `json:"any"`
		Name      string  `json:"name"`
	}{Name: "as before"}
	require.NoError(t, now.Decode(&into))
	require.Equal(t, 20.0, into.Threshold)
	require.Equal(t, int64(9007199254740993), into.ID)
	require.Equal(t, json.Number("9007199254740993"), into.Any)
	require.Equal(t, "as before", into.Name)
	wrong := struct {
		Threshold string `json:"motion.threshold"`
	}{}
	err := now.Decode(&wrong)
	require.ErrorIs(t, err, config.ErrType)
	require.ErrorContains(t, err, "cfg, version 1")
	require.ErrorContains(t, err, "motion.threshold")
	require.NoError(t, config.Snapshot{}.Decode(&into), "an empty one has nothing to put in")
}

func TestRefused(t *testing.T) {
	no := errors.New("no")
	for _, tc := range []struct {
		name   string
		change func(config.Values) error
		is     error
		text   string
	}{
		{"another type", func(v config.Values) error { v["n"] = "fast"; return nil }, config.ErrType, `config: update cfg: other type: n is a number (1) and would become a string ("fast"); Options.Retype allows that`},
		{"null", func(v config.Values) error { v["n"] = nil; return nil }, config.ErrValue, "n is null; Unset takes a key away"},
		{"a new null", func(v config.Values) error { v["new"] = nil; return nil }, config.ErrValue, "new is null"},
		{"not a number", func(v config.Values) error { v["new"] = math.NaN(); return nil }, config.ErrValue, "new: not a value"},
		{"a function", func(v config.Values) error { v["new"] = func() {}; return nil }, config.ErrValue, "unsupported type"},
		{"no text", func(v config.Values) error { v["new"] = "\xff"; return nil }, config.ErrValue, "not UTF-8"},
		{"no text, deeper", func(v config.Values) error { v["new"] = map[string]any{"a": []any{"\xff"}}; return nil }, config.ErrValue, "not UTF-8"},
		{"a key in capitals", func(v config.Values) error { v["Motion"] = 1; return nil }, config.ErrKey, `"Motion"; write parts of`},
		{"an empty key", func(v config.Values) error { v[""] = 1; return nil }, config.ErrKey, `""`},
		{"an empty part", func(v config.Values) error { v["a..b"] = 1; return nil }, config.ErrKey, `"a..b"`},
		{"too long a key", func(v config.Values) error { v[strings.Repeat("k", 129)] = 1; return nil }, config.ErrKey, "129 bytes, at most 128"},
		{"too large", func(v config.Values) error { v["new"] = strings.Repeat("x", 17<<20); return nil }, config.ErrTooLarge, "bytes of JSON, at most 16777216"},
		{"a change that fails", func(v config.Values) error { v["n"] = 2; return no }, no, "config: update cfg: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := testDir(t, "cfg")
			set(t, dir, map[string]any{"n": 1})
			_, err := config.Update(t.Context(), "cfg", &config.Options{Dir: dir}, tc.change)
			require.ErrorIs(t, err, tc.is)
			require.ErrorContains(t, err, tc.text)
			now := current(t, open(t, dir))
			require.Equal(t, `{"n":1}`, string(now.JSON()))
			require.Equal(t, uint64(1), now.Version)
		})
	}
}

func TestRetype(t *testing.T) {
	dir := testDir(t, "cfg")
	set(t, dir, map[string]any{"n": 1})
	_, err := config.Set(t.Context(), "cfg", &config.Options{Dir: dir, Retype: true}, map[string]any{"n": "fast"})
	require.NoError(t, err)
	require.Equal(t, `{"n":"fast"}`, string(current(t, open(t, dir)).JSON()))
	_, err = config.Set(t.Context(), "cfg", &config.Options{Dir: dir, Retype: true}, map[string]any{"n": nil})
	require.ErrorIs(t, err, config.ErrValue)
	set(t, dir, map[string]any{"n": "slow"})
}

func TestUnsetRefused(t *testing.T) {
	dir := testDir(t, "cfg")
	_, err := config.Unset(t.Context(), "cfg", &config.Options{Dir: dir}, "a")
	require.ErrorIs(t, err, framebuf.ErrNotFound)
	set(t, dir, map[string]any{"motion.threshold": 1, "scene.ratio": 2})
	_, err = config.Unset(t.Context(), "cfg", &config.Options{Dir: dir}, "scene.ratio", "motion.treshold")
	require.ErrorIs(t, err, config.ErrUnknown)
	require.ErrorContains(t, err, `"motion.treshold"; near it: motion.threshold`)
	require.Equal(t, []string{"motion.threshold", "scene.ratio"}, current(t, open(t, dir)).Keys(), "all or nothing")
}

// A configuration grows as it must.
func TestGrows(t *testing.T) {
	if testing.Short() {
		t.Skip("left to the run without -short: one after another, and large")
	}
	dir := testDir(t, "cfg")
	r := open(t, dir)
	for _, size := range []int{10, 60 << 10, 64 << 10, 70 << 10, 3 << 20, 16<<20 - 20, 5} {
		set(t, dir, map[string]any{"text": strings.Repeat("x", size)})
		got, err := current(t, r).String("text", "")
		require.NoError(t, err)
		require.Len(t, got, size)
	}
	_, err := config.Set(t.Context(), "cfg", &config.Options{Dir: dir, Capacity: 17 << 20}, map[string]any{"a": 1})
	require.ErrorIs(t, err, config.ErrTooLarge)
}

func TestNotAConfiguration(t *testing.T) {
	pictures := framebuf.Format{PixelFormat: framebuf.RGBA, Width: 4, Height: 4}
	for _, tc := range []struct {
		name   string
		format framebuf.Format
		keep   bool
		frame  string
		update string // errors
		read   string
	}{
		{"pictures", pictures, false, strings.Repeat("x", 64), "holds video", "it holds pictures"},
		{"results", framebuf.Format{}, false, "[]", "holds frames that come and go", `"[]" is no JSON object`},
		{"a list", framebuf.Format{}, true, "[]", `version 1: not a configuration: "[]" is no JSON object`, `"[]" is no JSON object`},
		{"null", framebuf.Format{}, true, "null", "null is no JSON object", "null is no JSON object"},
		{"no JSON", framebuf.Format{}, true, "\xffabc", "is no JSON object", "is no JSON object"},
		{"two values", framebuf.Format{}, true, "{}{}", "more than one JSON value", "more than one JSON value"},
		{"nothing", framebuf.Format{}, true, "", `"" is no JSON object`, `"" is no JSON object`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w, err := framebuf.Create("cfg", tc.format, &framebuf.Options{Dir: dir, Keep: tc.keep, Linger: -1})
			require.NoError(t, err)
			defer w.Close()
			require.NoError(t, w.Publish(ctx, func(s *framebuf.Slot) error {
				if tc.format == (framebuf.Format{}) {
					if err := s.SetLength(len(tc.frame)); err != nil {
						return err
					}
				}
				copy(s.Bytes(), tc.frame)
				return nil
			}))
			if tc.keep {
				require.NoError(t, w.Close()) // else the update waits for it
			}
			_, err = config.Set(ctx, "cfg", &config.Options{Dir: dir}, map[string]any{"a": 1})
			require.ErrorIs(t, err, config.ErrNotConfig)
			require.ErrorContains(t, err, tc.update)
			_, err = config.Open(ctx, "cfg", &config.ReaderOptions{Dir: dir})
			require.ErrorIs(t, err, config.ErrNotConfig)
			require.ErrorContains(t, err, tc.read)
			if tc.keep {
				require.NoError(t, framebuf.Remove(dir, "cfg"))
			}
		})
	}
	_, err := config.Open(t.Context(), "No", nil)
	require.ErrorIs(t, err, framebuf.ErrName)
	_, err = config.Set(t.Context(), "No", nil, nil)
	require.ErrorIs(t, err, framebuf.ErrName)
}

// A reader goes on with what was good, and comes back to what is good again.
func TestGoesOnAfterABadVersion(t *testing.T) {
	dir, ctx := testDir(t, "cfg"), within(t, 20*time.Second)
	set(t, dir, map[string]any{"n": 1})
	r := open(t, dir)
	good := current(t, r)
	stranger := func(text string) {
		_, err := framebuf.Update(ctx, "cfg", &framebuf.Options{Dir: dir}, func(_ *framebuf.Frame, next *framebuf.Slot) error {
			if err := next.SetLength(len(text)); err != nil {
				return err
			}
			copy(next.Bytes(), text)
			return nil
		})
		require.NoError(t, err)
	}
	stranger("{")
	for range 2 {
		now, err := r.Current(ctx)
		require.ErrorIs(t, err, config.ErrNotConfig)
		require.ErrorContains(t, err, "config: read cfg: version 2: ")
		require.True(t, good == now, "the last good one comes with it")
	}
	stranger(` {"Odd Key": null, "n": 2.50 } `)
	now := current(t, r)
	require.Equal(t, `{"Odd Key":null,"n":2.50}`, string(now.JSON()), "what others wrote is taken as it is")
	require.Equal(t, uint64(4), set(t, dir, map[string]any{"Odd Key": 1}), "a key that is there may be changed, and null has no type")
}

// Memory that is taken away under a reader is an error, and the next configuration is read.
func TestTruncated(t *testing.T) {
	dir := testDir(t, "cfg")
	set(t, dir, map[string]any{"n": 1})
	r := open(t, dir)
	good := current(t, r)
	require.NoError(t, os.Truncate(filepath.Join(dir, "cfg"), 100))
	now, err := r.Current(t.Context())
	require.ErrorIs(t, err, framebuf.ErrDamaged)
	require.True(t, good == now)
	require.NoError(t, os.Remove(filepath.Join(dir, "cfg")))
	set(t, dir, map[string]any{"n": 2})
	got, err := current(t, r).Int("n", 0)
	require.NoError(t, err)
	require.Equal(t, int64(2), got)
}

func TestChanges(t *testing.T) {
	dir, ctx := testDir(t, "cfg"), within(t, 20*time.Second)
	r := open(t, dir)
	var versions []uint64
	for now, err := range r.Changes(ctx) {
		require.NoError(t, err)
		versions = append(versions, now.Version)
		if now.Version == 5 {
			break
		}
		n, err := now.Int("n", 0)
		require.NoError(t, err)
		require.Equal(t, now.Version, uint64(n))
		set(t, dir, map[string]any{"n": n + 1})
	}
	require.Equal(t, []uint64{0, 1, 2, 3, 4, 5}, versions)
	for now, err := range r.Changes(ctx) {
		require.NoError(t, err)
		require.Equal(t, uint64(5), now.Version, "the present one at once")
		break
	}
}

func TestChangesEnd(t *testing.T) {
	for name, there := range map[string]bool{"while it waits for the first": false, "while it waits for a change": true} {
		t.Run(name, func(t *testing.T) {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			if there {
				set(t, dir, map[string]any{"n": 1})
			}
			r := open(t, dir)
			why, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			stop := errors.New("enough")
			var last error
			for _, err := range r.Changes(why) {
				last = err
				cancel(stop)
			}
			require.ErrorIs(t, last, stop)
			for _, err := range r.Changes(ctx) {
				last = err
				require.NoError(t, r.Close())
			}
			require.ErrorIs(t, last, framebuf.ErrClosed)
			_, err := r.Current(ctx)
			require.ErrorIs(t, err, framebuf.ErrClosed)
			if there {
				require.NoError(t, framebuf.Remove(dir, "cfg"))
			}
		})
	}
}

// A writer that holds the lock is waited for until the context ends.
func TestBusy(t *testing.T) {
	dir := testDir(t, "cfg")
	set(t, dir, map[string]any{"n": 1})
	ctx := within(t, 20*time.Second)
	_, err := config.Update(ctx, "cfg", &config.Options{Dir: dir}, func(v config.Values) error {
		v["n"] = 2
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := config.Set(short, "cfg", &config.Options{Dir: dir}, map[string]any{"n": 3})
		require.ErrorIs(t, err, framebuf.ErrBusy)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, `{"n":2}`, string(current(t, open(t, dir)).JSON()))
}
