package cli

// Flags from the environment: FRAMEBRIDGE_<FLAG>.

import (
	"strings"

	"github.com/spf13/pflag"
)

const environmentPrefix = "FRAMEBRIDGE_"

// fromEnvironment sets the flags that the command line did not. An empty variable is as good as none.
func fromEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	// Of two flags that exclude each other the one on the command line takes the other's variable out of play.
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) {
		given[f.Name] = true
		for _, other := range exclusive(f.Name) {
			given[other] = true
		}
	})
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		key := variable(f.Name)
		value, ok := lookup(key)
		if err != nil || !ok || value == "" || given[f.Name] || f.Name == "help" {
			return
		}
		if e := flags.Set(f.Name, value); e != nil {
			err = usagef("%s=%s: %w", key, value, e)
		}
	})
	return err
}

// variable is the environment variable of a flag.
func variable(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func exclusive(flag string) []string {
	switch flag {
	case "lossless":
		return []string{"newest"}
	case "newest":
		return []string{"lossless"}
	case "analyzer":
		return []string{"exec"}
	case "exec":
		return []string{"analyzer"}
	case "for":
		return []string{"newest", "follow"}
	}
	return nil
}
