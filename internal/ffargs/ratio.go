package ffargs

import "fmt"

// Ratio is a fraction: a time base in seconds, a rate in frames per second, or the shape of a
// pixel. The zero value, and 0/1, mean unknown.
type Ratio struct{ Num, Den int64 }

// Known reports whether both terms are positive.
func (r Ratio) Known() bool { return r.Num > 0 && r.Den > 0 }

// String is like 30000/1001.
func (r Ratio) String() string { return fmt.Sprintf("%d/%d", r.Num, r.Den) }

// Float is the value of the fraction, 0 if it is unknown.
func (r Ratio) Float() float64 {
	if !r.Known() {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}

// Inverse swaps the terms: a rate becomes the time base of its frames.
func (r Ratio) Inverse() Ratio { return Ratio{r.Den, r.Num} }
