package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func recordWith(text string) *Record {
	return &Record{Segment: "cam0.boxes", Number: 7, Reference: framebuf.Reference{Set: true, Frame: 12}, JSON: json.RawMessage(text)}
}

func TestBoxesOfARecord(t *testing.T) {
	box := `{"x":0,"y":0,"w":0,"h":0}`
	one := Boxes{Boxes: []Box{{}}}
	for _, row := range []struct {
		name string
		json string
		want Boxes
	}{
		{"nothing there", `{"boxes":[]}`, Boxes{Boxes: []Box{}}},
		{"null is nothing", `{"boxes":null}`, Boxes{Boxes: []Box{}}},
		{"zeros are numbers", `{"boxes":[` + box + `]}`, one},
		{"keys of its own", `{"boxes":[{"x":0,"y":0,"w":0,"h":0,"id":[3]}],"fps":5,"frame":7}`, one},
		{"null is not given", `{"analyzer":null,"width":null,"boxes":[{"x":0,"y":0,"w":0,"h":0,"label":null,"score":null,"color":null}]}`, one},
		{
			"everything", `{"analyzer":"yolo","boxes":[{"x":-1.5,"y":2e1,"w":3,"h":4,"label":"Hündin","score":0.93,"color":"#FF8000"}],"width":640,"height":360}`,
			Boxes{Analyzer: "yolo", Boxes: []Box{{X: -1.5, Y: 20, W: 3, H: 4, Label: "Hündin", Score: new(0.93), Color: "#FF8000"}}, Width: 640, Height: 360},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := recordWith(row.json).Boxes()
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func TestBoxesNotUsable(t *testing.T) {
	box := func(keys string) string { return `{"boxes":[{"x":1,"y":1,"w":1,"h":1},{` + keys + `}]}` }
	for _, row := range []struct {
		name string
		json string
		err  error
		says string
	}{
		{"no JSON", `{"boxes":[}`, ErrJSON, "invalid character"},
		{"empty", ``, ErrJSON, "unexpected end"},
		{"about other things", `{"mean":3}`, ErrNoBoxes, ""},
		{"about other things, with other sizes", `{"width":"wide"}`, ErrNoBoxes, ""},
		{"a list", `[1,2]`, ErrNoBoxes, ""},
		{"null", `null`, ErrNoBoxes, ""},
		{"boxes are an object", `{"boxes":{"x":1}}`, ErrBoxes, "object"},
		{"a box is a list", `{"boxes":[[1,2,3,4]]}`, ErrBoxes, "array"},
		{"a number is missing", box(`"x":1,"y":1,"w":1`), ErrBoxes, "boxes[1]: x, y, w and h are needed"},
		{"a number is null", box(`"x":1,"y":null,"w":1,"h":1`), ErrBoxes, "boxes[1]"},
		{"a number is text", box(`"x":"1","y":1,"w":1,"h":1`), ErrBoxes, "string"},
		{"width is text", `{"boxes":[],"width":"640"}`, ErrBoxes, "width"},
		{"beyond all numbers", box(`"x":1e999,"y":1,"w":1,"h":1`), ErrBoxes, "1e999"},
		{"far outside", box(`"x":1,"y":-1e12,"w":1,"h":1`), ErrBoxes, "boxes[1]: y is -1e+12"},
		{"negative", box(`"x":1,"y":1,"w":-1,"h":1`), ErrBoxes, "boxes[1]: w is -1: a size is not negative"},
		{"score", box(`"x":1,"y":1,"w":1,"h":1,"score":1e200`), ErrBoxes, "boxes[1]: score is 1e+200"},
		{"colour", box(`"x":1,"y":1,"w":1,"h":1,"color":"red"`), ErrBoxes, `boxes[1]: color "red": write #ff8000`},
		{"negative width", `{"boxes":[],"width":-640,"height":360}`, ErrBoxes, "width is -640"},
		{"half a size", `{"boxes":[],"width":640}`, ErrBoxes, "give both, or none"},
		{"too many", `{"boxes":[` + strings.Repeat(`{"x":1,"y":1,"w":1,"h":1},`, MaxBoxes) + `{"x":1,"y":1,"w":1,"h":1}]}`, ErrBoxes, "4097 of them; at most 4096"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := recordWith(row.json).Boxes()
			require.ErrorIs(t, err, row.err)
			require.ErrorContains(t, err, "results: cam0.boxes: record 7 of frame 12: ")
			require.ErrorContains(t, err, row.says)
			require.Zero(t, got)
		})
	}
}

func TestUnmarshalErrorsNameTheRecord(t *testing.T) {
	var v struct{ A int }
	require.NoError(t, recordWith(`{"A":3}`).Unmarshal(&v))
	require.Equal(t, 3, v.A)
	err := recordWith(`{"A":"x"}`).Unmarshal(&v)
	require.ErrorContains(t, err, "results: cam0.boxes: record 7 of frame 12: ")
	require.ErrorAs(t, err, new(*json.UnmarshalTypeError))
	require.NotErrorIs(t, err, ErrJSON)
	require.ErrorIs(t, recordWith("\x00\x01").Unmarshal(&v), ErrJSON)
	of := &Record{Segment: "s", Number: 3}
	require.EqualError(t, of.Unmarshal(&v), "results: s: record 3: not JSON: unexpected end of JSON input")
}

func TestColor(t *testing.T) {
	for text, want := range map[string]color.NRGBA{
		"#ff8000":   {R: 255, G: 128, A: 255},
		"#FF800040": {R: 255, G: 128, A: 64},
		"#f80":      {R: 255, G: 136, A: 255},
	} {
		got, ok := (&Box{Color: text}).NRGBA()
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, bad := range []string{"", "#", "ff8000", "#f8", "#f800", "#ff800", "#ff80000", "#ff8000000", "#gg8000", "#ff80é", "#é0", "#+f8000", "#１", "red"} {
		_, ok := (&Box{Color: bad}).NRGBA()
		require.False(t, ok, bad)
	}
}

// Whatever is decoded passes the check and comes back the same when it is put again.
func FuzzBoxes(f *testing.F) {
	for _, seed := range []string{
		`{"boxes":[{"x":1,"y":2,"w":3,"h":4,"label":"a","score":1,"color":"#000000"}],"width":1,"height":1}`,
		`{"boxes":null}`, `{"boxes":[{}]}`, `[]`, `{"boxes":[{"x":1e400}]}`, `{"Boxes":[],"boxes":3}`, fmt.Sprintf(`{"boxes":[{"x":%v}]}`, math.MaxFloat64),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := recordWith(text).Boxes()
		if err != nil {
			require.True(t, errors.Is(err, ErrJSON) || errors.Is(err, ErrNoBoxes) || errors.Is(err, ErrBoxes), err)
			return
		}
		data, err := encode(got)
		require.NoError(t, err)
		again, err := recordWith(string(data)).Boxes()
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
