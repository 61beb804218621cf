//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every failpoint in the source is one that a row comes to, and the other way round.
func TestPlaces(t *testing.T) {
	call := regexp.MustCompile(`failpoint\.At\("([^"]+)"\)`)
	var inSource []string
	for _, dir := range []string{".", "../../framebuf"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range call.FindAllStringSubmatch(string(text), -1) {
				require.NotContains(t, inSource, m[1], "%s: a second place of that name", file)
				inSource = append(inSource, m[1])
			}
		}
	}
	var inRows []string
	for _, p := range places() {
		inRows = append(inRows, p.name())
	}
	slices.Sort(inSource)
	slices.Sort(inRows)
	require.Equal(t, inSource, slices.Compact(inRows))
}
