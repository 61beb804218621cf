// Package picture draws on frames: filled rectangles, boxes and text of any
// size. It is what annotated results and test patterns are made of.
//
// All of it takes any draw.Image and is quick for *image.RGBA. Whatever the
// rectangle or point, drawing is clipped to the picture and never panics.
// Only whole numbers are used, so that the same calls give the same pixels on
// every machine.
//
// Colours are color.RGBA, that is premultiplied. On an opaque picture every
// drawing leaves an opaque picture.
package picture
