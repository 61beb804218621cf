// The names that errors have in the kit.

package main

import (
	"context"
	"errors"

	"github.com/framebridge/framebridge/framebuf"
)

// errMismatch is returned for a frame that is not what its number says.
var errMismatch = errors.New("not the frame that was written")

// classOf names an error. The first match counts: a segment whose writer died in the
// middle of breaking the protocol is damaged.
func classOf(err error) string {
	for _, c := range []struct {
		err  error
		name string
	}{
		{errMismatch, "mismatch"},
		{framebuf.ErrName, "name"},
		{framebuf.ErrNotFound, "not-found"},
		{framebuf.ErrBusy, "busy"},
		{framebuf.ErrDamaged, "damaged"},
		{framebuf.ErrVersion, "version"},
		{framebuf.ErrUntrusted, "untrusted"},
		{framebuf.ErrRefused, "refused"},
		{framebuf.ErrCells, "cells"},
		{framebuf.ErrWriterDied, "died"},
		{framebuf.ErrEvicted, "evicted"},
		{framebuf.ErrLost, "lost"},
		{framebuf.ErrUnlinked, "removed"},
		{framebuf.ErrBroken, "broken"},
		{framebuf.ErrTooLarge, "too-large"},
		{framebuf.ErrNoSpace, "no-space"},
		{framebuf.ErrExhausted, "exhausted"},
		{errTold, "told"},
		{context.DeadlineExceeded, "timeout"},
	} {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return "other"
}
