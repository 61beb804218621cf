// What all plug-ins share: the host (line stride, time), parameters, messages, copies. Include it first.
#ifndef FRAMEBRIDGE_PLUGIN_H
#define FRAMEBRIDGE_PLUGIN_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "frei0r.h"

#define FBP_UNUSED __attribute__((unused))

// The host. ffmpeg gives neither stride nor time base, and its versions differ (found with odd widths):
//
//   libavfilter     lines are            the time of a filter is
//   8 (5.1)         padded to 16 pixels  in ms; without meaning where the lines had to be copied, see fbp_pts
//   10 (7.1)        4 * width bytes      the same
//   later           4 * width bytes      in ms, or in s: not known, so there is none
//
// Too small a stride shears a picture, too large a one reads past its end: the small one where the host is not known.
typedef struct {
  size_t stride;  // bytes from one line to the next
  int has_time;   // the time argument of f0r_update is in ms
} fbp_host;

// fbp_host_of finds out who calls. Use it in f0r_construct: fbp_host_of(__builtin_return_address(0), width).
static FBP_UNUSED fbp_host fbp_host_of(const void *caller, unsigned width) {
  unsigned major = 0;
  Dl_info info;
  void *library = dladdr(caller, &info) && info.dli_fname ? dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY) : NULL;
  void *symbol = dlsym(library ? library : RTLD_DEFAULT, "avfilter_version");
  if (symbol) {
    unsigned (*version)(void);
    memcpy(&version, &symbol, sizeof version);  // C has no cast from data to functions
    major = version() >> 16;
  }
  if (library) dlclose(library);
  size_t line = 4 * (size_t)width;
  return (fbp_host){.stride = major >= 7 && major <= 8 ? (line + 63) & ~(size_t)63 : line, .has_time = major >= 7 && major <= 10};
}

// The time base of fbp_pts: microseconds.
enum { FBP_TIME_BASE = 1000000 };

// fbp_pts turns the time of f0r_update into a PTS, rounded to a microsecond; 0 where there is none. Where ffmpeg had to copy lines
// to suit the plug-in, the copy has no time, and what comes is its mark for none, -2^63 ticks, as a number of ms. In any time base
// down to nanoseconds that is below any time of a frame.
static FBP_UNUSED int fbp_pts(const fbp_host *host, double ms, int64_t *pts) {
  if (!host->has_time || !(ms > -1e12 && ms < 1e15)) return 0;
  *pts = (int64_t)llround(ms * 1000);
  return 1;
}

// fbp_copy copies a picture. One large copy goes past the caches on many machines, and is slower for it: so in pieces.
static FBP_UNUSED void fbp_copy(void *to, size_t to_stride, const void *from, size_t from_stride, size_t line, unsigned lines) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if (to_stride == from_stride && lines > 0) line += to_stride * (lines - 1), lines = 1;
  for (unsigned y = 0; y < lines; y++, t += to_stride, f += from_stride)
    for (size_t at = 0, piece = 256 << 10; at < line; at += piece) memcpy(t + at, f + at, line - at < piece ? line - at : piece);
}

// fbp_now is CLOCK_MONOTONIC in nanoseconds.
static FBP_UNUSED int64_t fbp_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

// Messages. A voice says a thing once: the same line is not said again before another one was.
typedef struct {
  const char *plugin;
  char last[400];
} fbp_voice;

// fbp_say writes one line to the standard error, as ffmpeg's own filters do. Control characters are made visible: part of the
// text is the user's, or another process's.
static FBP_UNUSED __attribute__((format(printf, 2, 3))) void fbp_say(fbp_voice *v, const char *format, ...) {
  char text[sizeof v->last], line[sizeof v->last + 40];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (unsigned char *c = (unsigned char *)text; *c; c++)
    if (*c < ' ' || *c == 127) *c = '?';
  if (!strcmp(text, v->last)) return;
  memcpy(v->last, text, sizeof text);
  int n = snprintf(line, sizeof line, "[%s] %s\n", v->plugin, text);
  if (write(STDERR_FILENO, line, (size_t)n) < 0) return;  // nobody to tell
}

// Parameters, all of them texts: the segment's name, then up to FBP_OPTIONS times key=value, in any order: cam0|lossless|slots=8.
// A key alone means key=1; what is empty says nothing. An option stays as it is until it is given again.
enum { FBP_OPTIONS = 8, FBP_PARAMETERS = 1 + FBP_OPTIONS };

static FBP_UNUSED void fbp_describe(f0r_param_info_t *info, int index, const char *name, const char *options) {
  info->name = index == 0 ? name : "option";
  info->type = F0R_PARAM_STRING;
  info->explanation = index == 0 ? "name of the segment" : options;
}

// fbp_option looks whether a text is the option `key`, and where its value begins: "1" for a key alone.
static FBP_UNUSED int fbp_option(const char *text, const char *key, const char **value) {
  size_t n = strlen(key);
  if (strncmp(text, key, n) != 0 || (text[n] != '=' && text[n] != 0)) return 0;
  *value = text[n] == '=' ? text + n + 1 : "1";
  return 1;
}

// fbp_number reads a decimal number such as 12 or 0.5, whatever the locale, and what follows it. 0: not a number.
static FBP_UNUSED int fbp_number(const char *text, double *number, const char **rest) {
  double n = 0, unit = 1;
  int digits = 0;
  for (; *text >= '0' && *text <= '9'; text++, digits++) n = n * 10 + (*text - '0');
  if (*text == '.')
    for (text++; *text >= '0' && *text <= '9'; text++, digits++) n += (*text - '0') * (unit /= 10);
  *number = n;
  *rest = text;
  return digits > 0;
}

// fbp_count reads a whole number from least to most. 0: it is not, and *count is left alone.
static FBP_UNUSED int fbp_count(const char *value, long least, long most, long *count) {
  double n;
  const char *rest;
  if (!fbp_number(value, &n, &rest) || *rest || n != floor(n) || n < (double)least || n > (double)most) return 0;
  *count = (long)n;
  return 1;
}

// fbp_duration reads seconds (2, 0.5, 2s) or milliseconds (500ms), from 0 to most seconds. 0: it is not, and *ns is left alone.
static FBP_UNUSED int fbp_duration(const char *value, double most, int64_t *ns) {
  double n;
  const char *rest;
  if (!fbp_number(value, &n, &rest)) return 0;
  if (!strcmp(rest, "ms")) n /= 1000;
  else if (*rest && strcmp(rest, "s")) return 0;
  if (n > most) return 0;
  *ns = (int64_t)llround(n * 1e9);
  return 1;
}

// fbp_switch reads 1, on, y, yes, true and their opposites. 0: it is neither.
static FBP_UNUSED int fbp_switch(const char *value, int *on) {
  static const char *const words[2][5] = {{"0", "off", "n", "no", "false"}, {"1", "on", "y", "yes", "true"}};
  for (int w = 0; w < 2; w++)
    for (int i = 0; i < 5; i++)
      if (!strcmp(value, words[w][i])) {
        *on = w;
        return 1;
      }
  return 0;
}

#endif
