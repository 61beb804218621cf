// Package failpoint marks the places in the protocol where a process can be made
// to die, for the fault suite. Only builds with the tag "faults" have them; in all
// others At is empty, is inlined, and costs nothing.
package failpoint

// Variable is the environment variable that arms one failpoint of a process:
// PLACE[=ACTION][@N], where ACTION is kill (default) or stop, and N counts the
// passes from 1 (default 1). "claimed=stop@3" stops the process when it comes to
// the place claimed for the third time.
const Variable = "FRAMEBRIDGE_FAILPOINT"
