//go:build linux && !amd64 && !arm64

// The build stops here on purpose. The segment's protocol is argued for amd64
// and arm64 only; on another architecture a missing order would hand out torn
// frames without a word.

package seqlock

var _ = framebridge_on_linux_needs_amd64_or_arm64
