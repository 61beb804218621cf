//go:build amd64 || arm64

// The two fences; their bodies are in fence_amd64.s and fence_arm64.s.

package seqlock

// LoadFence orders every load before it before every load and store after it
// (arm64: DMB ISHLD; amd64: nothing, the hardware keeps loads in order).
//
//go:noescape
func LoadFence()

// StoreFence orders every store before it before every store after it
// (arm64: DMB ISHST; amd64: nothing, the hardware keeps stores in order).
//
//go:noescape
func StoreFence()
