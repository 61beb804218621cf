package capture

// What everyone is told of the source's state.

import (
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Event is a change of the source's state. The segment, and that of the sound,
// already say the same (Reader.Source, `framebridge info`).
type Event struct {
	// State is what the source is from now on:
	//
	//   - SourceConnecting: ffmpeg is being started for the first time
	//   - SourceLive: a frame has come
	//   - SourceStalled: none came for Options.StallAfter
	//   - SourceReconnecting: the source was lost; ffmpeg is started again after Pause
	//   - SourceFailed, SourceEnded: that was all
	State    framebuf.SourceState
	At       time.Time     // when it was noticed
	Restarts uint64        // starts of ffmpeg after the first one, so far
	Err      error         // why, for all but connecting, live and ended; without secrets
	Pause    time.Duration // SourceReconnecting: from now to the next start
}

// announcer keeps the source state of the segments, and of whoever wants events.
// Safe for concurrent use.
type announcer struct {
	writers []*framebuf.Writer // that of the picture first
	onEvent func(Event)

	mu       sync.Mutex
	state    framebuf.SourceState
	stalls   uint64
	restarts uint64
}

// is reports the state.
func (a *announcer) is() framebuf.SourceState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// counts are the stalls and restarts so far.
func (a *announcer) counts() (stalls, restarts uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stalls, a.restarts
}

// tell changes the state. Its error has no secrets in it.
func (a *announcer) tell(state framebuf.SourceState, why error, pause time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = state
	if state == framebuf.SourceStalled {
		a.stalls++
		a.writers[0].CountStall()
	}
	for _, w := range a.writers {
		if why != nil {
			w.SetError(why.Error())
		}
		w.SetSource(state)
	}
	if a.onEvent != nil {
		a.onEvent(Event{State: state, At: time.Now(), Restarts: a.restarts, Err: why, Pause: pause})
	}
}

// restarted counts a start of ffmpeg that was not the first.
func (a *announcer) restarted() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.restarts++
	a.writers[0].CountRestart()
}
