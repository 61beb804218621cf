//go:build linux

package main

import (
	"slices"
	"sync"
	"time"
)

// spans are measured durations. Safe for concurrent use.
type spans struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *spans) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
}

// at is the quantile q, rounded for reading; 0 if there is none.
func (s *spans) at(q float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.all))
	d := sorted[int(q*float64(len(sorted)-1)+0.5)]
	if d < 10*time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(100 * time.Microsecond)
}

func (s *spans) max() time.Duration { return s.at(1) }
