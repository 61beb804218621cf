// The one way to copy a frame.

package shm

// chunk is how much is copied at once. One copy of a megabyte or more uses
// non-temporal stores on amd64, which leave the reader of the copy a cold cache
// and are two to three times slower than copies of 64 to 512 KiB on some
// machines, and as fast on others (BenchmarkCopy in framebuf).
const chunk = 128 << 10

// Copy copies like the built-in, in pieces that are fast for frames.
func Copy(dst, src []byte) int {
	n := min(len(dst), len(src))
	for i := 0; i < n; i += chunk {
		e := min(i+chunk, n)
		copy(dst[i:e], src[i:e])
	}
	return n
}
