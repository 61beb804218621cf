package picture

import "errors"

// ErrUnusable is returned when a picture has no pixels, or when its pixel
// slice is shorter than its rectangle and stride say.
var ErrUnusable = errors.New("unusable picture")
