package encode

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

const (
	childDir    = "FRAMEBRIDGE_TEST_DIR"
	childFrames = 20
)

// writerProcess is the test binary as a writer that publishes some frames and is
// then killed.
func writerProcess() int {
	c := testClip(0)
	w, err := framebuf.Create("cam", c.format, &framebuf.Options{Dir: os.Getenv(childDir), Template: c.info})
	if err == nil {
		err = w.AwaitReaders(context.Background(), 1)
	}
	for k := range childFrames {
		if err == nil {
			err = w.Publish(context.Background(), func(s *framebuf.Slot) error { s.Info.PTS = int64(k) * 40; draw(s.Bytes(), &s.Info, k); return nil })
		}
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("published")
	select {}
}

// startWriter starts that process. kill ends it as kill -9 does.
func startWriter(t *testing.T, dir string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=writer", childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = func() {
		said := make([]byte, 64)
		n, _ := out.Read(said)
		require.Equal(t, "published\n", string(said[:n]))
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
	return kill
}
