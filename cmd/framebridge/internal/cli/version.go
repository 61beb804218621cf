package cli

// framebridge version.

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
)

type versionJSON struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Layout  string `json:"layout"`
}

func newVersionCmd(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "The version of this program",
		Args:  exactly(0, 0, false),
		RunE:  s.command(func(context.Context, []string) error { return versionRun(s) }),
	}
}

func versionRun(s *session) error {
	v := version()
	if s.json {
		return s.printJSON(v)
	}
	return s.printf("framebridge %s %s %s/%s, layout %s\n", v.Version, v.Go, v.OS, v.Arch, v.Layout)
}

func version() versionJSON {
	v := versionJSON{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Layout: framebuf.LayoutVersion}
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		v.Version = build.Main.Version
	}
	return v
}
