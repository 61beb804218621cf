package ffargs

// Building with ffmpeg-go: the one place that touches it.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	ff "github.com/u2takey/ffmpeg-go"
)

// opts are options with their values; "" is a flag without a value. Only strings: the library prints other types in
// its own way (1e+06, <nil>).
type opts map[string]string

func (o opts) kwargs() ff.KwArgs {
	k := ff.KwArgs{}
	for key, value := range o {
		k[key] = value
	}
	return k
}

// list is the options as arguments, in the order of their names.
func (o opts) list() []string {
	var args []string
	for _, key := range sortedKeys(o) {
		args = append(args, "-"+key)
		if o[key] != "" {
			args = append(args, o[key])
		}
	}
	return args
}

// add puts in what is not there yet.
func (o opts) add(more map[string]string) opts {
	for key, value := range more {
		if _, ok := o[key]; !ok {
			o[key] = value
		}
	}
	return o
}

// optionEscaper is for the value of one option of a filter. The level of the graph is done by ffmpeg-go.
var optionEscaper = strings.NewReplacer(`\`, `\\`, `'`, `\'`, `:`, `\:`)

// filter appends a filter whose option values may be any text. Names of filters and options are ours.
func filter(s *ff.Stream, name string, o opts) *ff.Stream {
	k := ff.KwArgs{}
	for key, value := range o {
		k[key] = optionEscaper.Replace(value)
	}
	return s.Filter(name, nil, k)
}

// userGraph stands in the graph for what the user wrote, which the library would escape. It is put in afterwards.
const userGraph = "framebridgeusergraph"

// ownLabel is how ffmpeg-go names its links.
var ownLabel = regexp.MustCompile(`\[s[0-9]+\]`)

// plan is one ffmpeg command line in the making.
type plan struct {
	global     []string // in front of everything
	inputs     int      // how many -i there must be
	mainInput  string   // the name of the input that inputArgs belong to
	inputArgs  []string // before its -i
	outputArgs []string // before the name of the output, which is last
	graph      string   // replaces userGraph, "" if there is none
}

// build runs fn, which makes the graph, and finishes its argument list. A panic of the library becomes an error: it
// means a mistake in a request that our own checks let through.
func (p plan) build(fn func() *ff.Stream) (args []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			args, err = nil, fmt.Errorf("ffargs: build: %w: ffmpeg-go: %v", ErrRequest, r)
		}
	}()
	args = fn().GetArgs()
	if n := count(args, "-i"); n != p.inputs {
		return nil, fmt.Errorf("ffargs: build: %d inputs became %d", p.inputs, n)
	}
	if args, err = p.insertGraph(args); err != nil {
		return nil, err
	}
	last := len(args) - 1
	args = slices.Concat(args[:last], p.outputArgs, args[last:])
	for i := range args[:len(args)-1] {
		if args[i] == "-i" && args[i+1] == p.mainInput {
			args = slices.Insert(args, i, p.inputArgs...)
			break
		}
	}
	return slices.Concat(p.global, args), nil
}

func count(args []string, want string) (n int) {
	for _, a := range args {
		if a == want {
			n++
		}
	}
	return n
}

func (p plan) insertGraph(args []string) ([]string, error) {
	if p.graph == "" {
		return args, nil
	}
	graph, err := checkGraph(p.graph)
	if err != nil {
		return nil, err
	}
	i := slices.Index(args, "-filter_complex")
	if i < 0 || !strings.Contains(args[i+1], userGraph) {
		return nil, fmt.Errorf("ffargs: build: the place of the filter graph is lost")
	}
	args[i+1] = strings.Replace(args[i+1], userGraph, graph, 1)
	return args, nil
}

// checkGraph makes a graph that was written for ffmpeg's -vf fit into a chain: one open input, one open output.
func checkGraph(graph string) (string, error) {
	graph = strings.TrimSpace(graph)
	graph = strings.TrimSuffix(strings.TrimPrefix(graph, "[in]"), "[out]")
	if strings.ContainsRune(graph, 0) {
		return "", fmt.Errorf("%w: the filter graph has a zero byte", ErrRequest)
	}
	if label := ownLabel.FindString(graph); label != "" {
		return "", fmt.Errorf("%w: the label %s of the filter graph is taken; use another name", ErrRequest, label)
	}
	return graph, nil
}
