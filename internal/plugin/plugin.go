// Package plugin finds framebridge's plug-ins for ffmpeg on this machine.
package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/framebridge/framebridge/internal/ffproc"
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

var (
	// ErrNotFound is returned when there is no such plug-in.
	ErrNotFound = errors.New("plug-in not found")
	// ErrNotLoaded is returned when an ffmpeg does not load it.
	ErrNotLoaded = errors.New("ffmpeg does not load the plug-in")
)

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
	if target, err := filepath.EvalSymlinks(exe); err == nil {
		exe = target
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

// ForLane returns the folder of the plug-in Lane, which an ffmpeg has loaded. Errors as Find and Check.
func ForLane(ctx context.Context, ffmpeg string) (dir string, err error) {
	if dir, err = Find(Lane); err == nil {
		err = Check(ctx, ffmpeg, dir)
	}
	if err != nil {
		return "", err
	}
	return dir, nil
}

// Check reports whether an ffmpeg really loads the plug-in Lane from dir: one that was built with frei0r may be static, have
// another C library or be locked in. It has it pass a small picture, which takes as long as a start of ffmpeg. The error matches
// ErrNotLoaded, or is that of starting ffmpeg or of ctx.
func Check(ctx context.Context, ffmpeg, dir string) error {
	args := []string{
		"-hide_banner", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "color=size=16x16:duration=0.04",
		"-vf", "format=rgba,frei0r=" + Lane, "-f", "null", "-",
	}
	_, err := ffproc.Output(ctx, ffmpeg, args, 1<<10, &ffproc.Options{Confine: true, Env: Env(dir, "rgba")})
	var exit *ffproc.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	// The first line says it: [Parsed_frei0r_1 @ 0x56] Could not find module 'framebridge_lane'.
	first, _, _ := strings.Cut(exit.Stderr, "\n")
	if _, text, ok := strings.Cut(first, "] "); ok {
		first = text
	}
	return fmt.Errorf("%w %s: %s; build it for this machine and this ffmpeg", ErrNotLoaded, filepath.Join(dir, Lane+".so"),
		cmp.Or(strings.TrimSuffix(first, "."), exit.Error()))
}
