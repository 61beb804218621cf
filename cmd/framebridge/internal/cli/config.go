package cli

// framebridge config: settings that change while programs run. This file is the command and get; config_set.go changes,
// config_watch.go waits, config_live.go is what analyze does with them.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/config"
	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/analyzers"
)

const configHelp = `A configuration is a segment that holds one JSON object. It outlives its writer; gc leaves it, rm removes it. Writers take
turns, readers see a change at their next frame, and its version rises with each. Keys are parts of a-z 0-9 _ - with dots
between.

VALUE is JSON if it is valid JSON, else a string: threshold=20, name=hall, sizes='[1,2]', text='"20"'. A key keeps the type
that it has (number, string, boolean, array, object) unless --retype is given.

What analyze and run --analyzer take with --config, from the next frame on:
`

func newConfigCmd(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Settings that change while programs run: get, set, unset, watch",
		Long:  configHelp + settingsHelp(),
		Example: `  framebridge config set cam0.cfg motion.threshold=20
  framebridge analyze cam0 --config cam0.cfg`,
		Args: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			given := "nothing"
			if len(args) > 0 {
				given = fmt.Sprintf("%q", args[0])
			}
			return withTodo(usagef("%s given: choose one of %s", given, strings.Join(names, ", ")), "see `%s --help`", cmd.CommandPath())
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newConfigGetCmd(s), newConfigSetCmd(s), newConfigUnsetCmd(s), newConfigWatchCmd(s))
	return cmd
}

// settingsHelp lists the settings of the analyzers.
func settingsHelp() string {
	var b strings.Builder
	for _, name := range analyzers.Names() {
		a, err := analyzers.New(name)
		if err != nil {
			continue
		}
		if t, ok := a.(analyzer.Tunable); ok {
			for _, set := range t.Settings() {
				fmt.Fprintf(&b, "  %-20s %s\n  %-20s %s; default %s\n", name+"."+set.Key, set.About, "", set.Range(), set.Default)
			}
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

type configGetOptions struct {
	segment string
	key     string // empty: all
	raw     bool
}

func newConfigGetCmd(s *session) *cobra.Command {
	o := &configGetOptions{}
	cmd := &cobra.Command{
		Use:     "get SEGMENT [KEY]",
		Short:   "Print the settings, or one of them, as JSON",
		Example: "  framebridge config get cam0.cfg\n  limit=$(framebridge config get -r cam0.cfg motion.threshold)",
		Args:    exactly(1, 2, false),
		RunE: s.command(func(ctx context.Context, args []string) error {
			o.segment = args[0]
			if len(args) > 1 {
				o.key = args[1]
			}
			return configGetRun(ctx, s, o)
		}),
	}
	f := cmd.Flags()
	f.BoolVarP(&o.raw, "raw", "r", false, "a string without its quotes, for scripts")
	s.registerTrust(f)
	return cmd
}

func configGetRun(ctx context.Context, s *session, o *configGetOptions) error {
	if o.raw && o.key == "" {
		return usagef("config get: --raw is for one KEY")
	}
	r, err := s.openConfig(ctx, o.segment)
	if err != nil {
		return err
	}
	defer r.Close()
	now, err := r.Current(ctx)
	if err != nil {
		return configError(o.segment, err)
	}
	if now.Version == 0 {
		return configError(o.segment, fmt.Errorf("%w: there is no configuration %s", framebuf.ErrNotFound, o.segment))
	}
	if o.key == "" {
		return s.printConfig(now)
	}
	value, err := now.Raw(o.key)
	if err != nil {
		return configError(o.segment, err)
	}
	switch {
	case o.raw:
		if text, err := now.String(o.key, ""); err == nil {
			return s.printf("%s\n", text)
		}
	case s.json:
		return s.printJSON(struct {
			Version uint64          `json:"version"`
			Key     string          `json:"key"`
			Value   json.RawMessage `json:"value"`
		}{now.Version, o.key, value})
	}
	return s.printf("%s\n", value)
}

// printConfig prints all settings: for people one a line.
func (s *session) printConfig(now config.Snapshot) error {
	if s.json {
		return s.printJSON(struct {
			Version uint64          `json:"version"`
			Values  json.RawMessage `json:"values"`
		}{now.Version, now.JSON()})
	}
	var b bytes.Buffer
	if err := json.Indent(&b, now.JSON(), "", "  "); err != nil {
		return err
	}
	return s.printf("%s\n", b.Bytes())
}

// checkConfigName finds a bad name before anything starts. No name is fine.
func checkConfigName(name string) error {
	if name == "" {
		return nil
	}
	return framebuf.CheckName(name)
}

func (s *session) openConfig(ctx context.Context, name string) (*config.Reader, error) {
	r, err := config.Open(ctx, name, &config.ReaderOptions{Dir: s.dir, TrustUID: s.trust.uids})
	if err != nil {
		return nil, configError(name, err)
	}
	return r, nil
}

// configError gives an error about a configuration its exit code, and says what to do.
func configError(name string, err error) error {
	for _, sentinel := range []error{config.ErrKey, config.ErrUnknown, config.ErrValue, config.ErrTooLarge, config.ErrType} {
		if errors.Is(err, sentinel) {
			return &codeError{code: codeUsage, err: err}
		}
	}
	switch {
	case errors.Is(err, config.ErrNotConfig):
		return &codeError{code: codeSegment, err: err}
	case errors.Is(err, framebuf.ErrNotFound):
		return withTodo(err, "`framebridge config set %s KEY=VALUE` makes it", name)
	case errors.Is(err, framebuf.ErrBusy):
		return withTodo(err, "another writer is at it: --wait 30s waits longer for its turn")
	}
	return readError(err)
}
