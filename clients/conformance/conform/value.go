// conform update and value: a counter in a kept segment.

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"

	"github.com/framebridge/framebridge/framebuf"
)

type valueLine struct {
	Value  int64  `json:"value"`
	Number uint64 `json:"number"` // of the frame that holds it
}

func update(ctx context.Context, name string, args []string) error {
	flags := flag.NewFlagSet("update", flag.ContinueOnError)
	add := flags.Int64("add", 1, "what to add")
	times := flags.Int("times", 1, "how often; 0: until told to stop")
	within := flags.Float64("within", 20, "seconds to wait for other writers")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return fmt.Errorf("%w: update: %v", errUsage, args)
	}
	for i := 0; *times == 0 || i < *times; i++ {
		line, err := increase(ctx, name, *add, *within)
		if errors.Is(err, errTold) {
			return tell(map[string]string{"end": "told"})
		}
		if err != nil {
			return err
		}
		if err := tell(line); err != nil {
			return err
		}
	}
	return tell(map[string]string{"end": "done"})
}

func increase(ctx context.Context, name string, add int64, within float64) (line valueLine, err error) {
	ctx, cancel := context.WithTimeout(ctx, seconds(within))
	defer cancel()
	line.Number, err = framebuf.Update(ctx, name, nil, func(old *framebuf.Frame, next *framebuf.Slot) error {
		line.Value = 0
		if old != nil {
			var err error
			if line.Value, err = strconv.ParseInt(string(old.Bytes()), 10, 64); err != nil {
				return fmt.Errorf("%w: the value is %q", errMismatch, old.Bytes())
			}
		}
		line.Value += add
		text := strconv.FormatInt(line.Value, 10)
		if err := next.SetLength(len(text)); err != nil {
			return err
		}
		copy(next.Bytes(), text)
		return nil
	})
	return line, err
}

func value(ctx context.Context, name string, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: value: %v", errUsage, args)
	}
	r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer r.Close()
	for f, err := range r.Recent(ctx) {
		if err != nil {
			return err
		}
		v, err := strconv.ParseInt(string(f.Bytes()), 10, 64)
		if err != nil {
			return fmt.Errorf("%w: the value is %q", errMismatch, f.Bytes())
		}
		return tell(valueLine{Value: v, Number: f.Number})
	}
	return fmt.Errorf("%w: %s holds no value yet", framebuf.ErrNotFound, name)
}
