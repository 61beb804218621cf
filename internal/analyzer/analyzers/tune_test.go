package analyzers_test

import (
	"go/parser"
	"go/token"
	"image"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/analyzers"
)

func tunable(t require.TestingT, name string) analyzer.Tunable {
	a, err := analyzers.New(name)
	require.NoError(t, err)
	tuned, ok := a.(analyzer.Tunable)
	require.True(t, ok, "%s has settings", name)
	return tuned
}

// Every setting stands in the comment of its package, under the name that a configuration has for it.
func TestSettingsAreDocumented(t *testing.T) {
	for _, name := range analyzers.Names() {
		files, err := parser.ParseDir(token.NewFileSet(), "../"+name, nil, parser.ParseComments|parser.PackageClauseOnly) //nolint:staticcheck // the package's own files, no build tags
		require.NoError(t, err)
		text := ""
		for _, f := range files[name].Files {
			if f.Doc != nil {
				text += f.Doc.Text()
			}
		}
		for _, s := range tunable(t, name).Settings() {
			require.Contains(t, text, name+"."+s.Key)
			require.NotEmpty(t, s.About)
			require.NotEmpty(t, s.Default)
		}
	}
}

// Whatever the settings within their ranges, and whenever they change, an analyzer goes on; outside of them it refuses.
func TestAnySettings(t *testing.T) {
	for _, name := range analyzers.Names() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				a := tunable(rt, name)
				img := image.NewRGBA(image.Rect(0, 0, rapid.IntRange(1, 90).Draw(rt, "w"), rapid.IntRange(1, 90).Draw(rt, "h")))
				for n := range uint64(8) {
					values := map[string]any{"other.threshold": "x"}
					for _, s := range a.Settings() {
						if !rapid.Bool().Draw(rt, s.Key) {
							continue
						}
						v := rapid.Float64Range(s.Min, s.Max).Draw(rt, "value")
						if s.Whole {
							v = float64(rapid.Int64Range(int64(s.Min), int64(s.Max)).Draw(rt, "value"))
						}
						values[name+"."+s.Key] = v
					}
					require.NoError(rt, analyzer.Tune(a, values))
					for i, v := 0, rapid.Byte().Draw(rt, "v"); i < len(img.Pix); i++ {
						v = v*5 + 3
						img.Pix[i] = v
					}
					_, err := a.Analyze(analyzer.Frame{Image: img, Number: n})
					require.NoError(rt, err)
					for _, s := range a.Settings() {
						require.ErrorIs(rt, analyzer.Tune(a, map[string]any{name + "." + s.Key: s.Max + 1}), analyzer.ErrSetting)
						require.ErrorIs(rt, analyzer.Tune(a, map[string]any{name + "." + s.Key: s.Min - 1}), analyzer.ErrSetting)
					}
				}
			})
		})
	}
}
