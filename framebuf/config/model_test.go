//go:build linux

package config_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/config"
)

// Any changes in a row, against a plain map; two readers look after each one, one of them only sometimes.
func TestModel(t *testing.T) {
	dir := testDir(t)
	value := rapid.OneOf(
		rapid.Just[any](true), rapid.Just[any](false), rapid.Map(rapid.Int64(), func(n int64) any { return json.Number(must(json.Marshal(n))) }),
		rapid.Map(rapid.Float64Range(-1e12, 1e12), func(f float64) any { return json.Number(must(json.Marshal(f))) }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.SliceOfN(rapid.String(), 0, 3), func(s []string) any { return list(s) }),
		rapid.Map(rapid.MapOfN(rapid.String(), rapid.Bool(), 0, 3), func(m map[string]bool) any { return object(m) }),
	)
	key := rapid.SampledFrom([]string{"a", "b.c", "motion.threshold", "x-1.y_2"})
	no := errors.New("no")
	rapid.Check(t, func(rt *rapid.T) {
		_ = framebuf.Remove(dir, "cfg") // of a run before that failed
		ctx := within(t, time.Minute)
		often, err := config.Open(ctx, "cfg", &config.ReaderOptions{Dir: dir})
		require.NoError(rt, err)
		defer often.Close()
		seldom, err := config.Open(ctx, "cfg", &config.ReaderOptions{Dir: dir})
		require.NoError(rt, err)
		defer seldom.Close()
		model, version := map[string]any{}, uint64(0)
		same := func(t require.TestingT, r *config.Reader) {
			now, err := r.Current(ctx)
			require.NoError(t, err)
			require.Equal(t, version, now.Version)
			got := map[string]any{}
			require.NoError(t, now.Decode(&got))
			require.Equal(t, model, got)
		}
		put := func(t require.TestingT, after map[string]any, got uint64, err error) {
			require.NoError(t, err)
			if version == 0 || string(must(json.Marshal(after))) != string(must(json.Marshal(model))) {
				version++
			}
			require.Equal(t, version, got)
			model = after
		}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) { same(rt, often) },
			"look": func(rt *rapid.T) {
				same(rt, seldom)
			},
			"set": func(rt *rapid.T) {
				values := rapid.MapOfN(key, value, 1, 3).Draw(rt, "values")
				retype := rapid.Bool().Draw(rt, "retype")
				got, err := config.Set(ctx, "cfg", &config.Options{Dir: dir, Retype: retype}, values)
				for k, v := range values {
					if old, ok := model[k]; ok && kind(old) != kind(v) && !retype {
						require.ErrorIs(rt, err, config.ErrType)
						return
					}
				}
				after := maps.Clone(model)
				maps.Copy(after, values)
				put(rt, after, got, err)
			},
			"unset": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				got, err := config.Unset(ctx, "cfg", &config.Options{Dir: dir}, k)
				if _, ok := model[k]; !ok {
					require.Error(rt, err)
					require.Equal(rt, version > 0, errors.Is(err, config.ErrUnknown))
					require.Equal(rt, version == 0, errors.Is(err, framebuf.ErrNotFound))
					return
				}
				after := maps.Clone(model)
				delete(after, k)
				put(rt, after, got, err)
			},
			"fail": func(rt *rapid.T) {
				_, err := config.Update(ctx, "cfg", &config.Options{Dir: dir}, func(v config.Values) error {
					require.Equal(rt, slices.Sorted(maps.Keys(model)), v.Keys())
					clear(v)
					return no
				})
				require.ErrorIs(rt, err, no)
			},
		})
		if version > 0 {
			require.NoError(rt, framebuf.Remove(dir, "cfg"))
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func kind(v any) string {
	switch v.(type) {
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

func list(texts []string) any {
	out := []any{}
	for _, s := range texts {
		out = append(out, s)
	}
	return out
}

func object(m map[string]bool) any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}
