package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeRoot is a file system with these files; an empty text is a directory.
func fakeRoot(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if text == "" {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func TestRemoveIPC(t *testing.T) {
	const yes, no, none = "warn", "ok", ""
	const seats, own = "run/systemd/seats", "/dev/shm/framebridge-61234"
	on, off := "[Login]\nRemoveIPC=yes\n", "[Login]\nRemoveIPC=no\n"
	for _, row := range []struct {
		name  string
		files map[string]string
		dir   string
		uid   int
		want  string
		from  string
	}{
		{"default", map[string]string{seats: ""}, own, 61234, yes, "the default"},
		{"no logind", map[string]string{"etc/systemd/logind.conf": on}, own, 61234, none, ""},
		{"system user", map[string]string{seats: ""}, own, 999, none, ""},
		{"root", map[string]string{seats: ""}, own, 0, none, ""},
		{"segments elsewhere", map[string]string{seats: ""}, "/run/user/61234/segments", 61234, none, ""},
		{"a name that only begins alike", map[string]string{seats: ""}, "/dev/shmall/segments", 61234, none, ""},
		{"main file", map[string]string{seats: "", "etc/systemd/logind.conf": off}, own, 61234, no, "/etc/systemd/logind.conf"},
		{"a comment", map[string]string{seats: "", "etc/systemd/logind.conf": "[Login]\n#RemoveIPC=no\n; RemoveIPC=no\n"}, own, 61234, yes, "the default"},
		{"another section", map[string]string{seats: "", "etc/systemd/logind.conf": "[Manager]\nRemoveIPC=no\n"}, own, 61234, yes, "the default"},
		{"no switch", map[string]string{seats: "", "etc/systemd/logind.conf": "[Login]\nRemoveIPC=perhaps\n"}, own, 61234, yes, "the default"},
		{"spaces and case", map[string]string{seats: "", "etc/systemd/logind.conf": " [Login]\n RemoveIPC = Off \n"}, own, 61234, no, "/etc/systemd/logind.conf"},
		{"the last line counts", map[string]string{seats: "", "etc/systemd/logind.conf": off + on}, own, 61234, yes, "/etc/systemd/logind.conf"},
		{"the first main file counts", map[string]string{seats: "", "etc/systemd/logind.conf": on, "usr/lib/systemd/logind.conf": off}, own, 61234, yes, "/etc/systemd/logind.conf"},
		{"the vendor's main file", map[string]string{seats: "", "usr/lib/systemd/logind.conf": off}, own, 61234, no, "/usr/lib/systemd/logind.conf"},
		{"a drop-in wins", map[string]string{seats: "", "etc/systemd/logind.conf": on, "usr/lib/systemd/logind.conf.d/50-x.conf": off}, own, 61234, no, "/usr/lib/systemd/logind.conf.d/50-x.conf"},
		{"the last drop-in by name", map[string]string{
			seats: "", "etc/systemd/logind.conf.d/10-a.conf": off, "usr/lib/systemd/logind.conf.d/20-b.conf": on,
		}, own, 61234, yes, "/usr/lib/systemd/logind.conf.d/20-b.conf"},
		{"of one name the administrator's", map[string]string{
			seats: "", "etc/systemd/logind.conf.d/10-a.conf": off, "usr/lib/systemd/logind.conf.d/10-a.conf": on,
		}, own, 61234, no, "/etc/systemd/logind.conf.d/10-a.conf"},
		{"a drop-in that says nothing hides the vendor's", map[string]string{
			seats: "", "etc/systemd/logind.conf.d/10-a.conf": "# masked\n", "usr/lib/systemd/logind.conf.d/10-a.conf": off,
		}, own, 61234, yes, "the default"},
		{"not a drop-in", map[string]string{seats: "", "etc/systemd/logind.conf.d/10-a.conf.bak": off}, own, 61234, yes, "the default"},
		{"the user lingers", map[string]string{seats: "", "var/lib/systemd/linger/61234": "x"}, own, 61234, no, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, ok := removeIPCCheck(fakeRoot(t, row.files), row.dir, row.uid)
			require.Equal(t, row.want != none, ok)
			require.Equal(t, row.want, c.State)
			require.Contains(t, c.Detail, row.from)
			require.Equal(t, row.want == yes, c.Remedy != "", "a remedy, and only where it is needed")
		})
	}
}

func TestRoom(t *testing.T) {
	for _, row := range []struct {
		name       string
		size, free int64
		state      string
		remedy     string
	}{
		{"no limit", 0, 0, checkOK, ""},
		{"large", 8 << 30, 7 << 30, checkOK, ""},
		{"large and full", 8 << 30, 100 << 20, checkWarn, "mount -o remount,size=1G"},
		{"docker's default", 64 << 20, 64 << 20, checkWarn, "docker run --shm-size=1g"},
		{"docker's default, shared", 64 << 20, 64 << 20, checkWarn, "-v /dev/shm/framebridge:"},
		{"docker's default, in use", 64 << 20, 1 << 20, checkWarn, "docker run --shm-size=1g"},
		{"small", 128 << 20, 128 << 20, checkWarn, "mount -o remount,size=1G"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := roomCheck("/dev/shm", row.size, row.free)
			require.Equal(t, row.state, c.State)
			require.Contains(t, c.Remedy, row.remedy)
			require.Equal(t, row.remedy == "", c.Remedy == "")
			require.Contains(t, c.Detail, "/dev/shm")
		})
	}
}

// The same of a file system that is so large.
func TestRoomOfAContainer(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size=64m"); err != nil {
		t.Skipf("not run: mounting a small tmpfs needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	c := memoryCheck(filepath.Join(dir, "segments")) // not there yet
	require.Equal(t, checkWarn, c.State)
	require.Contains(t, c.Detail, dir+": tmpfs, 64.0 MiB")
	require.Contains(t, c.Remedy, "--shm-size")
}

func TestSegmentDirectory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	for _, row := range []struct {
		name  string
		mode  os.FileMode
		state string
		text  string
	}{
		{"private", 0o700, checkOK, "mode 0700, 0 segments"},
		{"of a group", 0o750 | os.ModeSetgid, checkOK, "mode 2750"},
		{"shared, sticky", 0o777 | os.ModeSticky, checkOK, "mode 1777"},
		{"group may replace", 0o770, checkFail, "mode 0770"},
		{"all may replace", 0o777, checkFail, "mode 0777"},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.NoError(t, os.Chmod(dir, row.mode))
			c := dirCheck(dir)
			require.Equal(t, row.state, c.State)
			require.Contains(t, c.Detail, row.text)
			require.Equal(t, row.state == checkFail, c.Remedy == "chmod go-w "+dir)
		})
	}
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chmod(dir, 0o700))
		require.NoError(t, os.Chown(dir, 61234, -1))
		c := dirCheck(dir)
		require.Equal(t, checkFail, c.State)
		require.Contains(t, c.Detail, "belongs to user 61234")
	}
}
