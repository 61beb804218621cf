// Package analyzers makes analyzers by their names.
package analyzers

import (
	"fmt"
	"strings"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/luma"
	"github.com/framebridge/framebridge/internal/analyzer/motion"
	"github.com/framebridge/framebridge/internal/analyzer/scene"
)

// Names returns the names that New knows, the default first.
func Names() []string { return []string{motion.Name, scene.Name, luma.Name} }

// New returns a new analyzer of the given name with its default options. The
// error for any other name wraps analyzer.ErrUnknown and lists the names.
func New(name string) (analyzer.Analyzer, error) {
	switch name {
	case motion.Name:
		return motion.New(nil), nil
	case scene.Name:
		return scene.New(nil), nil
	case luma.Name:
		return luma.New(nil), nil
	default:
		return nil, fmt.Errorf("%w %q: choose one of %s", analyzer.ErrUnknown, name, strings.Join(Names(), ", "))
	}
}
