//go:build linux

// Alternating pairs, medians, spreads, CPU seconds.

package main

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// sample is one measured run of one way.
type sample struct {
	frames int
	wall   time.Duration
	cpu    time.Duration // user + system of this process and of all its children
}

func (s sample) rate() float64 { return float64(s.frames) / s.wall.Seconds() }

// way is one way to do a job; it returns how many frames it handled.
type way struct {
	name string
	run  func() (int, error)
}

func measure(w way) (sample, error) {
	cpu, start := cpuTime(), time.Now()
	n, err := w.run()
	s := sample{frames: n, wall: time.Since(start), cpu: cpuTime() - cpu}
	if err != nil {
		return s, fmt.Errorf("%s: %w", w.name, err)
	}
	if n == 0 {
		return s, fmt.Errorf("%s: no frames", w.name)
	}
	return s, nil
}

// cpuTime is the CPU time used so far by this process and its reaped children.
func cpuTime() (d time.Duration) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if unix.Getrusage(who, &u) == nil {
			d += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return d
}

// compare runs all ways in turn, pairs times, and prints each one's rate, CPU
// seconds, and its ratio to each of the named others.
func (b *bench) compare(ways []way, against ...string) error {
	runs := make(map[string][]sample)
	for range b.pairs {
		for _, w := range ways {
			if err := b.ctx.Err(); err != nil {
				return err
			}
			s, err := measure(w)
			if err != nil {
				return err
			}
			runs[w.name] = append(runs[w.name], s)
		}
	}
	for _, w := range ways {
		rate, _ := summary(runs[w.name], func(s sample) float64 { return s.rate() })
		cpu, _ := summary(runs[w.name], func(s sample) float64 { return s.cpu.Seconds() * 1000 / float64(s.frames) })
		fmt.Printf("%-34s %8.1f frames/s  %7.2f ms CPU a frame\n", w.name, rate, cpu)
	}
	ours := ways[len(ways)-1].name
	for _, other := range against {
		ratios := make([]float64, b.pairs)
		for i := range ratios {
			ratios[i] = runs[ours][i].rate() / runs[other][i].rate()
		}
		printRatio(ours+" / "+other, ratios)
	}
	return nil
}

// printRatio prints the median of ratios and their spread: half the distance
// between the quartiles, as a share of the median.
func printRatio(name string, ratios []float64) {
	med, spread := quartiles(ratios)
	note := ""
	if spread > 0.10 {
		note = "  (spread over 10 %: reported, not claimed)"
	}
	fmt.Printf("  %-40s %6.2f  ± %.0f %%%s\n", name, med, spread*100, note)
}

func summary(s []sample, f func(sample) float64) (median, spread float64) {
	v := make([]float64, len(s))
	for i := range s {
		v[i] = f(s[i])
	}
	return quartiles(v)
}

func quartiles(v []float64) (median, spread float64) {
	v = slices.Sorted(slices.Values(v))
	at := func(q float64) float64 { return v[int(q*float64(len(v)-1)+0.5)] }
	median = at(0.5)
	if median != 0 {
		spread = (at(0.75) - at(0.25)) / 2 / median
	}
	return median, spread
}

// percentiles of durations, in microseconds.
func percentiles(d []time.Duration) (p50, p99 float64) {
	if len(d) == 0 {
		return 0, 0
	}
	d = slices.Sorted(slices.Values(d))
	us := func(q float64) float64 { return float64(d[int(q*float64(len(d)-1))].Nanoseconds()) / 1000 }
	return us(0.5), us(0.99)
}
