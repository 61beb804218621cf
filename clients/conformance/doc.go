// Package conformance drives clients in any language through one set of tests:
// golden segments that must be read alike, hostile ones that must be refused, and
// one small program a language, conform, that writes and reads while others of its
// kind do, and are killed.
//
// README.md beside this file says what a conform program is; docs/new-client.md
// leads from nothing to green. The package itself holds what a frame of these tests
// looks like; everything else is in its tests.
package conformance
