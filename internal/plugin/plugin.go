// Package plugin finds framebridge's plug-ins for ffmpeg on this machine.
package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Variable names the folder of the plug-ins, and then nothing else is looked at.
const Variable = "FRAMEBRIDGE_PLUGIN"

// The plug-ins, as ffmpeg's frei0r filters know them.
const (
	Lane = "framebridge_lane" // for framebridge's own ffmpeg
	Tap  = "framebridge_tap"
	Src  = "framebridge_src"
	Trip = "framebridge_trip"
)

// ErrNotFound is returned when there is no such plug-in.
var ErrNotFound = errors.New("plug-in not found")

// Find returns the folder in which the plug-in name is: $FRAMEBRIDGE_PLUGIN, or else plugins beside our own program, or
// ../libexec/framebridge, ../lib/framebridge from there. The error matches ErrNotFound and says where it looked.
func Find(name string) (dir string, err error) {
	dirs := Folders()
	for _, dir := range dirs {
		if st, err := os.Stat(filepath.Join(dir, name+".so")); err == nil && st.Mode().IsRegular() {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w: no %s.so in %s; `make plugin` builds it, %s names its folder", ErrNotFound, name, strings.Join(dirs, ", "), Variable)
}

// Folders are the absolute paths of the folders that Find looks in, best first.
func Folders() []string {
	if dir := os.Getenv(Variable); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		return []string{dir}
	}
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	bin := filepath.Dir(exe)
	return []string{
		filepath.Join(bin, "plugins"),
		filepath.Join(filepath.Dir(bin), "libexec", "framebridge"),
		filepath.Join(filepath.Dir(bin), "lib", "framebridge"),
	}
}

// Env are the variables that make an ffmpeg find plug-ins in dir, and those of others where it found them before. order is
// ffmpeg's name of the pixels that go through the lane, rgba or bgra.
func Env(dir, order string) []string {
	if others := os.Getenv("FREI0R_PATH"); others != "" {
		dir += ":" + others
	}
	return []string{"FREI0R_PATH=" + dir, "FRAMEBRIDGE_LANE_ORDER=" + order}
}
