//go:build linux

package futex

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func threads(t testing.TB) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	return len(tasks)
}

// Everybody who waits for a word is woken by one change of it, and they are one
// thread.
func TestLobbyWakesAll(t *testing.T) {
	word, _ := newWord(t)
	var l Lobby
	const sleepers = 200
	before := threads(t)
	for round := range uint32(20) {
		var entered atomic.Int32
		var all sync.WaitGroup
		for range sleepers {
			all.Go(func() {
				entered.Add(1)
				for word.Load() == round {
					timedOut, err := l.Wait(Key{Inode: 1}, word, round, 20*time.Second)
					if err != nil || timedOut {
						t.Errorf("timed out %v, %v", timedOut, err)
						return
					}
				}
			})
		}
		for entered.Load() < sleepers {
			time.Sleep(time.Millisecond)
		}
		word.Store(round + 1)
		require.NoError(t, WakeAll(word))
		all.Wait()
	}
	require.Less(t, threads(t)-before, sleepers/4)
	require.Empty(t, l.rooms)
}

// A word that changed before the call is not slept on, whoever sleeps already.
func TestLobbyDoesNotSleepThroughAChange(t *testing.T) {
	word, _ := newWord(t)
	var l Lobby
	key := Key{Inode: 1}
	first := make(chan struct{})
	go func() {
		defer close(first)
		_, _ = l.Wait(key, word, 0, 20*time.Second)
	}()
	for {
		l.mu.Lock()
		n := len(l.rooms)
		l.mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	word.Store(1) // and no wake-up
	timedOut, err := l.Wait(key, word, 0, 200*time.Millisecond)
	require.NoError(t, err)
	require.False(t, timedOut)
	for done := false; !done; { // the first may not be asleep yet
		require.NoError(t, WakeAll(word))
		select {
		case <-first:
			done = true
		case <-time.After(time.Millisecond):
		}
	}
}

// Each has its own time, short or long; nobody is forgotten when a sleeper's is up.
func TestLobbyTurns(t *testing.T) {
	word, _ := newWord(t)
	var l Lobby
	var all, short sync.WaitGroup
	for i := range 100 {
		d := time.Duration(1+i%10) * time.Millisecond
		short.Go(func() {
			for range 20 {
				start := time.Now()
				timedOut, err := l.Wait(Key{Inode: 1}, word, 0, d)
				if err != nil {
					t.Error(err)
				}
				if timedOut && time.Since(start) < d-time.Millisecond/10 {
					t.Errorf("timed out after %v of %v", time.Since(start), d)
				}
			}
		})
	}
	// One with much time is woken by a change however often the turn went round.
	all.Go(func() {
		for word.Load() == 0 {
			timedOut, err := l.Wait(Key{Inode: 1}, word, 0, 20*time.Second)
			if err != nil || timedOut {
				t.Errorf("timed out %v, %v", timedOut, err)
				return
			}
		}
	})
	short.Wait()
	word.Store(1)
	require.NoError(t, WakeAll(word))
	all.Wait()
	require.Empty(t, l.rooms)
}

// Other words do not wait for each other.
func TestLobbyKeepsWordsApart(t *testing.T) {
	a, _ := newWord(t)
	b, _ := newWord(t)
	var l Lobby
	done := make(chan struct{})
	go func() {
		defer close(done)
		for a.Load() == 0 {
			_, _ = l.Wait(Key{Inode: 1}, a, 0, 20*time.Second)
		}
	}()
	for timedOut := false; !timedOut; {
		var err error
		timedOut, err = l.Wait(Key{Inode: 2}, b, 0, time.Millisecond)
		require.NoError(t, err)
	}
	a.Store(1)
	require.NoError(t, WakeAll(a))
	<-done
}

// Memory that is gone is an error for the one that sleeps, and nobody stays.
func TestLobbyOfATruncatedFile(t *testing.T) {
	word, path := newWord(t)
	require.NoError(t, os.Truncate(path, 0))
	var l Lobby
	_, err := l.Wait(Key{Inode: 1}, word, 0, 20*time.Second)
	require.ErrorIs(t, err, ErrFault)
	require.Empty(t, l.rooms)
}
