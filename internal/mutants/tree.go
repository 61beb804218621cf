//go:build linux

// The copy of the tree, and what is done to it.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a copy of the source.
type tree struct {
	dir string // the copy
	bin string // what was built from it
}

// copyTree copies the module that this was started in: its Go and assembly files,
// and what its tests read.
func copyTree() (*tree, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("the go command: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if root == "." || root == "/dev" {
		return nil, errors.New("start it inside the source tree")
	}
	top, err := os.MkdirTemp("", "framebridge-mutants-")
	if err != nil {
		return nil, err
	}
	t := &tree{dir: filepath.Join(top, "tree"), bin: filepath.Join(top, "bin")}
	err = errors.Join(os.Mkdir(t.dir, 0o755), os.Mkdir(t.bin, 0o755))
	if err == nil {
		err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			switch name := e.Name(); {
			case e.IsDir() && (slices.Contains([]string{"bin", "out", "testdata"}, rel) || rel != "." && name[0] == '.'):
				return filepath.SkipDir
			case e.IsDir():
				return os.MkdirAll(filepath.Join(t.dir, rel), 0o755)
			case !e.Type().IsRegular():
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(t.dir, rel), b, 0o644)
		})
	}
	if err != nil {
		t.remove()
		return nil, err
	}
	return t, nil
}

func (t *tree) remove() { _ = os.RemoveAll(filepath.Dir(t.dir)) }

// mutate changes the source; restore takes it back.
func (t *tree) mutate(m mutant) (restore func(), err error) {
	old := map[string][]byte{}
	restore = func() {
		for path, b := range old {
			_ = os.WriteFile(path, b, 0o644)
		}
	}
	for _, e := range m.edits {
		path := filepath.Join(t.dir, e.file)
		b, err := os.ReadFile(path)
		if err == nil {
			if n := strings.Count(string(b), e.from); n != 1 {
				err = fmt.Errorf("%s has this text %d times, not once:\n%s", e.file, n, e.from)
			}
		}
		if err != nil {
			restore()
			return nil, err
		}
		if _, there := old[path]; !there {
			old[path] = b
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(b), e.from, e.to, 1)), 0o644); err != nil {
			restore()
			return nil, err
		}
	}
	return restore, nil
}

// try breaks the copy, asks the killers one after the other, and mends it again.
// by is empty if none notices.
func (t *tree) try(ctx context.Context, m mutant, limit time.Duration) (by string, err error) {
	restore, err := t.mutate(m)
	if err != nil {
		return "", err
	}
	defer restore()
	for _, k := range m.by {
		by, err := t.ask(ctx, k, limit)
		if by != "" || err != nil {
			return by, err
		}
	}
	return "", nil
}

// unbroken asks every killer about the tree as it is: a test that fails anyway
// kills nothing.
func (t *tree) unbroken(ctx context.Context, chosen []mutant, limit time.Duration) error {
	tests, rows := map[string][]string{}, []string{}
	for _, m := range chosen {
		for _, k := range m.by {
			switch {
			case k.rows != "":
				rows = append(rows, k.rows)
			case !slices.Contains(tests[k.pkg], k.tests):
				tests[k.pkg] = append(tests[k.pkg], k.tests)
			}
		}
	}
	var all []killer
	for pkg, names := range tests {
		all = append(all, killer{pkg: pkg, tests: strings.Join(names, "|")})
	}
	if len(rows) > 0 {
		slices.Sort(rows)
		all = append(all, killer{rows: strings.Join(slices.Compact(rows), ",")})
	}
	for _, k := range all {
		by, err := t.ask(ctx, k, 5*limit)
		if err != nil {
			return err
		}
		if by != "" {
			return fmt.Errorf("%s already", by)
		}
	}
	return nil
}

// privateMemory gives this thread and its children a /dev/shm of their own, which
// is gone with them: what a killed test leaves, it leaves there. The caller is
// locked to the thread.
func privateMemory() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("a mount namespace needs root: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	return nil
}
