package cli

// What systemd-logind does to shared memory when a user logs out.

import (
	"fmt"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// firstUser is the first number that is no system user's, whom RemoveIPC spares (logind.conf(5); SYS_UID_MAX).
const firstUser = 1000

// removeIPCCheck warns of logind, which by default removes a user's files in /dev/shm when the user has fully logged
// out: a service or a cron job of that user loses its segments while it runs. root is where the file system begins. No
// check is made where logind does not run, for system users, and for segments that lie elsewhere.
func removeIPCCheck(root, dir string, uid int) (check, bool) {
	if _, err := os.Stat(filepath.Join(root, "run/systemd/seats")); err != nil {
		return check{}, false
	}
	if uid < firstUser || !strings.HasPrefix(path.Clean(dir)+"/", "/dev/shm/") {
		return check{}, false
	}
	c := check{Check: "logout", State: checkOK}
	on, from := removeIPC(root)
	if !on {
		c.Detail = "logind leaves shared memory alone (RemoveIPC=no in " + from + ")"
		return c, true
	}
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	if _, err := os.Stat(filepath.Join(root, "var/lib/systemd/linger", name)); err == nil {
		c.Detail = "logind would remove this user's shared memory at the last logout, but the user lingers"
		return c, true
	}
	c.State = checkWarn
	c.Detail = fmt.Sprintf("logind removes this user's files in /dev/shm at the last logout, also those in use (RemoveIPC=yes, %s)", from)
	c.Remedy = "loginctl enable-linger    # or for all users: RemoveIPC=no in a file in /etc/systemd/logind.conf.d"
	return c, true
}

// removeIPC is the setting in force, and the file that it is from.
func removeIPC(root string) (on bool, from string) {
	on, from = true, "the default"
	dirs := []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"} // the first wins
	var files []string
	for _, d := range dirs {
		if main := d + "/logind.conf"; isFile(filepath.Join(root, main)) {
			files = append(files, main)
			break
		}
	}
	// Of drop-ins of one name the first directory's counts; they are read in the order of their names.
	dropIns := map[string]string{}
	for _, d := range slices.Backward(dirs) {
		found, _ := filepath.Glob(filepath.Join(root, d, "logind.conf.d/*.conf"))
		for _, f := range found {
			dropIns[filepath.Base(f)] = path.Join(d, "logind.conf.d", filepath.Base(f))
		}
	}
	names := make([]string, 0, len(dropIns))
	for name := range dropIns {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		files = append(files, dropIns[name])
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			continue
		}
		if v, ok := loginSetting(string(text), "RemoveIPC"); ok {
			on, from = v, f
		}
	}
	return on, from
}

func isFile(name string) bool {
	st, err := os.Stat(name)
	return err == nil && !st.IsDir()
}

// loginSetting is the last value of a switch in the section Login. One that is no switch is ignored, as logind does.
func loginSetting(text, key string) (on, ok bool) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		k, v, found := strings.Cut(line, "=")
		if section != "[Login]" || !found || strings.TrimSpace(k) != key {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "1", "yes", "y", "true", "t", "on":
			on, ok = true, true
		case "0", "no", "n", "false", "f", "off":
			on, ok = false, true
		}
	}
	return on, ok
}
