// Package ctest tests the C client, clients/c: that it compiles everywhere without a
// warning, that its calls keep their promises under the sanitizers and valgrind, that
// C and Go read each other, and that it takes nothing from its host unasked. What the
// protocol needs of every client is tested by clients/conformance.
//
// The C programs of testdata are the tests of single calls; FRAMEBRIDGE_C_MUTANTS is
// how many spoilt segments they are given (default 60).
package ctest
