// A mapping of a whole file.

package shm

// Mapping is a file in memory. Its methods are safe for concurrent use, except
// Close, after which the bytes must not be touched.
type Mapping struct {
	b []byte
}

// Bytes is the mapped file. It is nil after Close and for a nil mapping.
func (m *Mapping) Bytes() []byte {
	if m == nil {
		return nil
	}
	return m.b
}

// OfBytes makes a Mapping of ordinary memory, for tests that want the race
// detector to see every access.
func OfBytes(b []byte) *Mapping { return &Mapping{b: b} }
