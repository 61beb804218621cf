// Package motion finds what moves and draws boxes around it.
//
// The picture is reduced to a grid of luma averages. Each cell has a
// background: an average over time that follows slow changes, and takes over
// what has come to rest for a while. A cell moves when it differs from its background by more than a threshold that rises with
// the picture's noise; a change of the light, which is common to most cells,
// is taken off first. Moving cells that touch make up a part, and a part
// counts if some of it has also changed lately: this leaves out what has been
// parked, and the holes left by what has driven off. Parts that overlap are
// made one.
//
// It is for a camera that stands still. While most of the picture changes (a
// cut, a pan) the answer to "what moves" is everything: there are no boxes and
// the background is learned anew.
//
// A configuration can change its settings while it runs: motion.threshold,
// motion.noise_factor, motion.min_cells, motion.learn_frames,
// motion.max_fraction, motion.max_boxes, motion.cell_pixels. The background stays
// what it is, but for the last one.
package motion
