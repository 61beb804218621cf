//go:build linux

package main

import (
	"github.com/framebridge/framebridge/framebuf"
)

// size is the usual format of the suite.
func size(width, height int) framebuf.Format {
	return framebuf.Format{PixelFormat: framebuf.RGBA, Width: width, Height: height}
}
