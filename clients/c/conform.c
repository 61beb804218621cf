/* conform.c: C's side of the conformance kit. clients/conformance/README.md says what each command does and prints.
 *
 *     cc -std=c11 -pthread -o conform conform.c
 */
#include "framebridge.h"

#include <inttypes.h>

/* ---- telling the driver ---- */

/* What is told is one JSON object a line, written at once: a process that is killed has told all it knew. */
static char line[1 << 18];
static size_t used;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line + used, sizeof line - used, format, args);
  va_end(args);
  if (n > 0) used += (size_t)n;
  if (used > sizeof line - 2) used = sizeof line - 2;
}

static void tell(void) {
  line[used++] = '\n';
  for (size_t at = 0; at < used;) {
    ssize_t n = write(1, line + at, used - at);
    if (n <= 0 && errno != EINTR) _exit(1);
    if (n > 0) at += (size_t)n;
  }
  used = 0;
}

static void say_text(const char *text) {
  say("\"");
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') say("\\%c", *text);
    else if ((unsigned char)*text < 32) say("\\u%04x", *text);
    else say("%c", *text);
  }
  say("\"");
}

static void say_hex(const uint8_t *b, size_t n) {
  say("\"");
  for (size_t i = 0; i < n; i++) say("%02x", b[i]);
  say("\"");
}

/* say_known says a number, or null. */
static void say_known(const char *key, bool known, int64_t n) {
  if (known) say(",\"%s\":%" PRId64, key, n);
  else say(",\"%s\":null", key);
}

static void say_ratio(const char *key, fb_ratio r) {
  if (r.num && r.den) say(",\"%s\":[%d,%d]", key, r.num, r.den);
  else say(",\"%s\":null", key);
}

/* say_name says the name of a number; names without one are "". */
static void say_name(const char *key, uint32_t n, const char *const *names, size_t count) {
  if (n < count && *names[n]) say(",\"%s\":\"%s\"", key, names[n]);
  else say(",\"%s\":\"%u\"", key, (unsigned)n);
}
#define SAY_NAME(key, n, ...)                                                                                          \
  do {                                                                                                                 \
    static const char *const names[] = {__VA_ARGS__};                                                                  \
    say_name(key, n, names, sizeof names / sizeof *names);                                                             \
  } while (0)

static void say_bool(const char *key, bool is) { say(",\"%s\":%s", key, is ? "true" : "false"); }
static void say_number(const char *key, uint64_t n) { say(",\"%s\":%" PRIu64, key, n); }

/* fail tells an error, and is the exit code. */
static int fail(const char *what, const char *message) {
  fprintf(stderr, "conform: %s\n", message);
  used = 0;
  say("{\"error\":\"%s\",\"message\":", what);
  say_text(message);
  say("}");
  tell();
  return 1;
}

static int failed(const fb_error *e) {
  switch (e->code) {
  case FB_NAME:
    return fail("name", e->text);
  case FB_NOT_FOUND:
    return fail("not-found", e->text);
  case FB_BUSY:
    return fail("busy", e->text);
  case FB_DAMAGED:
    return fail("damaged", e->text);
  case FB_VERSION:
    return fail("version", e->text);
  case FB_UNTRUSTED:
    return fail("untrusted", e->text);
  case FB_REFUSED:
    return fail("refused", e->text);
  case FB_DIED:
    return fail("died", e->text);
  case FB_EVICTED:
    return fail("evicted", e->text);
  case FB_LOST:
    return fail("lost", e->text);
  default:
    return fail(fb_status_text(e->code), e->text);
  }
}

static int usage(const char *what) {
  fprintf(stderr,
          "conform: %s\nusage: conform about | batch | COMMAND NAME [--flag value]...; commands: describe, read, "
          "write, update, value\n",
          what);
  return 2;
}

static int ended(const char *how) {
  say("{\"end\":\"%s\"}", how);
  tell();
  return 0;
}

/* ---- being told to stop ---- */

static volatile sig_atomic_t told;
static fb_reader *volatile reading;
static fb_writer *volatile writing;

static void on_stop(int signal) {
  (void)signal;
  told = 1;
  if (reading) fb_interrupt(reading);
  if (writing) fb_writer_interrupt(writing);
}

/* ---- options ---- */

/* flag finds --name value, or --name for switches, and takes it away. */
static const char *flag(int *count, char **args, const char *name, bool is_switch, const char *fallback) {
  for (int i = 0; i < *count; i++) {
    if (strncmp(args[i], "--", 2) || strcmp(args[i] + 2, name)) continue;
    if (!is_switch && i + 1 == *count) return fallback; /* what is left over is a usage error */
    const char *value = is_switch ? "" : args[i + 1];
    int gone = is_switch ? 1 : 2;
    memmove(args + i, args + i + gone, (size_t)(*count - i - gone) * sizeof *args);
    *count -= gone;
    return value;
  }
  return fallback;
}

/* now, and seconds, in nanoseconds. */
static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t seconds(const char *text) { return (int64_t)(strtod(text, NULL) * 1e9); }

static uint64_t number(const char *text) { return strtoull(text, NULL, 10); }

/* ---- stamped frames ---- */

static uint64_t word(uint64_t number, const fb_format *f, uint64_t k) {
  uint64_t shape = (uint64_t)f->width << 32 | (uint64_t)f->height << 8 | f->pixels;
  return (number + 1) * 0x9E3779B97F4A7C15 ^ shape * 0xC2B2AE3D27D4EB4F ^ k * 0xD6E8FEB86659FD93;
}

static uint64_t stamped_length(uint64_t number, const fb_format *f) {
  return f->pixels == FB_DATA ? 37 * number % 1000 : fb_format_size(f);
}

static const uint8_t factor[8] = {0x15, 0x7c, 0x4a, 0x7f, 0xb9, 0x79, 0x37, 0x9e};

static fb_stamp stamp(uint64_t number, const fb_format *f, uint8_t *payload, char meta[40]) {
  fb_stamp s = fb_stamp_new();
  s.length = stamped_length(number, f);
  for (uint64_t at = 0; at < s.length; at += 8) {
    uint64_t w = word(number, f, at / 8);
    memcpy(payload + at, &w, s.length - at < 8 ? s.length - at : 8);
  }
  s.pts = (int64_t)(3003 * number);
  s.duration = 3003;
  s.time_base.num = 1;
  s.time_base.den = 90000;
  s.meta_length = (uint32_t)snprintf(meta, 40, "{\"n\":%" PRIu64 "}", number);
  s.meta = meta;
  if (f->pixels == FB_DATA) {
    s.reference.set = true;
    s.reference.number = 2 * number;
    s.reference.pts = 2 * s.pts;
    memcpy(s.reference.generation, factor, sizeof factor);
  }
  return s;
}

/* wrong is what of a frame is not as its number says, or NULL. */
static const char *wrong(const fb_frame *f) {
  uint64_t n = f->number;
  char meta[40];
  int length = snprintf(meta, sizeof meta, "{\"n\":%" PRIu64 "}", n);
  if (f->pts != (int64_t)(3003 * n) || f->duration != 3003 || f->time_base.num != 1 || f->time_base.den != 90000)
    return "its time";
  if (f->length != stamped_length(n, &f->format)) return "its length";
  if (f->meta_length != (uint32_t)length || memcmp(f->meta, meta, (size_t)length)) return "its meta";
  if (f->reference.set != (f->format.pixels == FB_DATA)) return "its reference";
  if (f->reference.set && (f->reference.number != 2 * n || f->reference.pts != 2 * f->pts ||
                           memcmp(f->reference.generation, factor, sizeof factor)))
    return "its reference";
  for (uint64_t at = 0; at < f->length; at += 8) {
    uint64_t w = word(n, &f->format, at / 8);
    if (memcmp(f->data + at, &w, f->length - at < 8 ? f->length - at : 8)) return "its payload";
  }
  return NULL;
}

/* ---- describe ---- */

static void say_segment(const fb_segment *s) {
  uint8_t zero[16] = {0};
  say("{\"major\":%u,\"minor\":%u", s->major, s->minor);
  SAY_NAME("kind", s->kind, "", "video", "audio", "data");
  SAY_NAME("state", s->state, "", "live", "draining", "ended", "moved", "dead");
  SAY_NAME("lossless", s->lossless, "wait", "evict", "refuse");
  SAY_NAME("source", s->source, "none", "connecting", "live", "stalled", "reconnecting", "failed", "ended");
  say_bool("alive", s->alive);
  say_bool("live", s->flags & 1);
  say_bool("joins_at_frames", s->flags & 2);
  say_bool("took_over", s->flags & 4);
  say_bool("kept", s->flags & 8);
  say(",\"error\":");
  say_text(s->error);
  say(",\"name\":");
  say_text(s->name);
  say(",\"generation\":");
  say_hex(s->generation, 16);
  say(",\"previous\":");
  if (memcmp(s->previous, zero, 16)) say_hex(s->previous, 16);
  else say("null");
  say(",\"control_id\":\"%016" PRIx64 "\"", s->control_id);
  say(",\"created\":%" PRId64 ",\"created_mono\":%" PRId64, s->created_wall_ns, s->created_mono_ns);
  say_number("bytes", s->file_size);
  say_number("slots", s->slots);
  say_number("capacity", s->capacity);
  say_number("first_frame", s->first_frame);
  say_number("published", s->published);
  say_number("must", s->must);
  say_number("cells", s->cells);
  say_number("alignment", s->alignment);
  say_number("meta_capacity", s->meta_capacity);
  say_number("writer_pid", s->writer_pid);
  say_number("abandoned", s->abandoned);
  say_number("pins_broken", s->pins_broken);
  say_number("evicted", s->evicted);
  say_number("blocked", s->blocked_ns);
  say_number("restarts", s->restarts);
  say_number("stalls", s->stalls);
  say_known("final", s->has_final && s->final, (int64_t)s->final - 1);
  say(",\"drops\":[");
  for (int i = 0; i < 8; i++) say("%s%" PRIu64, i ? "," : "", s->drops[i]);
  say("],\"frames\":[");
}

static void say_frame(const fb_frame *f) {
  const fb_format *o = &f->format;
  const char *name = fb_pixels_name(o->pixels);
  char other[16];
  snprintf(other, sizeof other, "%u", (unsigned)o->pixels);
  say("{\"number\":%" PRIu64 ",\"format\":\"%s\"", f->number, name ? name : other);
  say_known("pts", f->pts != FB_NO_PTS, f->pts);
  say_known("duration", f->duration != 0, f->duration);
  say_ratio("time_base", f->time_base);
  say_ratio("rate", o->rate);
  say_ratio("aspect", o->aspect);
  say_known("captured", true, f->captured_mono_ns);
  say_known("captured_wall", true, f->captured_wall_ns);
  say_known("published", true, f->published_mono_ns);
  say_known("tai_offset", f->tai_offset_s != 0, f->tai_offset_s);
  say_number("width", o->width);
  say_number("height", o->height);
  say_number("length", f->length);
  say(",\"planes\":[");
  for (uint32_t p = 0; p < f->planes; p++)
    say("%s{\"offset\":%td,\"stride\":%u,\"rows\":%u}", p ? "," : "", f->plane[p].data - f->data, f->plane[p].stride,
        f->plane[p].rows);
  say("],\"crc\":\"%08x\",\"meta\":", fb_crc(0, f->data, f->length));
  say_hex(f->meta, f->meta_length);
  if (f->flags & FB_FLAG_CRC) say(",\"stored_crc\":\"%08x\"", f->crc);
  else say(",\"stored_crc\":null");
  say_bool("key", f->flags & FB_FLAG_KEY);
  say_bool("discontinuity", f->flags & FB_FLAG_DISCONTINUITY);
  say_bool("placeholder", f->flags & FB_FLAG_PLACEHOLDER);
  if (o->range) SAY_NAME("range", o->range, "", "limited", "full");
  else say(",\"range\":null");
  say_known("matrix", o->matrix && o->matrix != 3, o->matrix - 1);
  say_known("primaries", o->primaries && o->primaries != 2, o->primaries);
  say_known("transfer", o->transfer && o->transfer != 2, o->transfer);
  say_known("chroma", o->chroma != 0, o->chroma - 1);
  SAY_NAME("alpha", o->alpha, "none", "straight", "premultiplied");
  if (o->field_order) SAY_NAME("field_order", o->field_order, "", "progressive", "top", "bottom");
  else say(",\"field_order\":null");
  say_number("rotation", o->rotation);
  say(",\"crop\":[%u,%u,%u,%u],\"fourcc\":\"%.4s\"", o->crop_left, o->crop_top, o->crop_right, o->crop_bottom,
      f->fourcc);
  say_number("bits", f->bits);
  say_number("source_seq", f->source_seq);
  if (f->timecode) say_number("timecode", f->timecode);
  else say(",\"timecode\":null");
  if (f->reference.set) {
    say(",\"reference\":{\"frame\":%" PRIu64 ",\"generation\":", f->reference.number);
    say_hex(f->reference.generation, 8);
    say_known("pts", f->reference.pts != FB_NO_PTS, f->reference.pts);
    say("}");
  } else {
    say(",\"reference\":null");
  }
  if (o->audio_format) {
    say(",\"audio\":{\"rate\":%u,\"channels\":%u,\"layout\":%" PRIu64 ",\"samples\":%u", o->audio_rate,
        o->audio_channels, o->audio_layout, f->audio_samples);
    SAY_NAME("format", o->audio_format, "", "s16", "f32");
    say("}}");
  } else {
    say(",\"audio\":null}");
  }
}

static int describe(const char *name, int count) {
  if (count) return usage("describe takes no flags");
  fb_error e;
  fb_segment s;
  fb_reader_options o;
  memset(&o, 0, sizeof o);
  o.unregistered = true;
  fb_reader *r = fb_open(name, &o, &e);
  if (!r) return failed(&e);
  static uint64_t numbers[65535];
  size_t n = fb_numbers(r, numbers, sizeof numbers / sizeof *numbers), there = 0;
  fb_status status = fb_describe(r, &s, &e);
  if (status == FB_OK) say_segment(&s);
  for (size_t i = 0; i < n && status == FB_OK; i++) {
    fb_frame f;
    status = fb_get(r, numbers[i], NULL, &f, &e);
    if (status == FB_OK) {
      if (there++) say(",");
      say_frame(&f);
    } else if (status == FB_LOST) {
      status = FB_OK;
    }
  }
  fb_close(r);
  if (status != FB_OK) return failed(&e);
  say("]}");
  tell();
  return 0;
}

/* ---- read ---- */

static void say_read(const fb_frame *f, uint64_t missed) {
  const char *name = fb_pixels_name(f->format.pixels);
  say("{\"number\":%" PRIu64 ",\"generation\":", f->number);
  say_hex(f->generation, 16);
  say_known("pts", true, f->pts);
  say_number("missed", missed);
  say(",\"format\":\"%s\",\"width\":%u,\"height\":%u,\"length\":%" PRIu64 "}", name ? name : "?", f->format.width,
      f->format.height, f->length);
}

/* read_all reads to the end: what is told of it, or NULL and an error. */
static const char *read_all(fb_reader *r, uint64_t frames, fb_error *e) {
  uint64_t void_ones = 0; /* frames that did not hold while they were looked at: missed, for who counts */
  for (uint64_t i = 0; !frames || i < frames;) {
    fb_frame f;
    fb_status s = fb_next(r, -1, &f, e);
    if (s == FB_INTERRUPTED) return "told";
    if (s == FB_EOF) return "eof";
    if (s == FB_OVERRUN) {
      usleep(1000);
      continue;
    }
    if (s != FB_OK) return NULL;
    const char *what = wrong(&f);
    say_read(&f, f.missed + void_ones);
    s = fb_release(r, &f, e);
    if (s == FB_BROKEN) {
      used = 0;
      void_ones += f.missed + 1;
      continue;
    }
    if (s != FB_OK) return NULL;
    if (what) {
      e->code = FB_OK; /* no error of the library */
      snprintf(e->text, sizeof e->text, "frame %" PRIu64 ": %s is not what was written", f.number, what);
      return NULL;
    }
    tell();
    void_ones = 0;
    i++;
  }
  return "frames";
}

static int read_segment(const char *name, int count, char **args) {
  const char *mode = flag(&count, args, "mode", false, "newest");
  uint64_t frames = number(flag(&count, args, "frames", false, "0"));
  int64_t until = now() + seconds(flag(&count, args, "wait", false, "0"));
  fb_reader_options o;
  memset(&o, 0, sizeof o);
  o.label = "conform c";
  o.answer_ns = -1;
  o.follow = flag(&count, args, "follow", true, NULL) != NULL;
  o.mode = !strcmp(mode, "newest") ? FB_NEWEST : !strcmp(mode, "pinned") ? FB_PINNED : FB_LOSSLESS;
  if (count || (o.mode == FB_LOSSLESS && strcmp(mode, "lossless"))) return usage("read");
  fb_error e;
  fb_reader *r = NULL;
  while (!(r = fb_open(name, &o, &e)) && e.code == FB_NOT_FOUND && !told && now() < until) usleep(5000);
  if (told && !r) return ended("told");
  if (!r) return failed(&e);
  reading = r;
  if (told) fb_interrupt(r);
  say("{\"ready\":true}");
  tell();
  const char *how = read_all(r, frames, &e);
  used = 0;
  reading = NULL;
  fb_close(r);
  if (how) return ended(how);
  return e.code == FB_OK ? fail("mismatch", e.text) : failed(&e);
}

/* ---- write ---- */

static int publish_one(fb_writer *w, const fb_format *f, fb_error *e) {
  fb_slot slot;
  fb_status s = fb_begin(w, -1, &slot, e);
  if (s != FB_OK) return s;
  char meta[40];
  if (stamped_length(slot.number, f) > slot.capacity) {
    fb_abandon(w);
    e->code = FB_TOO_LARGE;
    snprintf(e->text, sizeof e->text, "frame %" PRIu64 " does not fit", slot.number);
    return e->code;
  }
  fb_stamp t = stamp(slot.number, f, slot.data, meta);
  say("{\"published\":%" PRIu64 ",\"generation\":", slot.number);
  say_hex(slot.generation, 16);
  say_known("pts", true, t.pts);
  say(",\"format\":\"%s\",\"width\":%u,\"height\":%u,\"length\":%" PRIu64 "}", fb_pixels_name(f->pixels), f->width,
      f->height, t.length);
  s = fb_commit(w, &t, e);
  if (s == FB_OK) tell();
  used = 0;
  return s;
}

/* sleep_until sleeps, but not once it was told to stop. */
static void sleep_until(int64_t when) {
  for (int64_t left; !told && (left = when - now()) > 0;)
    usleep((useconds_t)((left < 20000000 ? left : 20000000) / 1000 + 1));
}

/* publish_all publishes to the end: FB_OK, FB_INTERRUPTED, or an error. */
static fb_status publish_all(fb_writer *w, fb_format f, const char *sizes, uint64_t frames, double fps, unsigned await,
                             fb_error *e) {
  while (!told && fb_readers(w) < await) usleep(2000);
  int64_t next = now();
  for (uint64_t i = 0; !told && (!frames || i < frames); i++) {
    unsigned long long at;
    unsigned width, height;
    int end;
    while (sscanf(sizes, "%llu:%ux%u%n", &at, &width, &height, &end) == 3 && at == i) {
      f.width = width;
      f.height = height;
      sizes += end + (sizes[end] == ',');
      fb_status s = fb_set_format(w, -1, &f, e);
      if (s != FB_OK) return s;
    }
    if (fps > 0) sleep_until(next);
    if (fps > 0) next += (int64_t)(1e9 / fps);
    if (told) break;
    fb_status s = (fb_status)publish_one(w, &f, e);
    if (s != FB_OK) return s;
  }
  return told ? FB_INTERRUPTED : FB_OK;
}

static int write_segment(const char *name, int count, char **args) {
  const char *pixels = flag(&count, args, "format", false, "rgba"),
             *policy = flag(&count, args, "lossless", false, "wait");
  const char *sizes = flag(&count, args, "resize", false, "");
  fb_format f;
  memset(&f, 0, sizeof f);
  f.pixels = (uint32_t)fb_pixels_parse(pixels);
  f.width = (uint32_t)number(flag(&count, args, "width", false, "16"));
  f.height = (uint32_t)number(flag(&count, args, "height", false, "8"));
  if (f.pixels == FB_DATA) f.width = f.height = 0;
  fb_writer_options o;
  memset(&o, 0, sizeof o);
  o.time_base.num = 1;
  o.time_base.den = 90000;
  o.slots = (uint32_t)number(flag(&count, args, "slots", false, "4"));
  o.capacity = number(flag(&count, args, "capacity", false, "0"));
  o.lossless = !strcmp(policy, "wait")    ? FB_LOSSLESS_WAIT
               : !strcmp(policy, "evict") ? FB_LOSSLESS_EVICT
                                          : FB_LOSSLESS_REFUSE;
  o.evict_ns = seconds(flag(&count, args, "evict-after", false, "5"));
  o.linger_ns = seconds(flag(&count, args, "linger", false, "5"));
  if (!o.linger_ns) o.linger_ns = -1;
  o.keep = flag(&count, args, "keep", true, NULL) != NULL;
  uint64_t frames = number(flag(&count, args, "frames", false, "0"));
  double fps = strtod(flag(&count, args, "fps", false, "0"), NULL);
  unsigned await = (unsigned)number(flag(&count, args, "await", false, "0"));
  if (count || f.pixels > FB_NV12 || (o.lossless == FB_LOSSLESS_REFUSE && strcmp(policy, "refuse")))
    return usage("write");
  fb_error e;
  fb_writer *w = fb_create(name, &f, &o, &e);
  if (!w) return failed(&e);
  writing = w;
  if (told) fb_writer_interrupt(w);
  say("{\"ready\":true,\"generation\":");
  say_hex(fb_writer_generation(w), 16);
  say("}");
  tell();
  fb_status s = publish_all(w, f, sizes, frames, fps, await, &e);
  used = 0;
  fb_writer_resume(w); /* to linger, also when told to stop */
  fb_end(w, -1, NULL);
  writing = NULL;
  fb_destroy(w);
  if (s == FB_INTERRUPTED) return ended("told");
  return s == FB_OK ? ended("done") : failed(&e);
}

/* ---- update, value ---- */

typedef struct counter {
  int64_t add, value;
  bool parsed; /* the old value was a number */
} counter;

static bool number_of(const uint8_t *text, uint64_t length, int64_t *n) {
  char copy[24] = {0}, *end;
  if (!length || length >= sizeof copy) return false;
  memcpy(copy, text, (size_t)length);
  errno = 0;
  *n = strtoll(copy, &end, 10);
  return !errno && !*end;
}

static int64_t increase(void *context, const uint8_t *old, uint64_t length, uint8_t *value, uint64_t room) {
  counter *c = (counter *)context;
  c->value = 0;
  c->parsed = !old || number_of(old, length, &c->value);
  c->value += c->add;
  return c->parsed ? snprintf((char *)value, (size_t)room, "%" PRId64, c->value) : -1;
}

static void tell_value(int64_t value, uint64_t number) {
  say("{\"value\":%" PRId64 ",\"number\":%" PRIu64 "}", value, number);
  tell();
}

static int update(const char *name, int count, char **args) {
  counter c;
  c.add = strtoll(flag(&count, args, "add", false, "1"), NULL, 10);
  uint64_t times = number(flag(&count, args, "times", false, "1")), frame;
  int64_t within = seconds(flag(&count, args, "within", false, "20"));
  if (count) return usage("update");
  for (uint64_t i = 0; !times || i < times; i++) {
    if (told) return ended("told");
    fb_error e;
    if (fb_update(name, NULL, within, increase, &c, &frame, &e) != FB_OK)
      return c.parsed ? failed(&e) : fail("mismatch", "the value is no number");
    tell_value(c.value, frame);
  }
  return ended("done");
}

static int value(const char *name, int count) {
  if (count) return usage("value takes no flags");
  fb_error e;
  fb_frame f;
  fb_reader_options o;
  memset(&o, 0, sizeof o);
  o.unregistered = true;
  fb_reader *r = fb_open(name, &o, &e);
  if (!r) return failed(&e);
  int64_t n;
  fb_status s = fb_next(r, 0, &f, &e);
  bool is = s == FB_OK && number_of(f.data, f.length, &n);
  if (is) tell_value(n, f.number);
  fb_close(r);
  if (s == FB_EOF || s == FB_DIED || s == FB_TIMEOUT) return fail("not-found", "there is no value yet");
  if (s != FB_OK) return failed(&e);
  return is ? 0 : fail("mismatch", "the value is no number");
}

/* ---- main ---- */

static int about(void) {
  say("{\"client\":\"c\",\"layout\":\"1.0\",\"commands\":[\"describe\",\"read\",\"write\",\"update\",\"value\"],"
      "\"modes\":[\"newest\",\"pinned\",\"lossless\"],\"moves\":true,\"batch\":true}");
  tell();
  return 0;
}

static int run(int count, char **args) {
  if (count == 1 && !strcmp(args[0], "about")) return about();
  if (count < 2) return usage("a command and a name are needed");
  const char *command = args[0], *name = args[1];
  count -= 2;
  args += 2;
  if (!strcmp(command, "describe")) return describe(name, count);
  if (!strcmp(command, "read")) return read_segment(name, count, args);
  if (!strcmp(command, "write")) return write_segment(name, count, args);
  if (!strcmp(command, "update")) return update(name, count, args);
  if (!strcmp(command, "value")) return value(name, count);
  return usage("no such command");
}

/* batch runs the lines of stdin, their words divided by tabs. */
static int batch(void) {
  static char text[1 << 16];
  while (!told && fgets(text, sizeof text, stdin)) {
    char *words[64], *at = text;
    int count = 0;
    text[strcspn(text, "\n")] = 0;
    while (at && count < 64) {
      words[count++] = at;
      at = strchr(at, '\t');
      if (at) *at++ = 0;
    }
    int code = run(count, words);
    say("{\"done\":%d}", code);
    tell();
  }
  return 0;
}

int main(int count, char **args) {
  struct sigaction stop;
  memset(&stop, 0, sizeof stop);
  stop.sa_handler = on_stop;
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGINT, &stop, NULL);
  const char *life = getenv("FRAMEBRIDGE_CONFORM_SECONDS");
  alarm(life ? (unsigned)strtoul(life, NULL, 10) : 60); /* whatever hangs, and whoever forgot this process: it ends */
  if (count == 2 && !strcmp(args[1], "batch")) return batch();
  return run(count - 1, args + 1);
}
