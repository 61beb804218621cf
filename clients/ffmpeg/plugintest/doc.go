// Package plugintest tests the plug-ins of clients/ffmpeg: built by make, loaded by a real ffmpeg, over real segments.
//
// FRAMEBRIDGE_FFMPEG names another ffmpeg than the first one in PATH.
package plugintest
