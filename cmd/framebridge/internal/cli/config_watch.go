package cli

// framebridge config watch: every change as a line.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf/config"
)

func newConfigWatchCmd(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch SEGMENT [KEY...]",
		Short: "Print the settings, then each change of them, a line of JSON each",
		Long: `Prints what is there, and then a line for each change: {"version":2,"changed":{"motion.threshold":20},"removed":[]}. With
KEYs only changes of those. SEGMENT need not exist yet. Changes that come faster than they are printed share a line.`,
		Example: "  framebridge config watch cam0.cfg",
		Args:    atLeast(1),
		RunE: s.command(func(ctx context.Context, args []string) error {
			return configWatchRun(ctx, s, args[0], args[1:])
		}),
	}
	s.registerTrust(cmd.Flags())
	return cmd
}

// configChange is one line. The keys are a promise.
type configChange struct {
	Version uint64                     `json:"version"`
	Changed map[string]json.RawMessage `json:"changed"`
	Removed []string                   `json:"removed"`
}

func configWatchRun(ctx context.Context, s *session, name string, keys []string) error {
	for _, key := range keys {
		if err := config.CheckKey(key); err != nil {
			return configError(name, err)
		}
	}
	r, err := s.openConfig(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	ctx, stop := whileRead(ctx, s.outFile)
	defer stop()
	var before config.Snapshot
	first := true
	for now, err := range r.Changes(ctx) {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, config.ErrNotConfig):
			s.note("%s", message(err)) // the next version may be one
			continue
		case err != nil:
			return configError(name, err)
		}
		change, err := difference(before, now, keys)
		if err != nil {
			return err
		}
		if first || len(change.Changed)+len(change.Removed) > 0 {
			if err := s.printJSON(change); err != nil {
				return err
			}
		}
		before, first = now, false
	}
	return nil
}

// whileRead returns a context that ends, with errStdoutClosed, when nobody reads out any more: who waits for a change
// would otherwise hear of that with the next one only.
func whileRead(ctx context.Context, out *os.File) (read context.Context, stop func()) {
	read, cancel := context.WithCancelCause(ctx)
	var looking sync.WaitGroup
	looking.Go(func() {
		t := time.NewTicker(200 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-read.Done():
				return
			case <-t.C:
				if unread(out) {
					cancel(errStdoutClosed)
				}
			}
		}
	})
	return read, func() {
		cancel(nil)
		looking.Wait()
	}
}

// difference is what changed among keys, all of them if there are none.
func difference(before, now config.Snapshot, keys []string) (configChange, error) {
	out := configChange{Version: now.Version, Changed: map[string]json.RawMessage{}, Removed: []string{}}
	had, has := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := errors.Join(before.Decode(&had), now.Decode(&has)); err != nil {
		return out, err
	}
	wanted := func(key string) bool { return len(keys) == 0 || slices.Contains(keys, key) }
	for key, value := range has {
		if old, ok := had[key]; wanted(key) && (!ok || !bytes.Equal(old, value)) {
			out.Changed[key] = value
		}
	}
	for _, key := range before.Keys() {
		if _, ok := has[key]; wanted(key) && !ok {
			out.Removed = append(out.Removed, key)
		}
	}
	return out, nil
}
