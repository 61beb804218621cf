// Package hostile holds what must do no harm: names of inputs and outputs that are attacks, files that are not what their
// names say, pictures that are too large, command lines with secrets. The tests and the fault suite share it.
//
// A Site is where the attacks aim: a canary folder, whose files nobody has any business to open, and ports that
// nobody has any business to call. A Guard watches both and counts. Nothing here is used by framebridge itself.
package hostile
