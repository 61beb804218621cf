package config

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCheckKey(t *testing.T) {
	for _, good := range []string{"a", "motion.threshold", "a.b.c", "0", "x_1-y", "9.9"} {
		require.NoError(t, CheckKey(good), good)
	}
	for _, bad := range []string{"", ".", "a.", ".a", "a..b", "A", "a b", "a=b", "ä", "_a", "a.-b", "a/b", "a\n"} {
		require.ErrorIs(t, CheckKey(bad), ErrKey, bad)
	}
}

func TestUnknown(t *testing.T) {
	keys := []string{"luma.black_max", "motion.max_boxes", "motion.threshold", "scene.ratio"}
	for _, tc := range []struct {
		name, key, want string
		keys            []string
	}{
		{"a letter away", "motion.treshold", `near it: motion.threshold`, keys},
		{"capitals", "Motion.Threshold", `near it: motion.threshold`, keys},
		{"the last part", "ratio", `near it: scene.ratio`, keys},
		{"nothing near", "x", `there are: luma.black_max, motion.max_boxes, motion.threshold, scene.ratio`, keys},
		{"none at all", "x", `there are none`, nil},
		{"many", "x", `there are 30, such as key00, key01, key02, key03, key04, key05, key06, key07`, many(30)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := unknown(tc.key, tc.keys)
			require.ErrorIs(t, err, ErrUnknown)
			require.ErrorContains(t, err, fmt.Sprintf("no such key: %q; %s", tc.key, tc.want))
		})
	}
}

func many(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("key%02d", i))
	}
	return keys
}

func TestDistance(t *testing.T) {
	require.Equal(t, 3, distance("kitten", "sitting"))
	word := rapid.StringMatching(`[ab]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		require.Equal(t, a == b, distance(a, b) == 0)
		require.Equal(t, distance(a, b), distance(b, a))
		require.LessOrEqual(t, distance(a, c), distance(a, b)+distance(b, c))
		require.LessOrEqual(t, distance(a, b), max(len(a), len(b)))
	})
}
