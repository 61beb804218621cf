//go:build !linux && !amd64 && !arm64

// Stand-ins so that programs that import framebuf still compile where no
// segment can be created or opened.

package seqlock

// LoadFence does nothing here: no segment can be opened on this system.
func LoadFence() {}

// StoreFence does nothing here: no segment can be created on this system.
func StoreFence() {}
