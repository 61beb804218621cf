// Package generators makes generators by their names.
package generators

import (
	"fmt"
	"strings"

	"github.com/framebridge/framebridge/internal/generator"
	"github.com/framebridge/framebridge/internal/generator/bars"
	"github.com/framebridge/framebridge/internal/generator/clock"
	"github.com/framebridge/framebridge/internal/generator/life"
)

// Names returns the names that New knows, the default first.
func Names() []string { return []string{clock.Name, bars.Name, life.Name} }

// New returns a new generator of the given name. The error for any other name
// wraps generator.ErrUnknown and lists the names.
func New(name string) (generator.Generator, error) {
	switch name {
	case clock.Name:
		return clock.New(), nil
	case bars.Name:
		return bars.New(), nil
	case life.Name:
		return life.New(nil), nil
	default:
		return nil, fmt.Errorf("%w %q: choose one of %s", generator.ErrUnknown, name, strings.Join(Names(), ", "))
	}
}
