// Fractions and the conversion of times between time bases.

package nut

import (
	"fmt"
	"math"
	"math/bits"
)

// Rational is a fraction. The zero value means "unknown" where that is allowed.
type Rational struct {
	Num, Den int64
}

// String returns the fraction as ffmpeg prints it, such as 1/25.
func (q Rational) String() string { return fmt.Sprintf("%d/%d", q.Num, q.Den) }

// maxTerm bounds both terms of every fraction in NUT: below 2^31.
const maxTerm = math.MaxInt32

// positive reports whether both terms are in 1..2^31-1.
func (q Rational) positive() bool {
	return q.Num >= 1 && q.Num <= maxTerm && q.Den >= 1 && q.Den <= maxTerm
}

// reduced returns the fraction in lowest terms. The terms must be positive.
func (q Rational) reduced() Rational {
	a, b := q.Num, q.Den
	for b != 0 {
		a, b = b, a%b
	}
	return Rational{q.Num / a, q.Den / a}
}

// Rescale converts a time from ticks of one time base to ticks of another,
// rounded to the nearest tick, halves away from zero. Exact says that nothing
// had to be rounded. The error is ErrRange.
//
// It is how a PTS of ffmpeg's NUT, in 1/51200, is brought back to the 1/25 that
// was asked for. Safe for concurrent use.
func Rescale(ticks int64, from, to Rational) (out int64, exact bool, err error) {
	if !from.positive() || !to.positive() {
		return 0, false, fmt.Errorf("nut: rescale %v to %v: terms must be 1 to 2^31-1: %w", from, to, ErrRange)
	}
	abs := uint64(ticks)
	if ticks < 0 {
		abs = -abs
	}
	den := uint64(from.Den * to.Num)
	q, r, ok := mulDiv(abs, uint64(from.Num*to.Den), den)
	if ok && r >= den-r {
		q++
	}
	if !ok || q > math.MaxInt64 {
		return 0, false, fmt.Errorf("nut: rescale %d from %v to %v: %w", ticks, from, to, ErrRange)
	}
	if ticks < 0 {
		return -int64(q), r == 0, nil
	}
	return int64(q), r == 0, nil
}

// mulDiv returns a*b/den and the remainder, without losing bits on the way, or
// false if the quotient does not fit into 64 bits.
func mulDiv(a, b, den uint64) (q, r uint64, ok bool) {
	hi, lo := bits.Mul64(a, b)
	if hi >= den {
		return 0, 0, false
	}
	q, r = bits.Div64(hi, lo, den)
	return q, r, true
}
