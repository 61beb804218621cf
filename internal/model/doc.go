// Package model is the protocol of package framebuf under a model: every
// interleaving of small numbers of processes, explored breadth first, and the
// shortest counterexample if a promise does not hold. It is no part of any program;
// it runs as a test, and is looked at whenever a protocol step changes.
//
//	go test ./internal/model                                          seconds
//	go test -short ./internal/model                                   fewer
//	FRAMEBRIDGE_MODEL=long go test -timeout 60m ./internal/model      31 million states, minutes
//	go test -v -run TestMutants ./internal/model     with the counterexamples
//
// # What is explored
//
// Three models, each small enough to be explored to its end:
//
//   - slots (slots.go, reads.go, memory.go): one writer and one or two readers that
//     copy or pin the newest frame; claim, pins, breaking, short frames, SIGKILL at
//     every step, a second owner of a dead reader's cell. Under sequential
//     consistency, under TSO (amd64), and under a memory like arm64's, in which
//     stores and the loads of one read window go in any order that the code does not
//     forbid.
//   - the life of a segment (life*.go), every step seen by all at once: up to three
//     writers and cleaners for one name, lossless readers (join, read, advance,
//     follow a move by name, leave, die at any step, another one in the same cell) and
//     readers that copy; claim, publish, tick, eviction, burial, moves, SeenGen, the
//     end, giving up, SIGKILL of writers at every step, take-over, sweeping.
//   - sleeping and waking (sleep.go): event, word, futex.
//
// # What a run says
//
// Within the bounds of the rows in model_test.go: no torn frame is taken for a whole
// one; a frame that is pinned and checked is not overwritten unless its pin is
// broken, and then, and only then, the end check says so; a lossless reader gets
// every frame from the promised one on, once and in order, over moves, until the
// end or a true eviction or death; the end comes after the final frame; ErrLost comes
// only after a name was given up or taken away; a living segment never loses its
// name; numbers rise over a kill; after an orderly end nothing is left, unless the
// writer gave up waiting; and from every state there is a way on, without a
// kill, for a join without the end, and for a writer that waits without an eviction.
//
// The numbers of states in the rows are exact. A model that suddenly explores less
// goes red, and so does a step that no row comes to. Every mutant in mutants.go, the
// protocol with one thing wrong, must give a counterexample.
//
// # What it does not say
//
// It is a model, not the code. Outside of it: more than two readers, six pins and the
// choice of the pin held longest (any may be broken here), hold, the three broken pins
// after which a cell is ignored, the grace of spliced readers, refusals, Follow after
// an end and the gap that it reports, a name removed by hand, the start for which
// there is no room beside the dead segment, sealed segments (which have no name and
// cannot move), scribbled or truncated files, ten tries and ErrOverrun, counters and
// wrap-around. Time is not modelled: what a time-out does may happen at any moment, or
// never. The life of a segment has no weak memory, the sleep neither, and the sharing
// of one sleeping thread by readers of one process is not there. Weak loads outside of
// one read window go in the order of the program. Progress means that there is a
// way, not that the scheduler takes it: a reader that copies may starve.
//
// A reader that was asleep in a moved generation while the name went through two
// writers is told the fate of the name, not that of its own writer: nothing more is
// to be known by then. One whose writer was killed in a generation that it never
// reached, and was taken over, is told so, and does not get what lay there.
//
// Some orders are guarded twice, so that breaking one alone goes unnoticed: the
// even mark and the publish word are both release stores, and readers come by the
// publish word (the mutant makes both plain); the first look at a sequence may be
// plain for the same reason; the token that is looked at again beside a cursor is
// covered by the zeroing of the cell.
//
// # How it stays true
//
// steps.go names for every step the functions whose step it is. Tests parse the
// source of framebuf: each of these functions exists; every "sync:" comment lies in one
// of them; every function that touches shared words, locks or names has a step or a
// reason why not; and testdata/steps.txt, made from the source, has for each
// function what it does to shared memory, to locks and to names, in order, with the
// conditions around it. A changed step makes TestCode red. Then look at the model,
// change it, explore it, and write the file again with
//
//	go test ./internal/model -run TestCode -update
//
// What the code does and the model forbids stands in open_test.go until it is mended;
// TestProtocol explores the protocol as if it were.
package model
