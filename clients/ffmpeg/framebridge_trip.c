// framebridge_trip: a filter that offers each frame to an outside process, whose annotated one takes its place.
//
//   ffmpeg -i clip.mp4 -vf 'format=rgba,frei0r=framebridge_trip:cam0|deadline=40ms' …
//
// Frames go to the segment cam0. The partner publishes what it made of them in cam0.out, each with a reference to the
// frame that it was made from. One that comes within the deadline goes on; without one it is the original, or the last
// annotated one. Whatever the partner does, and whether there is one at all, no frame is held for longer than the
// deadline; trip_pace.h says which are held at all. A picture is copied once into the segment and once out of the
// partner's.

#include "parked.h"
#include "trip_pace.h"

typedef struct {
  unsigned long long frames;                     // all
  unsigned long long annotated, last, original;  // what went on for them
  unsigned long long waits, vain;                // frames that were held, and how many of them for nothing
  unsigned long long answers;
  int64_t waited_ns, vain_ns, answered_ns;  // the last one: from the offer to the answer, of all answers
} trip_counts;

typedef struct {
  char name[72], out[80];  // out: empty for NAME.out
  int64_t deadline_ns, await_ns;
  int off, last, alpha;
  fbp_voice voice;
  fbp_host host;
  unsigned width, height;

  fb_writer *writer;  // NULL: none, or none yet
  char opened[72];    // the name of its segment
  uint8_t generation[8];
  uint64_t base;      // number of the frame that pace calls 1
  int64_t begun;      // when the first frame could be offered
  int first;          // nothing was offered yet, not by a filter before this one either
  int64_t looked;     // whether the segment still has its name
  int64_t retry;      // not before, where it failed (fbp_now)
  int stuck;          // nothing but another name can help

  fb_reader *partner;          // NULL: there is none, as far as is known
  int64_t look;                // not before, for a partner or after it
  int64_t seen;                // its last answer, or its coming
  uint8_t gone[16];            // generation of the partner that went
  fb_frame answer;             // its newest picture, in place; data NULL: none
  uint64_t answer_to;          // as pace counts
  int told_late;
  pace pace;
  trip_counts counts;
} trip;

enum { RETRY_MS = 1000, LOOK_MS = 50, LAST_MS = 5000, LONGEST_S = 60, LONGEST_AWAIT_S = 3600 };
static const int64_t ms = 1000000;

static const char usage[] = "deadline=SECONDS, late=original|last, await=SECONDS, out=NAME, on, off, alpha";

FB_EXPORT int f0r_init(void) { return fb_guard_on(NULL) == FB_OK; }
FB_EXPORT void f0r_deinit(void) { fb_guard_off(); }

FB_EXPORT void f0r_get_plugin_info(f0r_plugin_info_t *info) {
  *info = (f0r_plugin_info_t){
      .name = "framebridge_trip",
      .author = "framebridge",
      .plugin_type = F0R_PLUGIN_TYPE_FILTER,
      .color_model = F0R_COLOR_MODEL_RGBA8888,
      .frei0r_version = FREI0R_MAJOR_VERSION,
      .major_version = 1,
      .num_params = FBP_PARAMETERS,
      .explanation = "offers each frame to another process, whose annotated one takes its place",
  };
}

FB_EXPORT void f0r_get_param_info(f0r_param_info_t *info, int index) { fbp_describe(info, index, "segment", usage); }

FB_EXPORT f0r_instance_t f0r_construct(unsigned int width, unsigned int height) {
  trip *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->voice.plugin = "framebridge_trip";
  t->host = fbp_host_of(__builtin_return_address(0), width);
  t->width = width;
  t->height = height;
  t->deadline_ns = 15 * ms;  // a little less than a frame lasts at 60 a second: a live graph keeps its pace
  return t;
}

// part leaves the partner.
static void part(trip *t) {
  fb_close(t->partner);  // lets its picture go, too
  t->partner = NULL;
  memset(&t->answer, 0, sizeof t->answer);
  t->told_late = 0;
  pace_forget(&t->pace);
}

static void set_option(trip *t, const char *text) {
  const char *v;
  int on, good = 1;
  if (fbp_option(text, "deadline", &v)) {
    good = fbp_duration(v, LONGEST_S, &t->deadline_ns);
  } else if (fbp_option(text, "late", &v)) {
    good = !strcmp(v, "last") || !strcmp(v, "original");
    if (good) t->last = !strcmp(v, "last");
  } else if (fbp_option(text, "await", &v)) {
    good = fbp_duration(v, LONGEST_AWAIT_S, &t->await_ns);
  } else if (fbp_option(text, "out", &v)) {
    if (strcmp(v, t->out)) part(t);
    snprintf(t->out, sizeof t->out, "%s", v);
  } else if (fbp_option(text, "on", &v)) {
    if ((good = fbp_switch(v, &on))) t->off = !on;
  } else if (fbp_option(text, "off", &v)) {
    if ((good = fbp_switch(v, &on))) t->off = on;
  } else if (fbp_option(text, "alpha", &v)) {
    good = fbp_switch(v, &t->alpha);
  } else {
    good = 0;
  }
  if (!good) fbp_say(&t->voice, "option \"%s\" is none, or out of range, and has no effect: %s", text, usage);
}

FB_EXPORT void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  trip *t = instance;
  const char *text = *(char **)value;
  if (!text || !*text) return;
  if (index) {
    set_option(t, text);
  } else if (strcmp(text, t->name)) {
    snprintf(t->name, sizeof t->name, "%s", text);  // one that is too long is cut to one that is not allowed
    t->stuck = 0;
    t->retry = 0;
  }
}

FB_EXPORT void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  trip *t = instance;
  *(char **)value = index ? "" : t->name;
}

// ---- what is offered ----

static void fail(trip *t, const fb_error *e) {
  if (t->writer) fb_destroy(t->writer);  // without an end: the next one goes on with the numbers
  t->writer = NULL;
  part(t);
  t->stuck = e->code == FB_NAME || e->code == FB_INVALID;
  t->retry = fbp_now() + RETRY_MS * ms;
  fbp_say(&t->voice, "%s; the original goes on", e->text);
}

// end_segment ends the segment in order. What the partner says from then on is about another one.
static void end_segment(trip *t) {
  fbp_finish(t->writer, 0);
  t->writer = NULL;
  part(t);
}

// is_there sees, now and then, whether the segment still has its name. Somebody may have removed it, and nobody finds
// it then.
static int is_there(trip *t) {
  int64_t now = fbp_now();
  if (now - t->looked < RETRY_MS * ms) return 1;
  t->looked = now;
  if (fb_i_place_named(&t->writer->place, t->writer->map)) return 1;
  fbp_say(&t->voice, "%s: somebody removed it; it is made again", t->opened);
  return 0;
}

// open_segment sees to it that there is a writer.
static int open_segment(trip *t) {
  if (t->writer && (strcmp(t->name, t->opened) || !is_there(t))) end_segment(t);
  if (t->writer) return 1;
  if (t->stuck || fbp_now() < t->retry) return 0;
  fb_error e;
  fb_format format;
  memset(&format, 0, sizeof format);
  format.pixels = FB_RGBA;
  format.width = t->width;
  format.height = t->height;
  format.alpha = t->alpha ? FB_ALPHA_STRAIGHT : FB_ALPHA_NONE;
  if ((t->writer = fbp_unpark(t->name, &t->retry, 0))) {
    if (fb_set_format(t->writer, 0, &format, &e) != FB_OK) return fail(t, &e), 0;
  } else {
    fb_writer_options o;
    memset(&o, 0, sizeof o);
    o.lossless = FB_LOSSLESS_REFUSE;  // who may be slow must not hold us back
    o.linger_ns = -1;
    o.time_base = (fb_ratio){1, FBP_TIME_BASE};
    o.live = 1;
    t->writer = fb_create(t->name, &format, &o, &e);
    if (!t->writer) return fail(t, &e), 0;
    t->first = t->pace.offered == 0;
  }
  memcpy(t->opened, t->name, sizeof t->opened);
  memcpy(t->generation, fb_writer_generation(t->writer), sizeof t->generation);
  t->base = fb_next_number(t->writer) - t->pace.offered;
  t->begun = fbp_now();
  if (t->retry) fbp_say(&t->voice, "%s: frames are offered now", t->name);
  t->retry = 0;
  return 1;
}

// picture is ffmpeg's memory of one. Who gets it only reads what ffmpeg only lends.
static fb_image picture(const trip *t, const uint32_t *pixels) {
  return (fb_image){
      .pixels = FB_RGBA,
      .width = t->width,
      .height = t->height,
      .data = {(uint8_t *)(uintptr_t)pixels},
      .stride = {t->host.stride},
  };
}

static int offer(trip *t, double time, const uint32_t *in) {
  fb_image image = picture(t, in);
  fb_stamp stamp = fb_stamp_new();
  fbp_pts(&t->host, time, &stamp.pts);
  fb_error e;
  if (fb_publish(t->writer, 0, &image, &stamp, &e) != FB_OK) return fail(t, &e), 0;
  pace_offer(&t->pace, fbp_now());
  return 1;
}

// ---- what comes back ----

static void lose(trip *t, const char *why) {
  fb_segment s;
  if (fb_describe(t->partner, &s, NULL) == FB_OK) memcpy(t->gone, s.generation, sizeof t->gone);
  fbp_say(&t->voice, "%s; the original goes on", why);
  part(t);
}

// meet looks for a partner, now and then. That one goes away, fb_next says.
static void meet(trip *t) {
  int64_t now = fbp_now();
  if (t->partner || now < t->look) return;
  t->look = now + LOOK_MS * ms;
  fb_segment s;
  fb_error e;
  char name[sizeof t->out];
  snprintf(name, sizeof name, t->out[0] ? "%s" : "%s.out", t->out[0] ? t->out : t->name);
  fb_reader_options o;
  memset(&o, 0, sizeof o);
  o.mode = FB_PINNED;
  o.label = "framebridge_trip";
  t->partner = fb_open(name, &o, &e);
  if (!t->partner) {
    if (e.code != FB_NOT_FOUND) fbp_say(&t->voice, "%s; the original goes on", e.text);
    return;
  }
  if (fb_describe(t->partner, &s, NULL) != FB_OK || !s.alive || s.state > FB_STATE_DRAINING ||
      !memcmp(s.generation, t->gone, sizeof t->gone)) {
    part(t);
    return;
  }
  t->seen = now;
  fbp_say(&t->voice, "%s: annotated by %s", t->name, name);
}

// suits says whether a picture of the partner's is an answer to a frame of ours, and to which.
static int suits(trip *t, const fb_frame *f, uint64_t *frame) {
  *frame = f->reference.number - t->base + 1;
  if (!f->reference.set) {
    fbp_say(&t->voice, "the partner's pictures do not say which frame they were made from (reference); the original "
                       "goes on");
  } else if (memcmp(f->reference.generation, t->generation, sizeof t->generation) || *frame > t->pace.offered ||
             *frame == 0) {
    if (f->published_mono_ns > t->begun)
      fbp_say(&t->voice, "the partner speaks of frames that are not ours; the original goes on");
  } else if (f->format.pixels != FB_RGBA || f->format.width != t->width || f->format.height != t->height) {
    const char *pixels = fb_pixels_name(f->format.pixels);
    fbp_say(&t->voice, "the partner gives %s of %ux%u, and rgba of %ux%u is needed; the original goes on",
            pixels ? pixels : "a picture", f->format.width, f->format.height, t->width, t->height);
  } else {
    return 1;
  }
  return 0;
}

// take takes what the partner has published last, waiting until a time for it. 0: nothing new.
static int take(trip *t, int64_t until) {
  fb_frame f;
  fb_error e;
  int64_t left = until - fbp_now();
  fb_status s = fb_next(t->partner, left > 0 ? left : 0, &f, &e);
  if (s == FB_TIMEOUT || s == FB_INTERRUPTED || s == FB_OVERRUN) return 0;
  if (s != FB_OK) return lose(t, e.text), 0;
  uint64_t frame;
  if (!suits(t, &f, &frame)) {
    fb_release(t->partner, &f, NULL);
    return 1;
  }
  int64_t now = fbp_now(), offered = pace_when(&t->pace, frame), at = f.published_mono_ns;
  if (at < offered || at > now) at = now;  // a clock that is not ours
  t->seen = now;
  t->counts.answers++;
  t->counts.answered_ns += at - offered;
  pace_answer(&t->pace, frame, at, f.missed);
  fb_release(t->partner, &t->answer, NULL);
  t->answer = f;
  t->answer_to = frame;
  if (at - offered > t->deadline_ns && !t->told_late) {
    fbp_say(&t->voice, "%s: an answer took %.0f ms, and the deadline is %.0f ms: late ones are counted", t->name,
            (double)(at - offered) / 1e6, (double)t->deadline_ns / 1e6);
    t->told_late = 1;
  }
  return 1;
}

// await gives the first partner time to come, and to answer the first frame. How long that took says nothing of the
// frames to come.
static void await(trip *t) {
  int64_t start = fbp_now();
  for (int64_t now = start; now - start < t->await_ns && t->answer_to != t->pace.offered; now = fbp_now()) {
    if (now - start > 1000 * ms) fbp_say(&t->voice, "%s: waiting for a partner", t->name);
    t->look = 0;
    meet(t);
    if (t->partner) take(t, now + 10 * ms);
    else nanosleep(&(struct timespec){.tv_nsec = 2 * ms}, NULL);
  }
  pace_forget(&t->pace);
  t->told_late = 0;
}

// wait_for_answer waits for the answer to the frame just offered, where that makes sense.
static void wait_for_answer(trip *t) {
  uint64_t frame = t->pace.offered;
  int64_t start = pace_when(&t->pace, frame), until = start + t->deadline_ns;
  if (!pace_waits(&t->pace, t->deadline_ns)) return;
  while (t->partner && t->answer_to != frame && fbp_now() < until) take(t, until);
  int64_t waited = fbp_now() - start;
  int vain = t->answer_to != frame;
  t->counts.waits++;
  t->counts.waited_ns += waited;
  t->counts.vain += (unsigned)vain;
  t->counts.vain_ns += vain ? waited : 0;
  if (t->partner) pace_waited(&t->pace, vain);
}

// put copies the partner's picture to where the frame goes on. 0: there is none for it, or it was overwritten
// meanwhile.
static int put(trip *t, uint32_t *out) {
  if (!t->partner || !t->answer.data) return 0;
  int mine = t->answer_to == t->pace.offered;
  if (!mine && (!t->last || fbp_now() - t->seen > LAST_MS * ms)) return 0;
  fb_image image = picture(t, out);
  if (fb_copy(&t->answer, &image, NULL) != FB_OK || !fb_valid(&t->answer)) return 0;
  t->counts.annotated += (unsigned)mine;
  t->counts.last += (unsigned)!mine;
  return 1;
}

FB_EXPORT void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out) {
  trip *t = instance;
  int offered = 0;
  t->counts.frames++;
  if (!t->off && !t->name[0]) fbp_say(&t->voice, "no segment is named: frei0r=framebridge_trip:NAME");
  if (!t->off && t->name[0] && open_segment(t)) {
    meet(t);
    if (t->partner) take(t, 0);  // what came since the last frame
    offered = offer(t, time, in);
    if (offered && t->first && t->await_ns) await(t);
    else if (offered && t->partner) wait_for_answer(t);
    if (offered) t->first = 0;
  }
  if (offered && put(t, out)) return;
  t->counts.original++;
  fbp_copy(out, t->host.stride, in, t->host.stride, 4 * (size_t)t->width, t->height);
}

static void tell(trip *t) {
  const trip_counts *c = &t->counts;
  double each = c->answers ? (double)c->answered_ns / 1e6 / (double)c->answers : 0;
  if (c->frames)
    fbp_say(&t->voice,
            "%s: %llu frames: %llu annotated, %llu the last annotated, %llu the original; "
            "%llu answers in %.1f ms each; %llu waits, %.0f ms, %llu in vain, %.0f ms",
            t->name, c->frames, c->annotated, c->last, c->original, c->answers, each, c->waits,
            (double)c->waited_ns / 1e6, c->vain, (double)c->vain_ns / 1e6);
}

FB_EXPORT void f0r_destruct(f0r_instance_t instance) {
  trip *t = instance;
  tell(t);
  part(t);
  if (t->writer) fbp_park(t->opened, t->writer, 0, "", 0);
  free(t);
}
