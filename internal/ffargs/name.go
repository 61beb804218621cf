package ffargs

// Names of files and streams, as people type them.

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// refusedSchemes are what ffmpeg would act upon in a name, and why we do not.
var refusedSchemes = map[string]string{
	"async": "wraps another name", "cache": "wraps another name", "crypto": "wraps another name",
	"concat": "joins files", "concatf": "joins files", "subfile": "cuts a piece out of a file",
	"data": "carries the bytes in the name", "fd": "names a descriptor", "pipe": "names a descriptor (standard input is -)",
	"tee": "writes to several places", "md5": "writes a sum", "unix": "names a local socket",
	"ftp": "is not supported", "sftp": "is not supported", "gopher": "is not supported", "hls": "is not supported",
	"mmsh": "is not supported", "mmst": "is not supported", "amqp": "is not supported", "zmq": "is not supported",
	"ipfs": "is not supported", "ipns": "is not supported", "bluray": "is not supported", "icecast": "is not supported",
}

// scheme splits "SCHEME:rest" as ffmpeg would: letters, digits, '+', '-' and '.', beginning with a letter, then a
// colon, or for subfile a comma. The scheme comes back in lower case, "" if there is none.
func scheme(s string) (name, rest string) {
	for i, r := range s {
		switch {
		case r == ':' && i > 0:
			return strings.ToLower(s[:i]), s[i+1:]
		case r == ',' && strings.EqualFold(s[:i], "subfile"):
			return strings.ToLower(s[:i]), s[i+1:]
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		case i > 0 && (r >= '0' && r <= '9' || strings.ContainsRune("+-.", r)):
		default:
			return "", s
		}
	}
	return "", s
}

// checkText refuses what no name may contain. Line breaks would let a name forge lines of ffmpeg's log, which is read.
func checkText(s string, sentinel error, allowed string) error {
	for i, r := range s {
		if unicode.IsControl(r) && !strings.ContainsRune(allowed, r) {
			return fmt.Errorf("%w: the name has a control character (%U) at byte %d; rename it", sentinel, r, i)
		}
	}
	return nil
}

// checkRemote wants "//host" or "//:port" behind the scheme.
func checkRemote(name, rest string, sentinel error) error {
	after, ok := strings.CutPrefix(rest, "//")
	if !ok || strings.Trim(after, "/") == "" {
		return fmt.Errorf("%w: %s needs an address: %s://host/path", sentinel, name, name)
	}
	if strings.ContainsFunc(after, unicode.IsSpace) {
		return fmt.Errorf("%w: the address of %s has a space in it; write %%20", sentinel, name)
	}
	return nil
}

// refuse explains why a scheme is not taken, and what to write for a file of that name.
func refuse(name, s string, sentinel error, known string) error {
	why, ok := refusedSchemes[name]
	if !ok {
		why = "is not known; known are " + known
	}
	return fmt.Errorf("%w: %q %s; for a file of that name write ./%s", sentinel, name+":", why, RedactName(s))
}

// absolute makes a path absolute without cleaning it: link/../x need not be x.
func absolute(path string, sentinel error) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("%w: %q: find the working directory: %w", sentinel, RedactName(path), err)
	}
	return dir + string(filepath.Separator) + path, nil
}

// fileURL takes "file:PATH" and "file:///PATH" apart.
func fileURL(rest string) string {
	if after, ok := strings.CutPrefix(rest, "//"); ok && strings.HasPrefix(after, "/") {
		return after
	}
	return rest
}
