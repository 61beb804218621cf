package cli

// framebridge config set and unset.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/framebridge/framebridge/framebuf/config"
)

// configWriteFlags are those of commands that change a configuration.
type configWriteFlags struct {
	retype bool
	group  string
	wait   time.Duration
}

func (w *configWriteFlags) register(f *pflag.FlagSet) {
	f.StringVar(&w.group, "group", "", "group, by name or number, whose members may read it until the next change (default: this user alone)")
	f.DurationVar(&w.wait, "wait", 5*time.Second, "how long to wait for other writers")
}

func newConfigSetCmd(s *session) *cobra.Command {
	var w configWriteFlags
	cmd := &cobra.Command{
		Use:     "set SEGMENT KEY=VALUE...",
		Short:   "Change settings, all of them at once or none; SEGMENT is made if need be",
		Example: "  framebridge config set cam0.cfg motion.threshold=20 motion.max_boxes=4",
		Args:    atLeast(2),
		RunE: s.command(func(ctx context.Context, args []string) error {
			values, err := parseSettings(args[1:])
			if err != nil {
				return err
			}
			return w.change(ctx, s, args[0], func(ctx context.Context, o *config.Options) (uint64, error) {
				return config.Set(ctx, args[0], o, values)
			})
		}),
	}
	cmd.Flags().BoolVar(&w.retype, "retype", false, "let a key get a value of another type than it has")
	w.register(cmd.Flags())
	return cmd
}

func newConfigUnsetCmd(s *session) *cobra.Command {
	var w configWriteFlags
	cmd := &cobra.Command{
		Use:     "unset SEGMENT KEY...",
		Short:   "Take settings away, all of them at once or none",
		Example: "  framebridge config unset cam0.cfg motion.threshold",
		Args:    atLeast(2),
		RunE: s.command(func(ctx context.Context, args []string) error {
			return w.change(ctx, s, args[0], func(ctx context.Context, o *config.Options) (uint64, error) {
				return config.Unset(ctx, args[0], o, args[1:]...)
			})
		}),
	}
	w.register(cmd.Flags())
	return cmd
}

// change waits for its turn, changes, and prints the new version.
func (w *configWriteFlags) change(ctx context.Context, s *session, name string, by func(context.Context, *config.Options) (uint64, error)) error {
	if w.wait < 0 {
		return usagef("--wait %v: not a time to wait", w.wait)
	}
	turn, cancel := context.WithTimeoutCause(ctx, w.wait, fmt.Errorf("its turn did not come within %v", w.wait))
	defer cancel()
	version, err := by(turn, &config.Options{Dir: s.dir, Group: w.group, Retype: w.retype})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, config.ErrType):
		return withTodo(configError(name, err), "if that is meant: --retype")
	default:
		return configError(name, err)
	}
	if s.json {
		return s.printJSON(struct {
			Version uint64 `json:"version"`
		}{version})
	}
	return s.printf("version %d\n", version)
}

// parseSettings reads KEY=VALUE words.
func parseSettings(words []string) (map[string]any, error) {
	values := map[string]any{}
	for _, word := range words {
		key, text, ok := strings.Cut(word, "=")
		if !ok {
			return nil, usagef("%q is not KEY=VALUE", word)
		}
		if err := config.CheckKey(key); err != nil {
			return nil, &codeError{code: codeUsage, err: err}
		}
		if _, twice := values[key]; twice {
			return nil, usagef("%s is given twice", key)
		}
		value, err := parseSetting(text)
		if err != nil {
			return nil, usagef("%s: %w", key, err)
		}
		values[key] = value
	}
	return values, nil
}

// parseSetting is a JSON value if the text is one, else the text.
func parseSetting(text string) (any, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("the value is not UTF-8")
	}
	if !json.Valid([]byte(text)) {
		return text, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	return v, d.Decode(&v)
}

// atLeast wants this many arguments.
func atLeast(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case cmd.ArgsLenAtDash() >= 0:
			return usagef("%s takes nothing after --", cmd.Name())
		case len(args) < n:
			return usagef("%s takes at least %s, not %d: %s", cmd.Name(), counted(n, n), len(args), cmd.UseLine())
		}
		return nil
	}
}
