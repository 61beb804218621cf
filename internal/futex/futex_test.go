//go:build linux

package futex

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain is also the other process: it sleeps on a word that it may only read,
// or wakes who sleeps there.
func TestMain(m *testing.M) {
	path, role := os.Getenv("FRAMEBRIDGE_WORD"), os.Getenv("FRAMEBRIDGE_ROLE")
	if role == "" {
		m.Run()
		return
	}
	said := "done"
	if err := act(path, role); err != nil {
		said = err.Error()
	}
	_, _ = os.Stdout.WriteString(said)
}

func act(path, role string) error {
	word, _, err := mapWord(path, false)
	if err != nil {
		return err
	}
	if role == "wake" {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if err := WakeAll(word); err != nil {
				return err
			}
			if word.Load() == 7 {
				return nil
			}
		}
		return errors.New("nobody told that it was woken")
	}
	timedOut, err := Wait(word, 0, 20*time.Second)
	switch {
	case err != nil:
		return err
	case timedOut:
		return errors.New("nobody woke it")
	case word.Load() != 0:
		return errors.New("the value changed: it need not have slept")
	}
	return nil
}

func other(t testing.TB, role, path string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_ROLE="+role, "FRAMEBRIDGE_WORD="+path)
	cmd.Stdout, cmd.Stderr = &strings.Builder{}, os.Stderr
	require.NoError(t, cmd.Start())
	return cmd
}

// The sleeper has a read-only mapping, in another process.
func TestWakeReachesAnotherProcess(t *testing.T) {
	word, path := newWord(t)
	cmd := other(t, "wait", path)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			require.NoError(t, err)
			require.Equal(t, "done", cmd.Stdout.(*strings.Builder).String())
			return
		case <-time.After(time.Millisecond): // it may not be asleep yet
			require.NoError(t, WakeAll(word))
		}
	}
}

// The waker has a read-only mapping, in another process.
func TestReadOnlyMappingWakes(t *testing.T) {
	word, path := newWord(t)
	cmd := other(t, "wake", path)
	timedOut, err := Wait(word, 0, 20*time.Second)
	require.NoError(t, err)
	require.False(t, timedOut)
	word.Store(7)
	require.NoError(t, cmd.Wait())
	require.Equal(t, "done", cmd.Stdout.(*strings.Builder).String())
}

// One call wakes everybody who sleeps. Whether they sleep already cannot be asked
// for: a round in which one was late says nothing, and the next waits longer.
func TestWakeAllWakesAll(t *testing.T) {
	word, _ := newWord(t)
	const sleepers = 8
	for pause := 10 * time.Millisecond; pause < 3*time.Second; pause *= 2 {
		woken := make(chan bool, sleepers)
		for range sleepers {
			go func() {
				timedOut, err := Wait(word, 0, 20*time.Second)
				woken <- err == nil && !timedOut
			}()
		}
		time.Sleep(pause)
		require.NoError(t, WakeAll(word))
		late := time.After(pause)
		byOne := 0
		for n := 0; n < sleepers; {
			select {
			case ok := <-woken:
				require.True(t, ok)
				n++
				byOne++
			case <-late:
				for ; n < sleepers; n++ { // let them go
					for waiting := true; waiting; {
						select {
						case <-woken:
							waiting = false
						case <-time.After(time.Millisecond):
							require.NoError(t, WakeAll(word))
						}
					}
				}
			}
		}
		if byOne == sleepers {
			return
		}
	}
	t.Fatal("one call never woke all of them")
}

func TestWaitEnds(t *testing.T) {
	word, _ := newWord(t)
	start := time.Now()
	timedOut, err := Wait(word, 0, 30*time.Millisecond)
	require.NoError(t, err)
	if !timedOut { // a signal, which Go's scheduler also sends
		t.Skip("woken by a signal")
	}
	require.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)
	word.Store(1)
	timedOut, err = Wait(word, 0, 20*time.Second)
	require.NoError(t, err)
	require.False(t, timedOut, "the value had changed already")
}

func TestTruncatedWord(t *testing.T) {
	word, path := newWord(t)
	require.NoError(t, os.Truncate(path, 0))
	_, err := Wait(word, 0, 20*time.Second)
	require.ErrorIs(t, err, ErrFault)
	require.ErrorIs(t, WakeAll(word), ErrFault)
}
