package ffargs

// Taking the secrets of one command line out of what is shown, wherever and in whatever form they come back: ffmpeg
// decodes, splits and cuts what it was given before it prints it.

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// leastSecret is the length in bytes from which a secret is looked for by itself. A shorter one is hidden only where it stands.
	leastSecret = 3

	// leastPart is how much of a secret must stand at a place where a line was cut to be taken for a part of it.
	leastPart = 4
)

// Redactor hides what Redact hides, and the secrets that it was made with: as they are, percent-encoded and decoded, in
// base64, quoted, and cut off at the end or beginning of a line. Make it with NewRedactor; nil does as Redact does. Safe
// for concurrent use.
type Redactor struct {
	forms []string // longest first
}

// NewRedactor takes the secrets out of a command line: the names of inputs and outputs, and arguments of ffmpeg in their
// order. An argument may itself be a command line.
func NewRedactor(args ...string) *Redactor {
	forms := map[string]bool{}
	add := func(list []string) {
		for _, form := range list {
			if len(form) >= leastSecret {
				forms[form] = true
			}
		}
	}
	f := finder{
		found: func(secret string) {
			for _, part := range secretParts(secret) {
				add(secretForms(part))
			}
		},
		foundPair: func(pair string) {
			for _, p := range decodings(pair) {
				add(base64Forms(p))
			}
		},
	}
	f.args(args)
	for _, a := range args {
		// Each pattern by itself: where two of them claim a piece, it is not known which of them ffmpeg will follow.
		patterns := []*regexp.Regexp{secretPair, bareUser, bareUserSlashes, secretHeader, secretOption}
		if strings.Contains(a, "://") {
			patterns = append(patterns, secretQuery, secretQueryWhole)
		}
		for _, p := range patterns {
			f.hideIn(p, a, "")
		}
		f.urls(a)
	}
	r := &Redactor{forms: sortedKeys(forms)}
	slices.SortStableFunc(r.forms, func(a, b string) int { return len(b) - len(a) })
	return r
}

// secretParts are the pieces of a hidden text that are secrets by themselves: the value in quotes, the key in front of a
// query, the values of header lines.
func secretParts(hidden string) []string {
	parts := []string{hidden}
	bare := strings.Trim(strings.TrimSpace(hidden), `'"`)
	parts = append(parts, bare)
	if key, query, ok := strings.Cut(bare, "?"); ok {
		parts = append(parts, key, query)
	}
	for line := range strings.FieldsFuncSeq(strings.ReplaceAll(bare, `\r\n`, "\n"), func(r rune) bool { return r == '\r' || r == '\n' }) {
		name, value, isHeader := strings.Cut(line, ":")
		switch {
		case !isHeader:
			value = line
		case !harmlessHeaders[strings.ToLower(strings.TrimSpace(name))]:
			parts = append(parts, strings.TrimSpace(value))
		default:
			continue
		}
		if words := strings.Fields(value); len(words) == 2 { // Bearer KEY
			parts = append(parts, words[1])
		}
		// sid=KEY; path=/
		for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(` ;,="'`, r) }) {
			if len(word) >= 12 || len(word) >= 6 && !isPlainWord(word) {
				parts = append(parts, word)
			}
		}
	}
	return parts
}

var harmlessHeaders = map[string]bool{
	"accept": true, "accept-language": true, "user-agent": true, "referer": true, "origin": true, "host": true, "content-type": true, "range": true,
}

// secretForms are the ways in which a secret may be written.
func secretForms(s string) []string {
	plain := decodings(s)
	forms := slices.Clone(plain)
	for _, p := range plain {
		forms = append(forms, url.QueryEscape(p), url.PathEscape(p), lowerEscapes(url.QueryEscape(p)), lowerEscapes(url.PathEscape(p)))
		quoted := strconv.Quote(p)
		forms = append(forms, quoted[1:len(quoted)-1], strings.ReplaceAll(p, "'", `'\''`))
		forms = append(forms, base64Forms(p)...)
	}
	return forms
}

// decodings are s, and s percent-decoded once and twice.
func decodings(s string) []string {
	all := []string{s}
	for _, decode := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		once, err := decode(s)
		if err != nil {
			continue
		}
		all = append(all, once)
		if twice, err := decode(once); err == nil {
			all = append(all, twice)
		}
	}
	return all
}

func base64Forms(s string) []string {
	return []string{base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s))}
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
			i += 2
		}
	}
	return string(b)
}

// Redact hides the secrets in a text.
func (r *Redactor) Redact(text string) string {
	if r != nil {
		for _, form := range r.forms {
			switch {
			case !strings.Contains(text, form):
			case isWeak(form):
				text = hideDelimited(text, form)
			default:
				text = strings.ReplaceAll(text, form, mask)
			}
		}
		text = r.hideCuts(text)
	}
	return Redact(text)
}

// Args is RedactArgs for what this Redactor knows.
func (r *Redactor) Args(args []string) []string {
	out := RedactArgs(args)
	for i := range out {
		out[i] = r.Redact(out[i])
	}
	return out
}

// hideCuts hides the parts of secrets on which lines were cut.
func (r *Redactor) hideCuts(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		end := strings.TrimRight(line, "\r\n")
		cut := end
		for _, form := range r.forms {
			if len(form) >= 2*leastPart && !isWeak(form) {
				cut = hideCut(cut, form)
			}
		}
		out.WriteString(cut + line[len(end):])
	}
	return out.String()
}

func hideCut(line, form string) string {
	if len(line) < leastPart {
		return line
	}
	if strings.Contains(form, line[len(line)-leastPart:]) { // or no part of it can be there
		for n := min(len(form)-1, len(line)); n >= leastPart; n-- {
			if strings.HasSuffix(line, form[:n]) {
				line = line[:len(line)-n] + mask
				break
			}
		}
	}
	if len(line) >= leastPart && strings.Contains(form, line[:leastPart]) {
		for n := min(len(form)-1, len(line)); n >= leastPart; n-- {
			if strings.HasPrefix(line, form[len(form)-n:]) {
				return mask + line[n:]
			}
		}
	}
	return line
}

// isWeak tells a secret that is also a word: hidden everywhere, it would take harmless words with it, such as the stream of
// rtmp://host/live/stream.
func isWeak(form string) bool { return len(form) < 4 || len(form) < 8 && isPlainWord(form) }

func isPlainWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// hideDelimited hides form where a mark of a URL or a quote stands beside it, not where it is a word of a sentence.
func hideDelimited(text, form string) string {
	const marks = `/:=@?&'"`
	isMark := func(i int) bool { return i >= 0 && i < len(text) && strings.IndexByte(marks, text[i]) >= 0 }
	var out strings.Builder
	done := 0
	for {
		i := strings.Index(text[done:], form)
		if i < 0 {
			break
		}
		from, to := done+i, done+i+len(form)
		out.WriteString(text[done:from])
		if isMark(from-1) || isMark(to) || text == form {
			out.WriteString(mask)
		} else {
			out.WriteString(form)
		}
		done = to
	}
	return out.String() + text[done:]
}
