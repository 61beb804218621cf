// The one way to copy a frame.

package shm

// chunk is how much is copied at once. One copy of a megabyte or more uses
// non-temporal stores on amd64, which is two to three times slower than copies
// of 64 to 512 KiB and leaves the reader of the copy a cold cache
// (BenchmarkCopy shows it).
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
