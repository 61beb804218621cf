// Names of settings, and what somebody may have meant.

package config

import (
	"fmt"
	"slices"
	"strings"
)

// maxKey is how many bytes a key may have.
const maxKey = 128

// CheckKey reports whether a setting may have this name: parts of a-z, 0-9,
// underscore and hyphen, joined by dots, each beginning with a letter or digit, and
// 128 bytes at most in all. The error matches ErrKey.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("%w: %.20q… has %d bytes, at most %d", ErrKey, key, len(key), maxKey)
	}
	for part := range strings.SplitSeq(key, ".") {
		if part == "" || part[0] == '_' || part[0] == '-' || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return fmt.Errorf("%w: %q; write parts of a-z 0-9 _ - with dots between, such as motion.threshold", ErrKey, key)
		}
	}
	return nil
}

// unknown is the error for a key that is not among those of a configuration.
func unknown(key string, keys []string) error {
	switch like := near(key, keys); {
	case len(keys) == 0:
		return fmt.Errorf("%w: %q; there are none", ErrUnknown, key)
	case len(like) > 0:
		return fmt.Errorf("%w: %q; near it: %s", ErrUnknown, key, strings.Join(like, ", "))
	case len(keys) > mostNamed:
		return fmt.Errorf("%w: %q; there are %d, such as %s", ErrUnknown, key, len(keys), strings.Join(keys[:mostNamed], ", "))
	default:
		return fmt.Errorf("%w: %q; there are: %s", ErrUnknown, key, strings.Join(keys, ", "))
	}
}

const mostNamed = 8

// near returns the keys, at most mostNamed, that somebody who wrote key may have
// meant: those few letters away, or with the same last part.
func near(key string, keys []string) []string {
	key = key[:min(len(key), maxKey)]
	type candidate struct {
		key      string
		distance int
	}
	var found []candidate
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, k := range keys {
		d := distance(strings.ToLower(key), k[:min(len(k), maxKey)])
		if d <= 1+len(key)/5 || last != "" && strings.HasSuffix("."+k, "."+last) {
			found = append(found, candidate{k, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var out []string
	for _, c := range found[:min(len(found), mostNamed)] {
		out = append(out, c.key)
	}
	return out
}

// distance is how many letters must be put in, taken out or changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := before
			if a[i] != b[j] {
				d = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
