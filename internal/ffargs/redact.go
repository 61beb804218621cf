package ffargs

// Taking secrets out of what is shown: log lines, errors, command lines. When in doubt it hides too much.

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

	// secretQuery is NAME=VALUE in the query of a URL.
	secretQuery = regexp.MustCompile(`(?i)([?&;](?:[\w.-]*(?:pass|pwd|streamid|token|key|auth|sig|secret|cred|session|jwt|user)[\w.-]*)=)[^&\s'"|#]*`)

	// secretPair is NAME=VALUE anywhere, for names that can mean nothing harmless.
	secretPair = regexp.MustCompile(`(?i)\b([\w-]*(?:passphrase|password|passwd|secret|token|streamid|signature|api_?key|access_?key|cryption_key|hls_enc_key)[\w-]*=)[^&\s'"|\]:,;#]+`)

	// secretHeader is a line of a HTTP or RTSP header.
	secretHeader = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:token|key|auth|secret)[\w-]*)(\s*:)[^\r\n]*`)

	// secretOption is an option and its value in a command line that is already text.
	secretOption = regexp.MustCompile(`(^|\s)(-(?:` + strings.Join(secretOptions, "|") + `)(?::\S+)?[ \t]+)('(?:[^']|'\\'')*'|"(?:[^"\\]|\\.)*"|\S+)`)
)

// secretOptions are options of ffmpeg whose value is hidden whole.
var secretOptions = []string{
	"headers", "password", "passphrase", "cookies", "rtmp_conn", "user", "rtmp_playpath", "streamid", "srt_streamid", "key", "decryption_key",
	"encryption_key", "cenc_decryption_key", "hls_enc_key", "http_proxy", "auth", "passwd", "pass", "secret", "token", "ice_password",
	"activation_bytes", "audible_key", "audible_iv", "srtp_in_params", "srtp_out_params", "key_pem", "smkey",
}

// Redact hides passwords, stream keys and tokens in a text: an error line of ffmpeg, a URL, a command line. What it
// hides becomes ***. The end of an rtmp address is always hidden: that is where the stream key stands.
func Redact(text string) string {
	text = secretHeader.ReplaceAllString(text, "${1}${2} "+mask) // first: it hides whole lines
	text = redactURLs(text)
	text = secretOption.ReplaceAllString(text, "${1}${2}"+mask)
	return secretPair.ReplaceAllString(text, "${1}"+mask)
}

// RedactArgs is Redact for a list of arguments, in which the value of a secret option is hidden whole. The list that is
// handed over stays as it is.
func RedactArgs(args []string) []string {
	out := make([]string, len(args))
	hide := false
	for i, a := range args {
		switch {
		case hide:
			out[i] = mask
		default:
			out[i] = Redact(a)
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

// redactURLs treats each URL of a text by itself: from its scheme to a white space or to the next URL.
func redactURLs(text string) string {
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
		out.WriteString(redactURL(text[start[0]:start[1]], text[start[1]:end]))
		done = end
	}
	out.WriteString(text[done:])
	return out.String()
}

// redactURL hides the secrets of one URL, of which rest is what stands behind "scheme://".
func redactURL(scheme, rest string) string {
	body := strings.TrimRight(rest, urlEnd)
	tail := rest[len(body):]
	// The last @ ends the user part, even behind a slash or question mark: a password that was not escaped may hold those.
	if at := strings.LastIndexByte(body, '@'); at >= 0 {
		user, _, hasPassword := strings.Cut(body[:at], ":")
		if !hasPassword || strings.ContainsAny(user, "/?#") {
			user = ""
		} else {
			user += ":"
		}
		if path := strings.IndexAny(body[:at], "/?#"); !hasPassword && path >= 0 {
			user = body[:path] + "/" // an @ in a path, no user part
		}
		body = user + mask + body[at:]
	}
	if strings.HasPrefix(strings.ToLower(scheme), "rtmp") {
		if slash := strings.LastIndexByte(beforeQuery(body), '/'); slash >= 0 && slash < len(body)-1 {
			return scheme + body[:slash+1] + mask + tail
		}
	}
	return scheme + secretQuery.ReplaceAllString(body, "${1}"+mask) + tail
}

func beforeQuery(s string) string {
	path, _, _ := strings.Cut(s, "?")
	return path
}
