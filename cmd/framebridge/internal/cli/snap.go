package cli

// framebridge snap: the newest frame as a picture.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/framebridge/framebridge/framebuf"
)

type snapOptions struct {
	segment   string
	file      string
	overwrite bool
	wait      time.Duration
}

func newSnapCmd(s *session) *cobra.Command {
	o := &snapOptions{}
	cmd := &cobra.Command{
		Use:     "snap SEGMENT FILE",
		Short:   "The newest frame as a picture: .png, .jpg, .bmp or .tiff",
		Example: "  framebridge snap cam0 now.png",
		Args:    exactly(2, 2, false),
		RunE: s.command(func(ctx context.Context, args []string) error {
			o.segment, o.file = args[0], args[1]
			return snapRun(ctx, s, o)
		}),
	}
	cmd.Flags().BoolVarP(&o.overwrite, "overwrite", "y", false, "overwrite the file")
	s.registerTrust(cmd.Flags())
	cmd.Flags().DurationVar(&o.wait, "wait", 5*time.Second, "how long to wait for the segment and its first frame")
	return cmd
}

func snapRun(ctx context.Context, s *session, o *snapOptions) error {
	encode, err := pictureEncoder(o.file)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(o.file); err == nil && !o.overwrite {
		return existsError(o.file)
	}
	if _, err := s.awaitSegment(ctx, o.segment, o.wait); err != nil {
		return err
	}
	picture, f, err := newestPicture(ctx, s, o, encode)
	if err != nil {
		return err
	}
	out, err := s.create(o.file, o.overwrite)
	if err != nil {
		return err
	}
	if _, err = out.Write(picture); out.finish(err) != nil {
		out.discard()
		return outputf("%s: could not be written: %w", o.file, err)
	}
	if s.json {
		return s.printJSON(struct {
			Generation string `json:"generation"`
			Frame      uint64 `json:"frame"`
			Output     string `json:"output"`
		}{f.Generation.String(), f.Number, o.file})
	}
	s.note("frame %d of %s, %v, is in %s", f.Number, o.segment, f.Format, o.file)
	return nil
}

// newestPicture is the newest frame as the bytes of a picture file, and what is known of it.
func newestPicture(ctx context.Context, s *session, o *snapOptions, encode pictureFunc) ([]byte, *framebuf.Info, error) {
	none := fmt.Errorf("%s has shown no frame within %v", o.segment, o.wait)
	ctx, cancel := context.WithTimeoutCause(ctx, max(o.wait, 100*time.Millisecond), &codeError{code: codeSource, err: none})
	defer cancel()
	r, err := s.openReader(ctx, o.segment, &readFlags{}, framebuf.Newest, "snap")
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var file bytes.Buffer
	var info framebuf.Info
	for {
		err := r.View(ctx, func(f *framebuf.Frame) error {
			if f.PixelFormat == framebuf.Data {
				return usagef("%s holds data, not pictures", o.segment)
			}
			img, err := f.Image()
			if err != nil {
				return err
			}
			info = f.Info
			return encode(&file, img)
		})
		switch {
		case errors.Is(err, framebuf.ErrOverrun):
			file.Reset()
		case errors.Is(err, io.EOF):
			return nil, nil, sourcef("%s ended without a frame", o.segment)
		case err != nil:
			return nil, nil, err
		default:
			return file.Bytes(), &info, nil
		}
	}
}

type pictureFunc func(w io.Writer, img image.Image) error

func pictureEncoder(path string) (pictureFunc, error) {
	switch ending := strings.ToLower(filepath.Ext(path)); ending {
	case ".png":
		return png.Encode, nil
	case ".jpg", ".jpeg":
		return func(w io.Writer, img image.Image) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: 90}) }, nil
	case ".bmp":
		return bmp.Encode, nil
	case ".tif", ".tiff":
		return func(w io.Writer, img image.Image) error {
			return tiff.Encode(w, img, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
		}, nil
	default:
		return nil, usagef("snap: %s: the ending says the format: .png, .jpg, .bmp or .tiff", path)
	}
}
