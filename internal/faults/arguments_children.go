//go:build linux

// What the kernel says of the children of this process.

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// limits are those of one child, and what it was started as.
type limits struct {
	PID        int
	Program    string
	Args       []string
	NoNewPrivs string
	Core       string // soft and hard
	Files      string
	OwnGroup   bool
	Ignored    string // mask of ignored signals
	Report     bool   // FFREPORT is in its environment
}

// watchChildren looks for children until stop, which returns the last view of each: they are started first, and limited
// right after that.
func watchChildren() (stop func() []limits) {
	done, all := make(chan struct{}), make(chan []limits)
	go func() {
		seen := map[int]limits{}
		for {
			for _, pid := range childPIDs() {
				if l, ok := look(pid); ok {
					seen[pid] = l
				}
			}
			select {
			case <-done:
				var list []limits
				for _, l := range seen {
					list = append(list, l)
				}
				all <- list
				return
			case <-time.After(500 * time.Microsecond):
			}
		}
	}()
	return func() []limits {
		close(done)
		return <-all
	}
}

func childPIDs() (pids []int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// look is false for a child that is gone, a zombie, or not yet another program than this one.
func look(pid int) (l limits, ok bool) {
	read := func(name string) string {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		return string(text)
	}
	args := strings.Split(strings.TrimRight(read("cmdline"), "\x00"), "\x00")
	status, bounds, environ := read("status"), read("limits"), read("environ")
	self, _ := os.Readlink("/proc/self/exe")
	if program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || program == self || len(args) < 2 || bounds == "" || status == "" {
		return l, false
	}
	l = limits{PID: pid, Program: args[0], Args: args[1:], Report: strings.Contains("\x00"+environ, "\x00FFREPORT=")}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); key {
		case "NoNewPrivs":
			l.NoNewPrivs = value
		case "SigIgn":
			l.Ignored = value
		}
	}
	for line := range strings.Lines(bounds) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Max core file size") && len(words) > 5:
			l.Core = words[4] + " " + words[5]
		case strings.HasPrefix(line, "Max open files") && len(words) > 4:
			l.Files = words[3] + " " + words[4]
		}
	}
	group, err := syscall.Getpgid(pid)
	l.OwnGroup = err == nil && group == pid
	return l, err == nil
}
