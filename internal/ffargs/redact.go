package ffargs

// Taking secrets out of what is shown: log lines, errors, command lines. When in doubt it hides too much. Here they
// are found by where they stand; redact_known.go hides those of one command line wherever they come back.

import (
	"regexp"
	"strings"
)

const mask = "***"

var (
	// urlStart is where a URL begins in a longer text.
	urlStart = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://`)

	// urlEnd is punctuation around a URL in a sentence, or a list of tee.
	urlEnd = `'"` + "`" + `:,;.)]}>|[`

	// The patterns below have three groups: what stays, and in the last one what is hidden.

	// secretQuery is NAME=VALUE in the query of a URL.
	secretQuery = regexp.MustCompile(`(?i)([?&;](?:[\w.-]*` + secretName + `[\w.-]*)=)()([^&\s'"|#]*)`)

	// secretQueryWhole is the same where the URL is known to be the whole text: only & ends a value.
	secretQueryWhole = regexp.MustCompile(`(?i)([?&;](?:[\w.-]*` + secretName + `[\w.-]*)=)()([^&]*)`)

	// secretPair is NAME=VALUE anywhere, for names that can mean nothing harmless.
	secretPair = regexp.MustCompile(`(?i)\b([\w-]*(?:passphrase|password|passwd|secret|token|streamid|signature|api_?key|access_?key|cryption_key|hls_enc_key)[\w-]*=)()([^&\s'"|\]:,;#]+)`)

	// bareUser is NAME:PASSWORD@HOST without a scheme, as in a URL with a mistake in it. Brackets are of filter graphs.
	bareUser = regexp.MustCompile(`(^|[\s'"/(])([\w.%+~-]+:)([^\s@/\[\]]+)@[\w\[]`)

	// bareUserSlashes is the same behind // or SCHEME:/, where a password may have more slashes.
	bareUserSlashes = regexp.MustCompile(`((?://|[A-Za-z][\w+.-]*:/)[^\s:@/\[\]]+:)()([^\s@\[\]]+)@[\w\[]`)

	// secretHeader is a line of a HTTP or RTSP header.
	secretHeader = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:token|key|auth|secret)[\w-]*)(\s*:)([^\r\n]*)`)

	// secretOption is an option and its value in a command line that is already text.
	secretOption = regexp.MustCompile(`(^|[\s'"=])(-(?:` + strings.Join(secretOptions, "|") + `)(?::\S+)?[ \t]+)('(?:[^']|'\\'')*'|"(?:[^"\\]|\\.)*"|\S+)`)
)

// secretName is what the name of a secret in a query has in it.
const secretName = `(?:pass|pwd|streamid|token|key|auth|sig|secret|cred|session|jwt|user)`

// secretOptions are options of ffmpeg whose value is hidden whole.
var secretOptions = []string{
	"headers", "password", "passphrase", "cookies", "rtmp_conn", "user", "rtmp_playpath", "streamid", "srt_streamid", "key", "decryption_key",
	"encryption_key", "cenc_decryption_key", "hls_enc_key", "http_proxy", "auth", "passwd", "pass", "secret", "token", "ice_password",
	"activation_bytes", "audible_key", "audible_iv", "srtp_in_params", "srtp_out_params", "key_pem", "smkey",
}

// Redact hides passwords, stream keys and tokens in a text: an error line of ffmpeg, a URL, a command line. What it
// hides becomes ***. The end of an rtmp address is always hidden: that is where the stream key stands. It knows secrets only
// by where they stand: where the command line is known, a Redactor hides more.
func Redact(text string) string { return new(finder).text(text) }

// RedactName is Redact for the name of an input or output, which is nothing else: a URL goes to its end.
func RedactName(name string) string { return new(finder).arg(name) }

// RedactArgs is Redact for a list of arguments, in which the value of a secret option is hidden whole. The list that is
// handed over stays as it is.
func RedactArgs(args []string) []string { return new(finder).args(args) }

// finder finds secrets, and tells of them if found is set.
type finder struct {
	found     func(secret string)
	foundPair func(userAndPassword string) // as HTTP sends it, in base64
}

func (f *finder) hide(secret string) string {
	if f.found != nil && secret != "" && strings.Trim(secret, "*") != "" {
		f.found(secret)
	}
	return mask
}

func (f *finder) text(text string) string {
	if mayHoldHeader(text) {
		text = f.hideIn(secretHeader, text, " ") // first: it hides whole lines
	}
	if strings.Contains(text, "://") {
		text = f.urls(text)
	}
	return f.rest(text)
}

// mayHoldHeader spares most lines the pattern, which is slow. So do the conditions of rest.
func mayHoldHeader(text string) bool {
	low := strings.ToLower(text)
	return strings.Contains(low, "authorization") || strings.Contains(low, "cookie") || strings.Contains(low, "x-")
}

// rest hides what is not in a URL.
func (f *finder) rest(text string) string {
	if strings.Contains(text, "-") {
		text = f.hideIn(secretOption, text, "")
	}
	if strings.Contains(text, "=") {
		text = f.hideIn(secretPair, text, "")
	}
	if strings.Count(text, "@") != strings.Count(text, " @ ") {
		text = f.hideIn(bareUserSlashes, text, "")
		text = f.hideIn(bareUser, text, "")
	}
	return text
}

// arg is text for one argument: a URL is one to its end, whatever is in it.
func (f *finder) arg(arg string) string {
	if start := urlStart.FindString(arg); start != "" && strings.HasPrefix(arg, start) {
		return f.rest(f.url(start, arg[len(start):], secretQueryWhole))
	}
	return f.text(arg)
}

func (f *finder) args(args []string) []string {
	out := make([]string, len(args))
	hide := false
	for i, a := range args {
		if hide {
			out[i] = f.hide(a)
		} else {
			out[i] = f.arg(a)
		}
		hide = !hide && isSecretOption(a)
	}
	return out
}

func isSecretOption(arg string) bool {
	name, ok := strings.CutPrefix(arg, "-")
	if !ok {
		return false
	}
	name, _, _ = strings.Cut(name, ":") // a stream specifier
	for _, s := range secretOptions {
		if name == s {
			return true
		}
	}
	return false
}

// hideIn hides the last group of a pattern, with before in front.
func (f *finder) hideIn(pattern *regexp.Regexp, text, before string) string {
	var out strings.Builder
	done := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(text, -1) {
		from, to := m[6], m[7]
		out.WriteString(text[done:from])
		out.WriteString(before + f.hide(text[from:to]))
		done = to
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// urls treats each URL of a text by itself: from its scheme to a white space or to the next URL.
func (f *finder) urls(text string) string {
	starts := urlStart.FindAllStringIndex(text, -1)
	if starts == nil {
		return text
	}
	var out strings.Builder
	done := 0
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		if space := strings.IndexAny(text[start[1]:end], " \t\r\n"); space >= 0 {
			end = start[1] + space
		}
		if next := strings.Index(text[start[1]:end], "|["); next >= 0 { // the options of the next output of tee
			end = start[1] + next
		}
		out.WriteString(text[done:start[0]])
		rest := text[start[1]:end]
		body := strings.TrimRight(rest, urlEnd)
		out.WriteString(f.url(text[start[0]:start[1]], body, secretQuery))
		out.WriteString(rest[len(body):])
		done = end
	}
	out.WriteString(text[done:])
	return out.String()
}

// url hides the secrets of one URL, of which body is what stands behind "scheme://".
func (f *finder) url(scheme, body string, query *regexp.Regexp) string {
	// The last @ ends the user part, even behind a slash or question mark: a password that was not escaped may hold those.
	if at := strings.LastIndexByte(body, '@'); at >= 0 {
		user, password, hasPassword := strings.Cut(body[:at], ":")
		secret := password
		if !hasPassword || strings.ContainsAny(user, "/?#") {
			user, secret = "", body[:at]
		} else {
			user += ":"
		}
		if path := strings.IndexAny(body[:at], "/?#"); !hasPassword && path >= 0 {
			user, secret = body[:path]+"/", body[path+1:at] // an @ in a path, no user part
		}
		if f.foundPair != nil && user != "" {
			f.foundPair(user + secret)
		}
		body = user + f.hide(secret) + body[at:]
	}
	if strings.HasPrefix(strings.ToLower(scheme), "rtmp") {
		if slash := strings.LastIndexByte(beforeQuery(body), '/'); slash >= 0 && slash < len(body)-1 {
			return scheme + body[:slash+1] + f.hide(body[slash+1:])
		}
	}
	return scheme + f.hideIn(query, body, "")
}

func beforeQuery(s string) string {
	path, _, _ := strings.Cut(s, "?")
	return path
}
