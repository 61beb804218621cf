// What shared memory is used for beside pictures: text, a counter, a board, an
// array, a data set. Goroutines stand for processes here; nothing changes when they
// are processes, in any language. clients/python/examples has the same in Python.

package framebuf_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"strconv"
	"sync"

	"github.com/framebridge/framebridge/framebuf"
)

// set makes value the content of a slot of a data segment.
func set(s *framebuf.Slot, value []byte) error {
	if err := s.SetLength(len(value)); err != nil {
		return err
	}
	copy(s.Bytes(), value)
	return nil
}

// Question and answer: two data segments, each with one writer. Both readers are
// lossless, so no message is missed, and each answer says which question it is for.
func Example_echo() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	lossless := &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless}
	questions, err := framebuf.Create("question", framebuf.Format{}, &framebuf.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	answers, err := framebuf.Create("answer", framebuf.Format{}, &framebuf.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	go func() { // the other side
		defer answers.Close()
		r, err := framebuf.Open(ctx, "question", lossless)
		if err != nil {
			log.Print(err)
			return
		}
		defer r.Close()
		for question, err := range r.Frames(ctx) { // until the end of the questions
			if err != nil {
				log.Print(err)
				return
			}
			err = answers.Publish(ctx, func(s *framebuf.Slot) error {
				s.Info.Reference = framebuf.Reference{Set: true, Frame: question.Number, Generation: question.Generation.Low(), PTS: framebuf.NoPTS}
				return set(s, bytes.ToUpper(question.Bytes()))
			})
			if err != nil {
				log.Print(err)
				return
			}
		}
	}()

	r, err := framebuf.Open(ctx, "answer", lossless)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if err := questions.AwaitReaders(ctx, 1); err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"hello", "ça va"} {
		if err := questions.Publish(ctx, func(s *framebuf.Slot) error { return set(s, []byte(text)) }); err != nil {
			log.Fatal(err)
		}
		err := r.View(ctx, func(answer *framebuf.Frame) error {
			fmt.Println(answer.Reference.Frame, text, string(answer.Bytes()))
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := questions.Close(); err != nil {
		log.Fatal(err)
	}
	_, err = r.Next(ctx)
	fmt.Println(errors.Is(err, io.EOF))
	// Output:
	// 0 hello HELLO
	// 1 ça va ÇA VA
	// true
}

// A counter with the right sum, however many increase it. The value outlives them
// all; if one is killed inside, the others go on.
func ExampleUpdate() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	increase := func(old *framebuf.Frame, next *framebuf.Slot) error {
		n := 0
		if old != nil {
			var err error
			if n, err = strconv.Atoi(string(old.Bytes())); err != nil {
				return err
			}
		}
		return set(next, strconv.AppendInt(nil, int64(n+1), 10))
	}
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 25 {
				if _, err := framebuf.Update(ctx, "counter", &framebuf.Options{Dir: dir}, increase); err != nil {
					log.Print(err)
					return
				}
			}
		})
	}
	workers.Wait()

	r, err := framebuf.Open(ctx, "counter", &framebuf.ReaderOptions{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	f, err := r.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(f.Bytes()))
	if err := f.Release(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(framebuf.Remove(dir, "counter")) // else it stays
	// Output:
	// 100
	// <nil>
}

// A late reader looks back at what the segment still has. It waits for nothing, and
// what Next gives is the same as before.
func ExampleReader_Recent() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	w, err := framebuf.Create("log", framebuf.Format{}, &framebuf.Options{Dir: dir, Slots: 3, Linger: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for i := range 5 {
		if err := w.Publish(ctx, func(s *framebuf.Slot) error { return set(s, fmt.Appendf(nil, "message %d", i)) }); err != nil {
			log.Fatal(err)
		}
	}

	r, err := framebuf.Open(ctx, "log", &framebuf.ReaderOptions{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for f, err := range r.Recent(ctx) { // the newest first
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(f.Number, string(f.Bytes()))
	}
	// Output:
	// 4 message 4
	// 3 message 3
	// 2 message 2
}

// A status board: each process keeps its own record up to date, whoever wants to
// know looks at all of them, and sees who is there. Nobody needs a lock.
func Example_board() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	for _, name := range []string{"anna", "ben"} {
		w, err := framebuf.Create("status."+name, framebuf.Format{}, &framebuf.Options{Dir: dir, Slots: 2, Keep: true})
		if err != nil {
			log.Fatal(err)
		}
		defer w.Close()
		for done := range 3 {
			if err := w.Publish(ctx, func(s *framebuf.Slot) error { return set(s, fmt.Appendf(nil, `{"done":%d}`, done)) }); err != nil {
				log.Fatal(err)
			}
		}
		if name == "ben" { // it goes home; what it said stays
			if err := w.Close(); err != nil {
				log.Fatal(err)
			}
		}
	}

	names, err := framebuf.List(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		status, err := framebuf.Stat(dir, name)
		if err != nil {
			log.Fatal(err)
		}
		r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: dir})
		if err != nil {
			log.Fatal(err)
		}
		for f, err := range r.Recent(ctx) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(name, status.State, "alive:", status.Alive, string(f.Bytes()))
			break
		}
		if err := r.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// status.anna live alive: true {"done":2}
	// status.ben ended alive: false {"done":2}
}

// A big array of floats, filled by four workers, a quarter each, and summed where it
// lies. Each quarter is a segment of its own, so nobody sees one that is half full.
func Example_floats() {
	const workers, each = 4, 1000
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	for k := range workers {
		go func() {
			w, err := framebuf.Create(fmt.Sprint("part", k), framebuf.Format{}, &framebuf.Options{Dir: dir, Slots: 2, Capacity: 8 * each})
			if err != nil {
				log.Print(err)
				return
			}
			defer w.Close() // waits until the reader has let its frame go
			err = w.Publish(ctx, func(s *framebuf.Slot) error {
				if err := s.SetLength(8 * each); err != nil {
					return err
				}
				for i := range each {
					binary.LittleEndian.PutUint64(s.Bytes()[8*i:], math.Float64bits(float64(k*each+i)/2))
				}
				return nil
			})
			if err != nil {
				log.Print(err)
			}
		}()
	}

	sum := 0.0
	for k := range workers {
		r, err := framebuf.Open(ctx, fmt.Sprint("part", k), &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless, Wait: true})
		if err != nil {
			log.Fatal(err)
		}
		err = r.View(ctx, func(f *framebuf.Frame) error {
			for b := f.Bytes(); len(b) > 0; b = b[8:] {
				sum += math.Float64frombits(binary.LittleEndian.Uint64(b))
			}
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		if err := r.Close(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(sum)
	// Output: 3.999e+06
}
