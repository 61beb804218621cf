// Package repo holds the rules of this repository, written as tests: which package may import what, that every package and every
// script can be found and read, that links resolve. It has no code of its own.
package repo
