package ffargs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// What people write is taken; what may not be is in package hostile.
func TestLavfiTakesPlainGraphs(t *testing.T) {
	for _, graph := range []string{
		"testsrc2", "testsrc2=size=640x360:rate=30", "testsrc2=s=96x64:r=30000/1001:d=1", "color=c=red@0.5:s=64x48", "color=c='red':s=64x48, hflip ,vflip",
		"testsrc2[out0];sine[out1]", "[out0]testsrc2", "color[a];color=blue[b];[a][b]overlay=x=(W-w)/2:y='if(gt(t,1),0,10)'[out0];sine=f=440[out1]",
		"testsrc2=d=1,\n\thflip", "mandelbrot@m=s=64x48", "nullsrc=s=64x48,geq=random(1)*255:128:128", "smptebars,scale=32:-2:flags=bicubic,format=pix_fmts=yuv420p|rgba", `color=c=red,select=eq(n\,1)`,
	} {
		in, err := ffargs.ParseInput("lavfi:" + graph)
		require.NoError(t, err)
		require.Equal(t, graph, in.Name)
	}
}
