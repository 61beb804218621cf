package capture

// Why a source never gave a frame, from what ffmpeg said.

import (
	"fmt"
	"strings"
)

// obstacle is what stands between ffmpeg and a first frame; a higher one explains
// more.
type obstacle int

const (
	obstacleUnknown   obstacle = iota
	obstacleContent            // not a video
	obstacleMissing            // not found
	obstacleDenied             // a password is missing or wrong
	obstacleNoPicture          // there is no picture in it
	obstacleRequest            // ffmpeg was asked for what it does not know
)

// signs are what ffmpeg says of each; the words are the same from 4.4 to 7.1.
var signs = []struct {
	obstacle obstacle
	text     string
}{
	{obstacleContent, "Invalid data found when processing input"},
	{obstacleMissing, "404 Not Found"},
	{obstacleMissing, "No such file or directory"},
	{obstacleMissing, "No such device"},
	{obstacleDenied, "401 Unauthorized"},
	{obstacleDenied, "403 Forbidden"},
	{obstacleDenied, "Permission denied"},
	{obstacleNoPicture, "matches no streams"},
	{obstacleRequest, "Unrecognized option"},
	{obstacleRequest, "Option not found"},
	{obstacleRequest, "Unable to parse option value"},
	{obstacleRequest, "Error setting option"},
	{obstacleRequest, "Unrecognized hwaccel"},
	{obstacleRequest, "Unknown decoder"},
	{obstacleRequest, "Unknown input format"},
	{obstacleRequest, "Protocol not found"},
	{obstacleRequest, "not on whitelist"},
	{obstacleRequest, "No such filter"},
	{obstacleRequest, "Error initializing filter"},
	{obstacleRequest, "Error parsing filterchain"},
	{obstacleRequest, "Error parsing a filter description"},
	{obstacleRequest, "Failed to configure input pad"},
	{obstacleRequest, "Error reinitializing filters"},
}

func obstacleIn(text string) (found obstacle) {
	for _, s := range signs {
		if s.obstacle > found && strings.Contains(text, s.text) {
			found = s.obstacle
		}
	}
	return found
}

// hopeless reports whether another start cannot help: the request is wrong, or
// the password.
func (d *diagnosis) hopeless() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.obstacle == obstacleRequest || d.obstacle == obstacleDenied
}

// refusal is the error of a source that gave no frame and that nobody had looked
// at before. err is what is known without ffmpeg's words.
func (d *diagnosis) refusal(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	kind, why := ErrUnreadable, d.early
	switch d.obstacle {
	case obstacleContent:
		kind = ErrNotMedia
	case obstacleMissing:
		kind = ErrMissing
	case obstacleNoPicture:
		kind = ErrNoPicture
	case obstacleRequest:
		kind = ErrNoFrames
	}
	switch {
	case d.grave != "":
		why = d.grave
	case why == "":
		return err
	}
	return fmt.Errorf("%w: %s", kind, why)
}
