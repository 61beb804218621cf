/* check.h: what the C test programs share. Each is told its test by name, and says what is wrong where. */
#include "framebridge.h"

#define CHECK(is)                                                                                       \
  do {                                                                                                  \
    if (!(is)) {                                                                                        \
      fprintf(stderr, "%s:%d: not so: %s (last error %d: %s)\n", __FILE__, __LINE__, #is, e.code, e.text); \
      exit(1);                                                                                          \
    }                                                                                                   \
  } while (0)

static fb_error e;

/* second is 1 s: waits that must not pass have ten of them. */
static const int64_t second = 1000000000;

static fb_format picture(uint32_t pixels, uint32_t width, uint32_t height) {
  fb_format f;
  memset(&f, 0, sizeof f);
  f.pixels = pixels;
  f.width = width;
  f.height = height;
  return f;
}

static fb_writer_options writer_options(void) {
  fb_writer_options o;
  memset(&o, 0, sizeof o);
  o.linger_ns = -1;
  return o;
}

static fb_reader_options reader_options(fb_mode mode) {
  fb_reader_options o;
  memset(&o, 0, sizeof o);
  o.mode = mode;
  return o;
}

/* publish publishes a frame whose bytes are all its number. */
__attribute__((unused)) static uint64_t publish(fb_writer *w, const fb_stamp *stamp) {
  fb_slot slot;
  CHECK(fb_begin(w, 10 * second, &slot, &e) == FB_OK);
  memset(slot.data, (int)slot.number, slot.capacity);
  CHECK(fb_commit(w, stamp, &e) == FB_OK);
  return slot.number;
}

__attribute__((unused)) static fb_reader *open_reader(const char *name, fb_mode mode) {
  fb_reader_options o = reader_options(mode);
  fb_reader *r = fb_open(name, &o, &e);
  CHECK(r);
  return r;
}
