// Where a mapping lies.

package shm

import "unsafe"

// offsetOf says whether addr lies in the mapping, and where.
func (m *Mapping) offsetOf(addr uintptr) (int64, bool) {
	if m == nil || len(m.b) == 0 {
		return 0, false
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.b)))
	if addr < start || addr >= start+uintptr(len(m.b)) {
		return 0, false
	}
	return int64(addr - start), true
}
