package cli

// The flags for sources that stall, die or vanish.

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
)

// liveFlags say what happens when a source is lost.
type liveFlags struct {
	restart     choice
	stall       string
	giveUp      timeValue
	placeholder choice
}

func (o *liveFlags) register(f *pflag.FlagSet) {
	o.restart = choice{"auto", []string{"auto", "never", "always"}}
	o.placeholder = choice{"none", []string{"none", "hold", "black", "card"}}
	f.Var(&o.restart, "restart", "start a lost source again: auto is live ones that have worked, always also what is not there yet")
	f.StringVar(&o.stall, "stall", "5s", "D|never: how long a source may give no frame")
	f.Var(&o.giveUp, "give-up", "end when no frame has come for so long (default: never)")
	f.Var(&o.placeholder, "placeholder", "what readers get while the source is away: the last frame, a black one, or a card that says so")
}

func (o *liveFlags) check() error {
	_, err := o.stallAfter()
	return err
}

// stallAfter is capture.Options.StallAfter.
func (o *liveFlags) stallAfter() (time.Duration, error) {
	if o.stall == "never" {
		return -1, nil
	}
	d, err := parseTime(o.stall)
	if err != nil || d <= 0 {
		return 0, usagef("--stall %s: write a time such as 5s, or never", o.stall)
	}
	return d, nil
}

// apply puts the flags into the options of a capture.
func (o *liveFlags) apply(s *session, c *capture.Options, segment string) {
	c.StallAfter, _ = o.stallAfter() // checked before
	c.GiveUp = o.giveUp.Duration
	c.Restart = map[string]capture.Restart{
		"auto": capture.RestartAuto, "never": capture.RestartNever, "always": capture.RestartAlways,
	}[o.restart.value]
	c.Placeholder = map[string]capture.Placeholder{
		"none": capture.PlaceholderNone, "hold": capture.PlaceholderHold, "black": capture.PlaceholderBlack, "card": capture.PlaceholderCard,
	}[o.placeholder.value]
	c.OnEvent = s.onSource(segment)
}

// onSource tells of a source that is away, and of its return.
func (s *session) onSource(segment string) func(capture.Event) {
	away := false
	return func(e capture.Event) {
		switch e.State {
		case framebuf.SourceStalled:
			s.note("%s: stalled, %v", segment, e.Err)
		case framebuf.SourceReconnecting:
			s.note("%s: %s; trying again in %v", segment, strings.TrimPrefix(e.Err.Error(), "capture: "), e.Pause.Round(100*time.Millisecond))
		case framebuf.SourceLive:
			if away {
				s.note("%s: live again", segment)
			}
		}
		away = e.State == framebuf.SourceStalled || e.State == framebuf.SourceReconnecting
	}
}
