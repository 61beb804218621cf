// Many goroutines that wait for the same word, in one thread.

package futex

import (
	"sync"
	"sync/atomic"
	"time"
)

// Key names a word in a file, however often a process has mapped it.
type Key struct {
	Dev, Inode uint64
	Offset     int64
}

// Lobby is where the goroutines of a process wait. Of those that wait for one word
// one sleeps in the kernel, which costs a thread, and the others wait for it: a
// thousand readers of a segment are one sleeping thread, and the kernel wakes one
// of them instead of a thousand. Who waits alone pays two uncontended locks. The
// zero value is ready to use. Safe for concurrent use.
type Lobby struct {
	mu    sync.Mutex
	rooms map[Key]*room
}

// room is one word's. It is there as long as somebody sleeps, or is about to.
type room struct {
	others int           // who wait for the one that sleeps
	woken  chan struct{} // closed when the sleeper was woken: everybody looks again
	turn   chan struct{} // holds one entry when the sleeper's time was up: one of the others sleeps on
}

// Wait is as the function Wait, for word, which key names. It may return early:
// the caller looks again in every case.
//
// A change after the load of val is not slept through. Who finds the word at val
// after entering depends on the sleeper, of now or of the next turn. That one
// sleeps on val too and is woken by the next change; or it sleeps on an older
// value, and then the kernel does not let it.
func (l *Lobby) Wait(key Key, word *atomic.Uint32, val uint32, d time.Duration) (timedOut bool, err error) {
	r, first := l.enter(key)
	if first {
		return l.sleep(key, r, word, val, d)
	}
	leave := true
	defer func() {
		if leave {
			l.leave(key, r)
		}
	}()
	if word.Load() != val { // may fault, as the memory may be gone
		return false, nil
	}
	end := time.Now().Add(d)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.woken:
		return false, nil
	case <-t.C:
		return true, nil
	case <-r.turn:
		leave = false
		l.mu.Lock()
		r.others--
		l.mu.Unlock()
		return l.sleep(key, r, word, val, max(time.Until(end), time.Microsecond))
	}
}

func (l *Lobby) enter(key Key) (r *room, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, there := l.rooms[key]
	if !there {
		if l.rooms == nil {
			l.rooms = map[Key]*room{}
		}
		r = &room{}
		l.rooms[key] = r
		return r, true
	}
	if r.woken == nil {
		r.woken, r.turn = make(chan struct{}), make(chan struct{}, 1)
	}
	r.others++
	return r, false
}

// sleep is for the one that sleeps in the kernel.
func (l *Lobby) sleep(key Key, r *room, word *atomic.Uint32, val uint32, d time.Duration) (timedOut bool, err error) {
	timedOut, err = Wait(word, val, d)
	l.mu.Lock()
	defer l.mu.Unlock()
	if timedOut && r.others > 0 {
		// Nothing happened: to wake all of them now would be a storm when each has
		// its own time.
		r.turn <- struct{}{}
		return timedOut, err
	}
	delete(l.rooms, key)
	if r.woken != nil {
		close(r.woken)
	}
	return timedOut, err
}

// leave is for the others. The last one takes a turn that nobody took with it.
func (l *Lobby) leave(key Key, r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.others--
	if r.others > 0 || l.rooms[key] != r {
		return
	}
	select {
	case <-r.turn:
		delete(l.rooms, key)
	default:
	}
}
