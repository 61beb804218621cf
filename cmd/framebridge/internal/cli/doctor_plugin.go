package cli

// Whether frames can go by the plug-in.

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/plugin"
)

const slower = "; frames go through ffmpeg's pipe, which is slower"

// pluginCheck has ffmpeg load the plug-in that carries pixels. Only one that was named and is wrong is a failure: without any,
// everything works.
func pluginCheck(ctx context.Context, ffmpeg string) check {
	c := check{Check: "ffmpeg plug-in", State: checkWarn, code: codeFFmpeg}
	if out, err := ffproc.Output(ctx, ffmpeg, ffargs.AbilityArgs("version"), 1<<20, &ffproc.Options{Confine: true}); err != nil {
		c.Detail = message(err)
		return c
	} else if !ffargs.HasFrei0r(string(out)) {
		c.Detail = "this ffmpeg was built without frei0r, which loads plug-ins" + slower
		return c
	}
	dir, err := plugin.ForLane(ctx, ffmpeg)
	switch {
	case err == nil:
		c.State, c.Detail = checkOK, filepath.Join(dir, plugin.Lane+".so")+", which this ffmpeg loads"
	case !errors.Is(err, plugin.ErrNotFound) && !errors.Is(err, plugin.ErrNotLoaded):
		c.Detail = message(err)
	case os.Getenv(plugin.Variable) != "":
		c.State, c.Detail, c.Remedy = checkFail, message(err), "unset "+plugin.Variable
	default:
		c.Detail = message(err) + slower
		if dirs := plugin.Folders(); len(dirs) > 0 {
			c.Remedy = "make plugin PLUGIN_DIR=" + ffargs.Quote(dirs[:1]) + "    # in the source of framebridge"
		}
	}
	return c
}
