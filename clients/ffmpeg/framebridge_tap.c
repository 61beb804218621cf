// framebridge_tap: a filter that publishes every frame that passes to a segment.
//
//   ffmpeg -i clip.mp4 -filter_complex '[0:v]split[a][b];[a]format=rgba,frei0r=framebridge_tap:cam0|sink,nullsink;[b]…' …
//
// Whatever goes wrong here is one line on the standard error, and the picture goes on as it came: README.md says all options.

#include "parked.h"

// What belongs to a segment: when one of these changes, the segment ends in order and another begins.
typedef struct {
  char name[72];
  int lossless;
  int64_t deadline_ns;  // for one frame to wait for lossless readers; a reader that stands still for longer is left behind
  int64_t linger_ns;
  long slots;
} segment_options;

typedef struct {
  segment_options segment;
  fbp_voice voice;
  fbp_host host;
  unsigned width, height;
  int off, sink, alpha;
  int64_t await_ns;
  fb_ratio time_base;  // den 0: none given

  fb_writer *writer;       // NULL: none, or none yet
  segment_options opened;  // that the writer was made with
  int ready;               // the writer has the size and alpha of this instance
  int64_t retry;           // not before, where it failed (fbp_now)
  int64_t looked;          // when it was last seen that the segment has its name
  uint64_t dropped;
} tap;

enum { RETRY_MS = 1000, LONGEST_S = 3600 };
static const int64_t ms = 1000000;

static const char usage[] =
    "lossless, newest, on, off, sink, alpha, slots=N, deadline=SECONDS, linger=SECONDS, await=SECONDS, timebase=N/D";

// A segment that somebody truncates must not end the user's ffmpeg. Without a guard all else works.
FB_EXPORT int f0r_init(void) {
  fb_guard_on(NULL);
  return 1;
}

FB_EXPORT void f0r_deinit(void) { fb_guard_off(); }

FB_EXPORT void f0r_get_plugin_info(f0r_plugin_info_t *info) {
  *info = (f0r_plugin_info_t){
      .name = "framebridge_tap",
      .author = "framebridge",
      .plugin_type = F0R_PLUGIN_TYPE_FILTER,
      .color_model = F0R_COLOR_MODEL_RGBA8888,
      .frei0r_version = FREI0R_MAJOR_VERSION,
      .major_version = 1,
      .num_params = FBP_PARAMETERS,
      .explanation = "publishes every frame that passes to a segment of shared memory",
  };
}

FB_EXPORT void f0r_get_param_info(f0r_param_info_t *info, int index) { fbp_describe(info, index, "segment", usage); }

FB_EXPORT f0r_instance_t f0r_construct(unsigned int width, unsigned int height) {
  tap *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->voice.plugin = "framebridge_tap";
  t->host = fbp_host_of(__builtin_return_address(0), width);
  t->width = width;
  t->height = height;
  t->segment.deadline_ns = 5000 * ms;
  t->segment.slots = 4;
  return t;
}

static int parse_ratio(const char *text, fb_ratio *ratio) {
  double num, den;
  const char *rest;
  if (!fbp_number(text, &num, &rest) || *rest != '/' || !fbp_number(rest + 1, &den, &rest) || *rest) return 0;
  if (num != floor(num) || den != floor(den) || num < 1 || den < 1 || num > INT32_MAX || den > INT32_MAX) return 0;
  *ratio = (fb_ratio){(int32_t)num, (int32_t)den};
  return 1;
}

static void set_option(tap *t, const char *text) {
  const char *v;
  int on, good = 1;
  if (fbp_option(text, "lossless", &v)) {
    if ((good = fbp_switch(v, &on))) t->segment.lossless = on;
  } else if (fbp_option(text, "newest", &v)) {
    if ((good = fbp_switch(v, &on))) t->segment.lossless = !on;
  } else if (fbp_option(text, "on", &v)) {
    if ((good = fbp_switch(v, &on))) t->off = !on;
  } else if (fbp_option(text, "off", &v)) {
    if ((good = fbp_switch(v, &on))) t->off = on;
  } else if (fbp_option(text, "sink", &v)) {
    good = fbp_switch(v, &t->sink);
  } else if (fbp_option(text, "alpha", &v)) {
    if ((good = fbp_switch(v, &on)) && on != t->alpha) t->alpha = on, t->ready = 0;
  } else if (fbp_option(text, "slots", &v)) {
    good = fbp_count(v, 2, 1024, &t->segment.slots);
  } else if (fbp_option(text, "deadline", &v)) {
    good = fbp_duration(v, LONGEST_S, &t->segment.deadline_ns);
  } else if (fbp_option(text, "linger", &v)) {
    good = fbp_duration(v, LONGEST_S, &t->segment.linger_ns);
  } else if (fbp_option(text, "await", &v)) {
    good = fbp_duration(v, LONGEST_S, &t->await_ns);
  } else if (fbp_option(text, "timebase", &v)) {
    good = parse_ratio(v, &t->time_base);
  } else {
    good = 0;
  }
  if (!good) fbp_say(&t->voice, "option \"%s\" is none, or out of range, and has no effect: %s", text, usage);
}

FB_EXPORT void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  tap *t = instance;
  const char *text = *(char **)value;
  if (!text || !*text) return;
  if (index) {
    set_option(t, text);
  } else if (strcmp(text, t->segment.name)) {
    // A name that is too long is cut to one that is not allowed.
    memset(t->segment.name, 0, sizeof t->segment.name);
    snprintf(t->segment.name, sizeof t->segment.name, "%s", text);
    t->retry = 0;
  }
}

FB_EXPORT void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  tap *t = instance;
  *(char **)value = index ? "" : t->segment.name;
}

// finish ends the segment in order.
static void finish(tap *t) {
  // With lossless readers around, the name stays for those that have not followed yet; they let it go by arriving.
  if (t->writer) fbp_finish(t->writer, fb_lossless_readers(t->writer) ? -1 : t->opened.linger_ns);
  t->writer = NULL;
  t->ready = 0;
}

// fail says what is wrong, and gives the writer up. It may pass: another writer ends, memory becomes free.
static void fail(tap *t, const fb_error *e) {
  if (t->writer) fb_destroy(t->writer);  // without an end: the next one goes on with the numbers
  t->writer = NULL;
  t->ready = 0;
  t->retry = fbp_now() + RETRY_MS * ms;
  fbp_say(&t->voice, "%s; frames pass by unpublished", e->text);
}

// await gives the first lossless reader time to come: it gets what is published from then on.
static void await(tap *t) {
  if (!t->segment.lossless || !t->await_ns) return;
  int64_t start = fbp_now();
  for (int64_t now = start; now - start < t->await_ns && !fb_lossless_readers(t->writer); now = fbp_now()) {
    if (now - start > 1000 * ms) fbp_say(&t->voice, "%s: waiting for a lossless reader", t->segment.name);
    nanosleep(&(struct timespec){.tv_nsec = 2 * ms}, NULL);
  }
}

// look sees, now and then, whether somebody has removed the segment: nobody finds it then, and another one is made.
static void look(tap *t) {
  int64_t now = fbp_now();
  if (!t->writer || now - t->looked < RETRY_MS * ms) return;
  t->looked = now;
  if (fb_i_place_named(&t->writer->place, t->writer->map)) return;
  fbp_say(&t->voice, "%s: somebody removed it; it is made again", t->opened.name);
  fbp_finish(t->writer, 0);
  t->writer = NULL;
  t->ready = 0;
}

// open_segment sees to it that there is a writer for frames as they are now.
static int open_segment(tap *t) {
  look(t);
  if (t->writer && memcmp(&t->opened, &t->segment, sizeof t->opened)) finish(t);
  if (t->writer && t->ready) return 1;
  if (fbp_now() < t->retry) return 0;
  fb_error e;
  fb_format format;
  memset(&format, 0, sizeof format);
  format.pixels = FB_RGBA;
  format.width = t->width;
  format.height = t->height;
  format.alpha = t->alpha ? FB_ALPHA_STRAIGHT : FB_ALPHA_NONE;
  if (!t->writer && (t->writer = fbp_unpark(t->segment.name, &t->opened, sizeof t->opened)) && memcmp(&t->opened, &t->segment, sizeof t->opened))
    finish(t);
  if (t->writer) {
    if (fb_set_format(t->writer, t->segment.deadline_ns, &format, &e) != FB_OK) return fail(t, &e), 0;
  } else {
    fb_writer_options o;
    memset(&o, 0, sizeof o);
    o.slots = (uint32_t)t->segment.slots;
    o.lossless = t->segment.lossless ? FB_LOSSLESS_EVICT : FB_LOSSLESS_REFUSE;
    o.evict_ns = t->segment.deadline_ns ? t->segment.deadline_ns : 1;
    int64_t linger = t->segment.lossless && t->segment.deadline_ns > t->segment.linger_ns ? t->segment.deadline_ns : t->segment.linger_ns;
    o.linger_ns = linger ? linger : -1;
    o.live = !t->segment.lossless;
    t->writer = fb_create(t->segment.name, &format, &o, &e);
    if (!t->writer) return fail(t, &e), 0;
    memcpy(&t->opened, &t->segment, sizeof t->opened);
    await(t);
  }
  t->ready = 1;
  if (t->retry) fbp_say(&t->voice, "%s: frames are published now", t->segment.name);
  t->retry = 0;
  return 1;
}

static fb_ratio time_base(const tap *t) { return t->time_base.den ? t->time_base : (fb_ratio){1, FBP_TIME_BASE}; }

// pts is the frame's, in ticks of that time base, or FB_NO_PTS.
static int64_t pts(const tap *t, double time) {
  int64_t us;
  if (!fbp_pts(&t->host, time, &us)) return FB_NO_PTS;
  if (!t->time_base.den) return us;
  // The user's time base is the true one if the time is a whole number of ticks.
  double ticks = time / 1000 * t->time_base.den / t->time_base.num;
  return fabs(ticks - nearbyint(ticks)) < 0.001 && fabs(ticks) < 9e15 ? (int64_t)llround(ticks) : FB_NO_PTS;
}

static void publish(tap *t, double time, const uint32_t *in) {
  fb_stamp stamp = fb_stamp_new();
  struct timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  stamp.captured_mono_ns = fbp_now();
  stamp.captured_wall_ns = wall.tv_sec * INT64_C(1000000000) + wall.tv_nsec;
  if (!open_segment(t)) return;
  stamp.pts = pts(t, time);
  stamp.time_base = time_base(t);
  fb_slot slot;
  fb_error e;
  // A reader that stands still is left behind at the deadline, which the tick after it sees: a little more time for that.
  fb_status s = fb_begin(t->writer, t->segment.lossless ? t->segment.deadline_ns + 500 * ms : 0, &slot, &e);
  if (s == FB_TIMEOUT) {
    t->dropped++;
    fb_count(t->writer, &(fb_counts){.late = 1});
    fbp_say(&t->voice, "%s: frames are dropped, as lossless readers hold all slots", t->segment.name);
    return;
  }
  if (s == FB_OK) {
    fbp_copy(slot.plane[0].data, slot.plane[0].stride, in, t->host.stride, 4 * (size_t)t->width, t->height);
    s = fb_commit(t->writer, &stamp, &e);
  }
  if (s != FB_OK) fail(t, &e);
}

FB_EXPORT void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out) {
  tap *t = instance;
  if (!t->off) {
    if (t->segment.name[0]) publish(t, time, in);
    else fbp_say(&t->voice, "no segment is named: frei0r=framebridge_tap:NAME");
  }
  if (!t->sink) fbp_copy(out, t->host.stride, in, t->host.stride, 4 * (size_t)t->width, t->height);
}

FB_EXPORT void f0r_destruct(f0r_instance_t instance) {
  tap *t = instance;
  if (t->dropped) fbp_say(&t->voice, "%s: %llu frames were dropped", t->segment.name, (unsigned long long)t->dropped);
  if (t->writer) fbp_park(t->opened.name, t->writer, fb_lossless_readers(t->writer) ? -1 : t->opened.linger_ns, &t->opened, sizeof t->opened);
  free(t);
}
