//go:build linux

// G3: what a server answers must not lead to files, nor to protocols that were not
// asked for.

package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// leadElsewhere: a server of HTTP that answers with redirects and with the files of G2. It may name other
// addresses of HTTP, which is what playlists are for; those are left out.
func leadElsewhere(ctx context.Context, t *trial) {
	s := t.site(ctx)
	files := map[string][]byte{}
	var names []string
	for _, f := range s.Disguised() {
		if !bytes.Contains(f.Content, []byte("http://127.0.0.1:")) {
			files["/"+f.Name] = f.Content
			names = append(names, f.Name)
		}
	}
	redirects := map[string]string{}
	for _, to := range s.Redirects() {
		path := "/redirect" + string(rune('a'+len(redirects))) + ".mp4"
		redirects[path] = to
		names = append(names, path[1:])
	}
	// One that is what it says shows that the way is open.
	own := filepath.Join(s.Sandbox, "own.mp4")
	require.NoError(t, ffmpegRun(ctx, "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.4", "-c:v", "mpeg4", own))
	body, err := os.ReadFile(own)
	require.NoError(t, err)
	files["/own.mp4"] = body
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to, ok := redirects[r.URL.Path]; ok {
			w.Header()["Location"] = []string{to}
			w.WriteHeader(http.StatusFound)
			return
		}
		if body, ok := files[r.URL.Path]; ok {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
			return
		}
		http.NotFound(w, r)
	})}
	go func() { _ = server.Serve(l) }()
	t.cleanup(func() { _ = server.Close() })

	v := victim{Dir: t.dir()}
	for i, name := range names {
		if t.night || i%4 == 0 || strings.HasPrefix(name, "redirect") {
			v.Captures = append(v.Captures, "http://"+l.Addr().String()+"/"+strings.ReplaceAll(name, "%", "%25"))
		}
	}
	v.Captures = append(v.Captures, "http://"+l.Addr().String()+"/own.mp4")
	refused := 0
	t.attack(ctx, s, v, func(name string, a attempt) {
		if strings.HasSuffix(name, "/own.mp4") {
			if a.Kind != "" || a.Frames != 10 {
				t.Errorf("the honest answer: %d frames, %s", a.Frames, a.Text)
			}
			return
		}
		if a.Kind != "" && a.Kind != "too long" {
			refused++
		} else if strings.Contains(name, "redirect") {
			t.Errorf("%s was followed: %d frames", name, a.Frames)
		}
	})
	t.reached("%d answers of a server, %d redirects among them: %d refused; 0 files opened, 0 connections of another protocol",
		len(v.Captures)-1, len(redirects), refused)
}
