// Command mutants asks whether the tests would notice a broken protocol: it breaks
// it on purpose, one way at a time, in a copy of the tree, and runs what should
// notice. scripts/mutants runs it.
//
// A mutant is killed when a test fails, a row of the fault suite is broken, or
// either hangs. One that does not compile says nothing about the tests and is an
// error, and so is one whose text is no longer in the source, or there twice: then
// the table (table.go) has to follow the source.
//
// Those of the plug-ins, which are C, need make and a C compiler as well.
//
// The fences of arm64 are empty on amd64, where the hardware keeps these orders by
// itself: no run there can miss them, under an emulator neither. Those mutants are
// killed by the tests that look at the machine code, and the table says so.
package main
