package cli

// The settings of an analyzer, out of a configuration, while it runs.

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/config"
	"github.com/framebridge/framebridge/internal/analyzer"
)

const configFlagHelp = "a configuration whose settings count from the next frame on (see config --help)"

// liveSettings gives an analyzer each version of a configuration, if the version is fit.
type liveSettings struct {
	s        *session
	r        *config.Reader
	analysis analyzer.Tunable
	seen     config.Snapshot
	told     string // what was last said to be wrong
}

// followConfig begins with the present version of the configuration name; nil for no name.
func (s *session) followConfig(ctx context.Context, name string, a analyzer.Analyzer) (*liveSettings, error) {
	if name == "" {
		return nil, nil
	}
	t, ok := a.(analyzer.Tunable)
	if !ok {
		return nil, usagef("--config: the analyzer %s has no settings", a.Name())
	}
	r, err := s.openConfig(ctx, name)
	if err != nil {
		return nil, err
	}
	l := &liveSettings{s: s, r: r, analysis: t}
	l.refresh(ctx)
	s.noteConfig(name)
	return l, nil
}

// noteConfig says so if there is no such configuration: perhaps the name is wrong.
func (s *session) noteConfig(name string) {
	if _, err := framebuf.Stat(s.dir, name, s.trust.uids...); errors.Is(err, framebuf.ErrNotFound) {
		s.note("there is no configuration %s yet: every setting has its default until there is", name)
	}
}

// refresh takes the newest version if it is another one. What is wrong with it is said once; the settings before it stay.
func (l *liveSettings) refresh(ctx context.Context) {
	if l == nil {
		return
	}
	now, err := l.r.Current(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		l.complain(l.r.Name(), err)
		return
	case now == l.seen:
		return
	}
	l.seen = now
	var values map[string]any
	if err = now.Decode(&values); err == nil {
		err = analyzer.Tune(l.analysis, values)
	}
	if err != nil {
		l.complain(fmt.Sprintf("%s, version %d", l.r.Name(), now.Version), err)
		return
	}
	l.told = ""
}

// complaint begins what is said of a configuration, also with -q: nobody asked for the settings that count now.
const complaint = "framebridge: configuration "

func (l *liveSettings) complain(about string, err error) {
	if text := about + ": " + message(err); text != l.told {
		l.told = text
		l.s.console.say("%s%s; the settings before it stay", complaint, text)
	}
}

func (l *liveSettings) close() {
	if l != nil {
		_ = l.r.Close()
	}
}

// complaintsOnly is for the standard error of an analyzer in a process of its own.
func (c *console) complaintsOnly(line []byte) {
	if bytes.HasPrefix(line, []byte(complaint)) {
		c.raw(line)
	}
}
