//go:build linux

package results

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// What is put comes out, tied to its frame.
func TestRecordIsTiedToItsFrame(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w, r := mustCreate(t, dir, Options{}), mustOpen(t, dir, ReaderOptions{})
	mustPut(t, w, picture(1, 30), map[string]any{"people": 2})
	rec, err := r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, "cam0.boxes", rec.Segment)
	require.Equal(t, framebuf.Reference{Set: true, Frame: 30, Generation: picture(1, 0).Generation.Low(), PTS: 90}, rec.Reference)
	at, ok := rec.Time()
	require.True(t, ok)
	require.Equal(t, time.Second, at)
	require.Positive(t, rec.Published)
	require.JSONEq(t, `{"people":2}`, string(rec.JSON))

	// One that speaks of no frame.
	mustPut(t, w, nil, "ready")
	rec, err = r.Next(ctx)
	require.NoError(t, err)
	require.False(t, rec.Reference.Set)
	_, ok = rec.Time()
	require.False(t, ok)
	require.Equal(t, `"ready"`, string(rec.JSON))
}

func TestPut(t *testing.T) {
	type own struct {
		Boxes
		Model string `json:"model"`
	}
	for _, row := range []struct {
		name string
		v    any
		json string // what arrives; empty: refused
		err  error
		says string
	}{
		{name: "raw goes as it is", v: json.RawMessage(`{ "a" : "<b>" }`), json: `{ "a" : "<b>" }`},
		{name: "text is not escaped for HTML", v: map[string]string{"a": "<b>"}, json: `{"a":"<b>"}`},
		{name: "no boxes are an empty list", v: Boxes{Analyzer: "x"}, json: `{"analyzer":"x","boxes":[]}`},
		{
			name: "every key of a box",
			v:    Boxes{Boxes: []Box{{X: 1.5, Y: -2, W: 3, H: 4, Label: "cat", Score: new(0.5), Color: "#ff8000"}}, Width: 64, Height: 36},
			json: `{"boxes":[{"x":1.5,"y":-2,"w":3,"h":4,"label":"cat","score":0.5,"color":"#ff8000"}],"width":64,"height":36}`,
		},
		{name: "keys of one's own", v: own{Boxes{Boxes: []Box{}}, "v8"}, json: `{"boxes":[],"model":"v8"}`},
		{name: "as large as can be", v: json.RawMessage(`"` + strings.Repeat("x", 98) + `"`), json: `"` + strings.Repeat("x", 98) + `"`},
		{name: "too large", v: strings.Repeat("x", 99), err: framebuf.ErrTooLarge, says: "a record of 101 bytes, and they have at most 100 (Options.Capacity)"},
		{name: "raw that is no JSON", v: json.RawMessage(`{"a":`), err: ErrJSON, says: `{\"a\":`},
		{name: "empty raw", v: json.RawMessage(nil), err: ErrJSON},
		{name: "what JSON has no word for", v: math.NaN(), err: ErrJSON, says: "NaN"},
		{name: "a channel", v: make(chan int), err: ErrJSON, says: "chan int"},
		{name: "a box without a place", v: Boxes{Boxes: []Box{{}, {X: math.NaN()}}}, err: ErrBoxes, says: "boxes[1]: x is NaN"},
		{name: "the same, embedded", v: own{Boxes{Boxes: []Box{{H: -1}}}, "v8"}, err: ErrBoxes, says: "boxes[0]: h is -1: a size is not negative"},
		{name: "the same, by pointer", v: &own{Boxes{Boxes: []Box{{H: -1}}}, "v8"}, err: ErrBoxes},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, ctx := testDir(t), within(t, time.Minute)
			capacity := 100
			if len(row.json) > capacity {
				capacity = 1000
			}
			w, r := mustCreate(t, dir, Options{Capacity: capacity}), mustOpen(t, dir, ReaderOptions{})
			err := w.Put(ctx, picture(1, 0), row.v)
			if row.err != nil {
				require.ErrorIs(t, err, row.err)
				require.ErrorContains(t, err, "results: put to cam0.boxes: ")
				require.ErrorContains(t, err, row.says)
				mustPut(t, w, nil, 1) // the next one may fit, and has the first number
				row.json = "1"
			} else {
				require.NoError(t, err)
			}
			rec, err := r.Next(ctx)
			require.NoError(t, err)
			require.Zero(t, rec.Number)
			require.Equal(t, row.json, string(rec.JSON))
		})
	}
}

func TestClosed(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w, r := mustCreate(t, dir, Options{}), mustOpen(t, dir, ReaderOptions{Follow: true})
	require.NoError(t, w.Close())
	require.ErrorIs(t, w.Put(ctx, nil, 1), framebuf.ErrClosed)
	waiting := make(chan error, 1)
	go func() {
		_, err := r.Next(ctx) // for a writer that does not come
		waiting <- err
	}()
	require.NoError(t, r.Close())
	require.ErrorIs(t, <-waiting, framebuf.ErrClosed)
	require.NoError(t, r.Close())
	_, _, err := r.For(ctx, picture(1, 0))
	require.ErrorIs(t, err, framebuf.ErrClosed)
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, framebuf.ErrClosed)
}

// No reader can hold the analyzer back, unless that was asked for.
func TestReadersThatWantEveryRecord(t *testing.T) {
	for _, row := range []struct {
		name string
		o    Options
		want framebuf.LosslessPolicy
	}{
		{"refused", Options{}, framebuf.LosslessRefuse},
		{"waited for", Options{Lossless: true}, framebuf.LosslessWait},
		{"waited for, for a while", Options{Lossless: true, EvictAfter: time.Second}, framebuf.LosslessEvict},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := testDir(t)
			mustCreate(t, dir, row.o)
			st, err := framebuf.Stat(dir, "cam0.boxes")
			require.NoError(t, err)
			require.Equal(t, row.want, st.Lossless)
			require.Equal(t, 64, st.Slots)
			require.EqualValues(t, 16<<10, st.Capacity)
			require.Equal(t, framebuf.DataSegment, st.Kind)
		})
	}
}

func TestNotResults(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w, err := framebuf.Create("cam0", framebuf.Format{PixelFormat: framebuf.Gray8, Width: 4, Height: 4}, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer w.Close()
	_, err = Open(ctx, "cam0", &ReaderOptions{Dir: dir})
	require.ErrorIs(t, err, ErrNotResults)
	require.ErrorContains(t, err, "results: open cam0: not a segment of records: it holds video")
	sound, err := framebuf.Create("mic0", framebuf.Format{}, &framebuf.Options{Dir: dir, Linger: -1, Kind: framebuf.AudioKind})
	require.NoError(t, err)
	defer sound.Close()
	_, err = Open(ctx, "mic0", &ReaderOptions{Dir: dir})
	require.ErrorContains(t, err, "it holds audio")

	_, err = Open(ctx, "cam1", &ReaderOptions{Dir: dir})
	require.ErrorIs(t, err, framebuf.ErrNotFound)
	_, err = Open(ctx, "Cam 1", &ReaderOptions{Dir: dir})
	require.ErrorIs(t, err, framebuf.ErrName)
	_, err = Create("Cam 1", &Options{Dir: dir})
	require.ErrorIs(t, err, framebuf.ErrName)
	soon, cancel := context.WithCancel(ctx)
	cancel()
	_, err = Open(soon, "cam1", &ReaderOptions{Dir: dir, Wait: true})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, os.WriteFile(dir+"/text", []byte("text"), 0o600))
	defer os.Remove(dir + "/text")
	_, err = Open(ctx, "text", &ReaderOptions{Dir: dir})
	require.ErrorIs(t, err, framebuf.ErrDamaged)
}

// A camera takes the name over that the records had.
func TestPicturesUnderTheName(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w := mustCreate(t, dir, Options{})
	r := mustOpen(t, dir, ReaderOptions{Follow: true})
	mustPut(t, w, picture(1, 0), 1)
	_, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	pictures, err := framebuf.Create("cam0.boxes", framebuf.Format{PixelFormat: framebuf.Gray8, Width: 4, Height: 4}, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer pictures.Close()
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, ErrNotResults)
	require.ErrorContains(t, err, "results: cam0.boxes: ")
}
