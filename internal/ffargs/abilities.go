package ffargs

// What an ffmpeg can do, from its own lists.

import (
	"strings"
)

// Abilities are what an ffmpeg can do. A nil *Abilities means that nobody has looked: then everything is taken to be there.
type Abilities struct {
	Version  Version
	Encoders map[string]bool
	Muxers   map[string]bool
	Filters  map[string]bool
}

func (a *Abilities) hasEncoder(name string) bool { return a == nil || a.Encoders[name] }
func (a *Abilities) hasMuxer(name string) bool   { return a == nil || a.Muxers[name] }

// HasFilter reports whether the filter is there (frei0r, drawtext and so on).
func (a *Abilities) HasFilter(name string) bool { return a == nil || a.Filters[name] }

// AbilityArgs are the arguments that make ffmpeg print the list which the parser of that name reads.
func AbilityArgs(list string) []string { return []string{"-hide_banner", "-nostdin", "-" + list} }

// ParseEncoders reads the output of "ffmpeg -encoders": names of all encoders.
func ParseEncoders(text string) map[string]bool { return parseList(text, "VAS", false) }

// ParseMuxers reads the output of "ffmpeg -muxers" or "-formats": names of all formats that can be written.
func ParseMuxers(text string) map[string]bool { return parseList(text, "DE", true) }

// ParseFilters reads the output of "ffmpeg -filters": names of all filters.
func ParseFilters(text string) map[string]bool { return parseList(text, "TSC.", false) }

// parseList reads lines of flags, name and description, as all of these lists have them. A line of flags begins with one of
// first; what comes before the list (a legend with =) is passed over. For muxers only those with an E count.
func parseList(text, first string, muxers bool) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[1] == "=" || !isFlags(fields[0], first) {
			continue
		}
		if muxers && !strings.Contains(fields[0], "E") {
			continue
		}
		for _, name := range strings.Split(fields[1], ",") {
			if name != "" && name != "=" {
				names[name] = true
			}
		}
	}
	return names
}

// isFlags tells a column of flags (V....D, DE, T.C) from a word of a headline.
func isFlags(s, first string) bool {
	if len(s) > 6 || !strings.ContainsRune(first, rune(s[0])) {
		return false
	}
	return strings.Trim(s, "VASTCDEFXBIOd.") == ""
}
