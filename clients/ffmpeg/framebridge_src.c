// framebridge_src: a source whose frames are those of a segment.
//
//   ffmpeg -f lavfi -i 'frei0r_src=size=640x360:framerate=25:filter_name=framebridge_src:filter_params=cam0' …
//
// ffmpeg asks for one frame after the other, as fast as it can; the writer of the segment sets the pace, as each call waits for a
// frame. When none comes within the deadline the last one is shown again. ffmpeg has no end for such a source: README.md says what
// to do about that, and all options.

#include "plugin.h"

#include "../c/framebridge.h"

typedef struct {
  uint8_t *data;
  fb_image image;
  size_t size;
} picture;

typedef struct {
  char name[72];
  int lossless;
  int64_t deadline_ns;
  int64_t black_ns;  // without a new frame for that long: black; 0 never
  fbp_voice voice;
  fbp_host host;
  unsigned width, height;

  fb_reader *reader;  // NULL: none, or none yet
  picture front, back;
  int shows;          // front holds a picture
  int ended;          // the writer has ended or died, which was said
  int64_t newest;     // when the last frame came (fbp_now)
  uint64_t frames, repeats, missed;
} source;

enum { STEP_MS = 100, OVER_MS = 250, JOIN_MS = 300, LONGEST_S = 3600 };
static const int64_t ms = 1000000;

static const char usage[] = "newest, lossless, deadline=SECONDS, black=SECONDS";

// A segment that somebody truncates must not end the user's ffmpeg. Without a guard all else works.
FB_EXPORT int f0r_init(void) {
  fb_guard_on(NULL);
  return 1;
}

FB_EXPORT void f0r_deinit(void) { fb_guard_off(); }

FB_EXPORT void f0r_get_plugin_info(f0r_plugin_info_t *info) {
  *info = (f0r_plugin_info_t){
      .name = "framebridge_src",
      .author = "framebridge",
      .plugin_type = F0R_PLUGIN_TYPE_SOURCE,
      .color_model = F0R_COLOR_MODEL_RGBA8888,
      .frei0r_version = FREI0R_MAJOR_VERSION,
      .major_version = 1,
      .num_params = FBP_PARAMETERS,
      .explanation = "the frames of a segment of shared memory",
  };
}

FB_EXPORT void f0r_get_param_info(f0r_param_info_t *info, int index) { fbp_describe(info, index, "segment", usage); }

FB_EXPORT f0r_instance_t f0r_construct(unsigned int width, unsigned int height) {
  source *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->voice.plugin = "framebridge_src";
  s->host = fbp_host_of(__builtin_return_address(0), width);
  s->width = width;
  s->height = height;
  s->deadline_ns = 5000 * ms;
  return s;
}

static void set_option(source *s, const char *text) {
  const char *v;
  int on, good = 1;
  if (fbp_option(text, "lossless", &v)) {
    if ((good = fbp_switch(v, &on))) s->lossless = on;
  } else if (fbp_option(text, "newest", &v)) {
    if ((good = fbp_switch(v, &on))) s->lossless = !on;
  } else if (fbp_option(text, "deadline", &v)) {
    good = fbp_duration(v, LONGEST_S, &s->deadline_ns);
  } else if (fbp_option(text, "black", &v)) {
    good = fbp_duration(v, LONGEST_S, &s->black_ns);
  } else {
    good = 0;
  }
  if (!good) fbp_say(&s->voice, "option \"%s\" is none, or out of range, and has no effect: %s", text, usage);
}

FB_EXPORT void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  source *s = instance;
  const char *text = *(char **)value;
  if (!text || !*text) return;
  if (index) set_option(s, text);
  else snprintf(s->name, sizeof s->name, "%s", text);  // one that is too long is cut to one that is not allowed
}

FB_EXPORT void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  source *s = instance;
  *(char **)value = index ? "" : s->name;
}

// fit makes memory for a picture as the frame is. 0: there is none, or such a frame cannot be shown.
static int fit(source *s, picture *p, const fb_format *f) {
  if (f->pixels != FB_RGBA && f->pixels != FB_BGRA) {
    const char *name = fb_pixels_name(f->pixels);
    fbp_say(&s->voice, "%s: its frames are %s, and only rgba and bgra can be shown here", s->name, name ? name : "of a newer format");
    return 0;
  }
  uint64_t size = fb_format_size(&(fb_format){.pixels = f->pixels, .width = f->width, .height = f->height});
  if (size == 0) return 0;
  if (size > p->size) {
    free(p->data);
    p->data = malloc(size);
    p->size = p->data ? size : 0;
    if (!p->data) {
      fbp_say(&s->voice, "%s: no memory for a picture of %ux%u", s->name, f->width, f->height);
      return 0;
    }
  }
  p->image = (fb_image){.pixels = f->pixels, .width = f->width, .height = f->height, .data = {p->data}};
  if (f->width != s->width || f->height != s->height)
    fbp_say(&s->voice, "%s: its frames are %ux%u, this source is %ux%u: centred, and cut where larger; use size=%ux%u", s->name, f->width,
            f->height, s->width, s->height, f->width, f->height);
  return 1;
}

// skip takes a frame that cannot be shown.
static void skip(source *s) {
  fb_frame f;
  if (fb_next(s->reader, 0, &f, NULL) == FB_OK) fb_release(s->reader, &f, NULL);
}

// is_over says, once, that nobody writes any more.
static int is_over(source *s) {
  fb_segment about;
  if (s->ended || fb_describe(s->reader, &about, NULL) != FB_OK) return 0;
  const char *how = about.state == FB_STATE_ENDED ? "ended" : about.state == FB_STATE_DEAD || !about.alive ? "died" : NULL;
  if (!how) return 0;
  s->ended = 1;
  fbp_say(&s->voice, "%s: its writer %s; the last frame is repeated", s->name, how);
  return 1;
}

// rest waits a little before something is tried again.
static int rest(int64_t step_ns) {
  if (step_ns > 0) nanosleep(&(struct timespec){.tv_nsec = (long)step_ns}, NULL);
  return 0;
}

// take waits for a frame until `end`, but at most one step. 1: it is in front. 0: not yet. -1: nobody will write it.
static int take(source *s, int64_t end) {
  fb_error e;
  fb_frame f;
  int64_t left = end - fbp_now(), step = left < 0 ? 0 : left < STEP_MS * ms ? left : STEP_MS * ms;
  if (!s->reader) {
    fb_reader_options o;
    memset(&o, 0, sizeof o);
    o.mode = s->lossless ? FB_LOSSLESS : FB_NEWEST;
    o.follow = true;
    o.answer_ns = left > JOIN_MS * ms ? left : JOIN_MS * ms;  // a writer answers within 100 ms, or not at all
    o.label = "framebridge_src";
    s->reader = fb_open(s->name, &o, &e);
    if (!s->reader) {
      fbp_say(&s->voice, "%s%s", e.text, e.code == FB_NOT_FOUND ? "; waiting for it" : "");
      return rest(step);
    }
  }
  if (!s->back.data && !fit(s, &s->back, &(fb_format){.pixels = FB_RGBA, .width = s->width, .height = s->height})) return rest(step);
  fb_status status = fb_next_into(s->reader, step, &s->back.image, &f, &e);
  if (status == FB_FORMAT) {
    if (!fit(s, &s->back, &f.format)) skip(s);  // so that the next one can come
    return 0;
  }
  if (status == FB_OK) {
    picture p = s->front;
    s->front = s->back;
    s->back = p;
    s->shows = 1;
    s->ended = 0;
    s->newest = fbp_now();
    s->frames++;
    s->missed += f.missed;
    return 1;
  }
  if (status == FB_TIMEOUT) return is_over(s) ? -1 : 0;
  if (status == FB_OVERRUN || status == FB_INTERRUPTED) return 0;
  fbp_say(&s->voice, "%s", e.text);
  fb_close(s->reader);
  s->reader = NULL;
  return rest(step);
}

static void black(const source *s, uint8_t *out) {
  for (unsigned y = 0; y < s->height; y++, out += s->host.stride)
    for (unsigned x = 0; x < s->width; x++) memcpy(out + 4 * (size_t)x, "\0\0\0\377", 4);
}

// line copies pixels, with red and blue exchanged where they are bgra.
static void line(uint8_t *to, const uint8_t *from, size_t pixels, int bgra) {
  if (!bgra) {
    memcpy(to, from, 4 * pixels);
    return;
  }
  for (size_t i = 0; i < pixels; i++) {
    uint32_t p;
    memcpy(&p, from + 4 * i, 4);
    p = (p & 0xff00ff00) | (p & 0xff) << 16 | (p >> 16 & 0xff);
    memcpy(to + 4 * i, &p, 4);
  }
}

// show draws the picture in front: as it is, or in the middle of black, cut where it is larger.
static void show(const source *s, uint8_t *out) {
  const fb_image *p = &s->front.image;
  size_t from = 4 * (size_t)p->width;
  int bgra = p->pixels == FB_BGRA;
  if (p->width == s->width && p->height == s->height && !bgra) {
    fbp_copy(out, s->host.stride, s->front.data, from, from, s->height);
    return;
  }
  if (p->width < s->width || p->height < s->height) black(s, out);
  unsigned w = p->width < s->width ? p->width : s->width, h = p->height < s->height ? p->height : s->height;
  const uint8_t *f = s->front.data + (p->height - h) / 2 * from + (p->width - w) / 2 * (size_t)4;
  out += (s->height - h) / 2 * s->host.stride + (s->width - w) / 2 * (size_t)4;
  for (unsigned y = 0; y < h; y++, f += from, out += s->host.stride) line(out, f, w, bgra);
}

FB_EXPORT void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out) {
  source *s = instance;
  (void)time, (void)in;
  // Where nobody writes, ffmpeg may be about to end: it should not wait long for that.
  int64_t wait = s->ended && s->deadline_ns > OVER_MS * ms ? OVER_MS * ms : s->deadline_ns, end = fbp_now() + wait;
  int taken;
  do taken = take(s, end);
  while (taken == 0 && fbp_now() < end);
  if (taken <= 0) s->repeats++;
  int old = s->black_ns && fbp_now() - s->newest > s->black_ns;
  if (s->shows && !old) show(s, (uint8_t *)out);
  else black(s, (uint8_t *)out);
}

FB_EXPORT void f0r_destruct(f0r_instance_t instance) {
  source *s = instance;
  fbp_say(&s->voice, "%s: %llu frames, %llu repeated, %llu missed", s->name, (unsigned long long)s->frames, (unsigned long long)s->repeats,
          (unsigned long long)s->missed);
  fb_close(s->reader);
  free(s->front.data);
  free(s->back.data);
  free(s);
}
