// The model of sleeping and waking: no wake-up is lost. Every sleep in the code is
// bounded by a time-out as well, so a lost one costs a tick, not a hang; here the
// time-out is no way out.

package model

import "fmt"

// sleepBounds is one configuration. The reader of the model sleeps on the frame
// event for frames, or it stands for the writer, which sleeps on the cursor event
// for cursors, arrivals and joins.
type sleepBounds struct {
	Rounds uint8
	Break  mutant
}

type sleepState struct {
	event, word        uint8
	asleep             bool
	sleeper, waker     step
	seen, want, stored uint8
}

func sleepSystem(b sleepBounds) *system[sleepState] {
	s := sleepState{sleeper: sleepEvent, waker: wakeStore, want: 1}
	if b.Break == eventLate {
		s.sleeper = sleepLook
	}
	if b.Break == ringFirst {
		s.waker = wakeAdd
	}
	return &system[sleepState]{
		start: s, next: b.next,
		show: func(s *sleepState) string {
			return fmt.Sprintf("event %d stored %d wants %d asleep %t", s.event, s.word, s.want, s.asleep)
		},
		goals: []goal[sleepState]{{
			name:  "asleep, and nobody will wake it",
			when:  func(*sleepState) bool { return true },
			met:   func(s *sleepState) bool { return gone(s.sleeper) },
			avoid: timing,
		}},
	}
}

func (b sleepBounds) next(s *sleepState, out *moves[sleepState]) {
	if s.asleep {
		out.fork(s, "sleeper", sleepTimeout).asleep = false
	} else if !gone(s.sleeper) {
		b.sleep(out.fork(s, "sleeper", s.sleeper))
	}
	if !gone(s.waker) {
		b.wake(out.fork(s, "waker", s.waker))
	}
}

func (b *sleepBounds) sleep(t *sleepState) {
	first := sleepEvent
	if b.Break == eventLate {
		first = sleepLook
	}
	switch t.sleeper {
	case sleepEvent:
		t.seen, t.sleeper = t.event, sleepLook
		if b.Break == eventLate {
			t.sleeper = sleepWait
		}
	case sleepLook:
		switch {
		case t.word < t.want && b.Break == eventLate:
			t.sleeper = sleepEvent
		case t.word < t.want:
			t.sleeper = sleepWait
		case t.want == b.Rounds:
			t.sleeper = finished
		default:
			t.want++
			t.sleeper = first
		}
	case sleepWait: // the kernel compares and sleeps in one
		t.asleep = t.event == t.seen
		t.sleeper = first
	}
}

func (b *sleepBounds) wake(t *sleepState) {
	switch t.waker {
	case wakeStore:
		t.word++
		t.stored, t.waker = t.stored+1, wakeAdd
		if b.Break == ringFirst {
			b.roundDone(t, wakeAdd)
		}
	case wakeAdd:
		t.event++
		t.waker = wakeAll
		if b.Break == noWake {
			b.roundDone(t, wakeStore)
		}
	case wakeAll:
		t.asleep, t.waker = false, wakeStore
		if b.Break != ringFirst {
			b.roundDone(t, wakeStore)
		}
	}
}

func (b *sleepBounds) roundDone(t *sleepState, next step) {
	t.waker = next
	if t.stored == b.Rounds {
		t.waker = finished
	}
}
