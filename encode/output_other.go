//go:build !linux

package encode

// writable leaves it to ffmpeg to find out.
func writable(string) error { return nil }

// full leaves it to ffmpeg to find out.
func full(string) bool { return false }
