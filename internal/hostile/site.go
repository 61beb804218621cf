package hostile

// Where attacks aim, and who watches.

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// CanaryText is in every text file of the canary folder. It must come out nowhere.
const CanaryText = "canary-4f1c9e"

// Site is a place for attacks. Make it with NewSite.
type Site struct {
	Sandbox string // the working folder of who is attacked
	Canary  string // beside it; nobody may open anything here
	TCP     int    // a port of 127.0.0.1 on which nobody may call
	UDP     int    // likewise
	Socket  string // of a Unix socket, likewise

	watch    *watch
	calls    atomic.Int64
	closers  []func()
	handlers sync.WaitGroup
}

// canaryFiles are the names in the canary folder. Those with media are filled by the caller, who has an ffmpeg.
const (
	CanaryVideo = "c.mp4"
	CanaryTS    = "c.ts"
	CanaryStill = "1.png"
	CanaryNote  = "secret.txt"
)

// NewSite makes the folders under dir and begins to listen. fill makes the media of the canary folder; it may be nil.
// The watch begins after that.
func NewSite(dir string, fill func(canary string) error) (s *Site, err error) {
	s = &Site{Sandbox: filepath.Join(dir, "sandbox"), Canary: filepath.Join(dir, "canary")}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	for _, d := range []string{s.Sandbox, s.Canary} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(s.Canary, CanaryNote), []byte(CanaryText+"\n"), 0o600); err != nil {
		return nil, err
	}
	if fill != nil {
		if err := fill(s.Canary); err != nil {
			return nil, err
		}
	}
	if err := s.listen(dir); err != nil {
		return nil, err
	}
	if s.watch, err = newWatch(s.Canary); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.watch.close)
	return s, nil
}

func (s *Site) listen(dir string) error {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.accept(tcp)
	s.TCP = tcp.Addr().(*net.TCPAddr).Port
	s.Socket = filepath.Join(dir, "canary.sock")
	local, err := net.Listen("unix", s.Socket)
	if err != nil {
		return err
	}
	s.accept(local)
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.UDP = udp.LocalAddr().(*net.UDPAddr).Port
	s.closers = append(s.closers, func() { _ = udp.Close() })
	s.handlers.Go(func() {
		buf := make([]byte, 2048)
		for {
			if _, _, err := udp.ReadFrom(buf); err != nil {
				return
			}
			s.calls.Add(1)
		}
	})
	return nil
}

// accept counts calls and hangs up.
func (s *Site) accept(l net.Listener) {
	s.closers = append(s.closers, func() { _ = l.Close() })
	s.handlers.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.calls.Add(1)
			_ = c.Close()
		}
	})
}

// Close stops listening and watching. The folders stay.
func (s *Site) Close() {
	for _, c := range s.closers {
		c()
	}
	s.closers = nil
	s.handlers.Wait()
}

// Calls is how often somebody has called.
func (s *Site) Calls() int64 { return s.calls.Load() }

// Touched says what has happened to the canary files since the last call: one line for each event.
func (s *Site) Touched() []string { return s.watch.events() }

// fill puts the site into a text: {C} is the canary folder, {S} the sandbox, {T} and {U} the ports, {X} the socket. {E} is
// the canary folder with colons and slashes escaped for a filter.
func (s *Site) fill(text string) string {
	return strings.NewReplacer("{C}", s.Canary, "{S}", s.Sandbox, "{X}", s.Socket, "{E}", strings.ReplaceAll(s.Canary, ":", `\:`),
		"{T}", strconv.Itoa(s.TCP), "{U}", strconv.Itoa(s.UDP)).Replace(text)
}

// String is for messages.
func (s *Site) String() string {
	return fmt.Sprintf("canary %s, TCP %d, UDP %d", s.Canary, s.TCP, s.UDP)
}
