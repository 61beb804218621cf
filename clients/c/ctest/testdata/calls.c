/* calls.c: what each call of framebridge.h promises, in one process. */
#include "check.h"

static fb_writer *create(const char *name, fb_format f, const fb_writer_options *o) {
  fb_writer_options quick = writer_options();
  fb_writer *w = fb_create(name, &f, o ? o : &quick, &e);
  CHECK(w);
  return w;
}

static void end(fb_writer *w) {
  CHECK(fb_end(w, 10 * second, &e) == FB_OK);
  fb_destroy(w);
}

/* is_all: are these bytes all the low byte of a number? */
static bool is_all(const uint8_t *b, uint64_t size, uint64_t number) {
  for (uint64_t i = 0; i < size; i++)
    if (b[i] != (uint8_t)number) return false;
  return true;
}

static void newest(void) {
  fb_frame f;
  uint64_t n;
  fb_writer *w = create("s", picture(FB_RGBA, 5, 3), NULL);
  fb_reader *r = open_reader("s", FB_NEWEST);
  CHECK(!fb_newest(r, &n) && fb_wait(r, 0, &e) == FB_TIMEOUT && fb_next(r, 0, &f, &e) == FB_TIMEOUT);
  for (int i = 0; i < 3; i++) publish(w, NULL);
  CHECK(fb_newest(r, &n) && n == 2 && fb_wait(r, 0, &e) == FB_OK);
  CHECK(fb_next(r, 10 * second, &f, &e) == FB_OK && f.number == 2 && f.missed == 0 && is_all(f.data, 60, 2));
  CHECK(f.planes == 1 && f.plane[0].stride == 20 && f.plane[0].rows == 3 && f.pts == FB_NO_PTS && !f.reference.set);
  CHECK(f.time_base.num == 1 && f.time_base.den == 1000000000 && !memcmp(f.generation, fb_writer_generation(w), 16));
  CHECK(fb_wait(r, second / 100, &e) == FB_TIMEOUT && fb_valid(&f) && fb_release(r, &f, &e) == FB_OK);
  for (int i = 0; i < 3; i++) publish(w, NULL);
  CHECK(fb_next(r, 0, &f, &e) == FB_OK && f.number == 5 && f.missed == 2);
  end(w);
  CHECK(fb_next(r, -1, &f, &e) == FB_EOF && fb_wait(r, -1, &e) == FB_EOF);
  fb_close(r);
}

/* Straight into memory of the caller, with rows of the caller's. */
static void into(fb_mode mode) {
  uint8_t memory[3][32];
  fb_image image = {FB_RGBA, 5, 3, {memory[0], NULL, NULL, NULL}, {32, 0, 0, 0}, 0};
  fb_frame f;
  fb_writer *w = create("s", picture(FB_RGBA, 5, 3), NULL);
  fb_reader *r = open_reader("s", mode);
  fb_stamp stamp = fb_stamp_new();
  stamp.meta = "{}";
  stamp.meta_length = 2;
  stamp.pts = -7;
  publish(w, &stamp);
  memset(memory, 0xEE, sizeof memory);
  image.width = 6;
  CHECK(fb_next_into(r, 10 * second, &image, &f, &e) == FB_FORMAT && f.format.width == 5 && memory[0][0] == 0xEE);
  image.width = 5;
  CHECK(fb_next_into(r, 0, &image, &f, &e) == FB_OK && f.number == 0 && !f.data && !f.plane[0].data && f.missed == 0);
  CHECK(f.pts == -7 && f.meta_length == 2 && !memcmp(f.meta, "{}", 2));
  for (int y = 0; y < 3; y++) CHECK(is_all(memory[y], 20, 0) && is_all(memory[y] + 20, 12, 0xEE));
  CHECK(fb_release(r, &f, &e) == FB_OK);
  CHECK(fb_next_into(r, 0, &image, &f, &e) == FB_TIMEOUT);
  for (int i = 0; i < 9; i++) { /* more than there are slots: nothing is held */
    publish(w, NULL);
    CHECK(fb_next_into(r, 10 * second, &image, &f, &e) == FB_OK && f.missed == 0 && is_all(memory[2], 20, f.number));
  }
  end(w);
  CHECK(fb_next_into(r, -1, &image, &f, &e) == FB_EOF);
  fb_close(r);
}

/* Planes with strides on both sides. */
static void planes(void) {
  static const uint32_t formats[] = {FB_GRAY8, FB_YUV420P, FB_NV12, FB_RGB24, FB_BGRA};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    static uint8_t from[3][16 * 64], to[3][16 * 80];
    fb_format format = picture(formats[i], 15, 7);
    fb_image source = {formats[i], 15, 7, {from[0], from[1], from[2], NULL}, {64, 64, 64, 0}, 0};
    fb_image target = {formats[i], 15, 7, {to[0], to[1], to[2], NULL}, {80, 80, 80, 0}, 0};
    for (int p = 0; p < 3; p++)
      for (int at = 0; at < 16 * 64; at++) from[p][at] = (uint8_t)(17 * p + 7 * at + (int)i);
    for (int p = 0; p < 3; p++) format.stride[p] = i % 2 ? 96 : 0;
    fb_writer *w = create("s", format, NULL);
    fb_reader *r = open_reader("s", FB_PINNED);
    fb_frame f;
    CHECK(fb_publish(w, 0, &source, NULL, &e) == FB_OK);
    CHECK(fb_next(r, 10 * second, &f, &e) == FB_OK && f.length == fb_format_size(&format));
    memset(to, 0xEE, sizeof to);
    CHECK(fb_copy(&f, &target, &e) == FB_OK && fb_release(r, &f, &e) == FB_OK);
    for (uint32_t p = 0; p < f.planes; p++) {
      size_t bytes = p == 0 ? 15 * (format.pixels == FB_RGB24 ? 3 : format.pixels == FB_BGRA ? 4 : 1)
                            : format.pixels == FB_NV12 ? 16 : 8;
      size_t rows = p == 0 ? 7 : 4;
      for (size_t y = 0; y < rows; y++)
        CHECK(!memcmp(&to[p][80 * y], &from[p][64 * y], bytes) && to[p][80 * y + bytes] == 0xEE);
      CHECK(to[p][80 * rows] == 0xEE);
    }
    end(w);
    fb_close(r);
  }
}

static void data(void) {
  uint8_t memory[8] = {0};
  fb_image image = {FB_DATA, 0, 0, {memory, NULL, NULL, NULL}, {0, 0, 0, 0}, 4};
  fb_writer_options o = writer_options();
  o.capacity = 6;
  o.meta_capacity = 3;
  o.crc = true;
  fb_writer *w = create("s", picture(FB_DATA, 0, 0), &o);
  fb_reader *r = open_reader("s", FB_NEWEST);
  fb_stamp stamp = fb_stamp_new();
  fb_slot slot;
  fb_frame f;
  CHECK(fb_begin(w, 0, &slot, &e) == FB_OK && slot.capacity == 6 && slot.planes == 0);
  CHECK(fb_begin(w, 0, &slot, &e) == FB_INVALID);
  stamp.length = 7;
  CHECK(fb_commit(w, &stamp, &e) == FB_TOO_LARGE);
  stamp.meta_length = 4;
  stamp.length = 6;
  CHECK(fb_commit(w, &stamp, &e) == FB_TOO_LARGE);
  stamp.meta_length = 0;
  memcpy(slot.data, "frames", 6);
  stamp.flags = FB_FLAG_KEY | FB_FLAG_PLACEHOLDER;
  stamp.duration = 3;
  stamp.captured_mono_ns = 5;
  CHECK(fb_commit(w, &stamp, &e) == FB_OK && fb_commit(w, &stamp, &e) == FB_INVALID);
  CHECK(fb_next_into(r, 0, &image, &f, &e) == FB_TOO_LARGE && f.length == 6 && !memory[0]);
  image.size = 8;
  CHECK(fb_next_into(r, 0, &image, &f, &e) == FB_OK && !memcmp(memory, "frames\0", 8));
  CHECK(f.flags == (FB_FLAG_KEY | FB_FLAG_PLACEHOLDER | FB_FLAG_CRC) && f.crc == fb_crc(0, "frames", 6));
  CHECK(f.duration == 3 && f.captured_mono_ns == 5 && f.published_mono_ns > 5);
  image.size = 7;
  CHECK(fb_publish(w, 0, &image, NULL, &e) == FB_TOO_LARGE);
  CHECK(fb_grow(w, 0, 7, &e) == FB_OK && fb_capacity(w) == 7 && fb_publish(w, 0, &image, NULL, &e) == FB_OK);
  CHECK(fb_next(r, 10 * second, &f, &e) == FB_OK && f.number == 1 && f.length == 7 && f.missed == 0);
  end(w);
  fb_close(r);
}

static void sound(void) {
  fb_format format = picture(FB_DATA, 0, 0);
  fb_writer_options o = writer_options();
  o.kind = FB_KIND_AUDIO;
  format.audio_rate = 48000;
  format.audio_channels = 2;
  format.audio_format = FB_AUDIO_S16;
  format.audio_layout = 3;
  fb_writer *w = create("s", format, &o);
  fb_reader *r = open_reader("s", FB_NEWEST);
  fb_stamp stamp = fb_stamp_new();
  fb_segment s;
  fb_frame f;
  stamp.audio_samples = 4;
  stamp.length = 16;
  publish(w, &stamp);
  CHECK(fb_next(r, 0, &f, &e) == FB_OK && f.length == 16 && f.audio_samples == 4 && f.format.audio_rate == 48000);
  CHECK(f.format.audio_channels == 2 && f.format.audio_format == FB_AUDIO_S16 && f.format.audio_layout == 3);
  CHECK(fb_describe(r, &s, &e) == FB_OK && s.kind == FB_KIND_AUDIO && s.slots == 64 && s.alive);
  end(w);
  fb_close(r);
}

/* The round trip: frames that speak of frames. */
static void find(void) {
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), NULL);
  fb_reader *r = open_reader("s", FB_NEWEST);
  fb_reference of = {true, 10, {1, 2, 3, 4, 5, 6, 7, 8}, FB_NO_PTS};
  uint8_t memory[16];
  fb_image image = {FB_GRAY8, 4, 4, {memory, NULL, NULL, NULL}, {0, 0, 0, 0}, 0};
  fb_stamp stamp = fb_stamp_new();
  fb_frame f;
  CHECK(fb_find(r, 0, &of, &image, &f, &e) == FB_TIMEOUT);
  stamp.reference = of;
  stamp.reference.number = 9;
  publish(w, &stamp);
  CHECK(fb_find(r, second / 50, &of, &image, &f, &e) == FB_TIMEOUT);
  stamp.reference.number = 10;
  publish(w, &stamp);
  CHECK(fb_find(r, 10 * second, &of, &image, &f, &e) == FB_OK && f.number == 1 && is_all(memory, 16, 1));
  CHECK(f.reference.set && f.reference.number == 10 && f.missed == 0);
  stamp.reference.number = 11;
  publish(w, &stamp);
  CHECK(fb_find(r, 0, &of, &image, &f, &e) == FB_OK && f.number == 1);
  stamp.reference.generation[0] = 9; /* of another input: says nothing about this one */
  stamp.reference.number = 20;
  publish(w, &stamp);
  of.number = 12;
  CHECK(fb_find(r, 0, &of, &image, &f, &e) == FB_TIMEOUT);
  of.number = 20;
  memset(of.generation, 0, 8); /* of any */
  CHECK(fb_find(r, 0, &of, NULL, &f, &e) == FB_OK && f.number == 3 && is_all(f.data, 16, 3));
  of = stamp.reference;
  of.number = 12;
  CHECK(fb_find(r, -1, &of, &image, &f, &e) == FB_LOST);
  CHECK(fb_next(r, 0, &f, &e) == FB_TIMEOUT); /* the newest one was found already */
  publish(w, NULL);
  CHECK(fb_next(r, 0, &f, &e) == FB_OK && f.number == 4);
  end(w);
  of.number = 99;
  CHECK(fb_find(r, -1, &of, &image, &f, &e) == FB_EOF);
  fb_close(r);
}

/* What is still there, and what is not. */
static void history(void) {
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), NULL);
  fb_reader *r = open_reader("s", FB_NEWEST);
  uint64_t numbers[8];
  fb_frame f;
  CHECK(fb_numbers(r, numbers, 8) == 0 && fb_get(r, 0, NULL, &f, &e) == FB_LOST);
  for (int i = 0; i < 7; i++) publish(w, NULL);
  CHECK(fb_numbers(r, numbers, 8) == 4 && numbers[0] == 6 && numbers[3] == 3 && fb_numbers(r, numbers, 2) == 2);
  CHECK(fb_get(r, 4, NULL, &f, &e) == FB_OK && f.number == 4 && is_all(f.data, 16, 4));
  CHECK(fb_get(r, 2, NULL, &f, &e) == FB_LOST && fb_get(r, 7, NULL, &f, &e) == FB_LOST);
  CHECK(fb_next(r, 0, &f, &e) == FB_OK && f.number == 6);
  end(w);
  fb_close(r);
}

static void pinned(void) {
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), NULL);
  fb_reader *r = open_reader("s", FB_PINNED);
  fb_frame f[8];
  publish(w, NULL);
  CHECK(fb_next(r, 0, &f[0], &e) == FB_OK);
  for (int i = 0; i < 20; i++) publish(w, NULL); /* three other slots are enough to spare a pinned one */
  CHECK(fb_valid(&f[0]) && is_all(f[0].data, 16, 0) && fb_release(r, &f[0], &e) == FB_OK && !f[0].data);
  CHECK(fb_release(r, &f[0], &e) == FB_OK);
  for (int i = 0; i < 6; i++) {
    CHECK(fb_next(r, 0, &f[i], &e) == FB_OK);
    publish(w, NULL);
  }
  CHECK(fb_next(r, 0, &f[6], &e) == FB_INVALID);
  CHECK(!fb_valid(&f[0]) && fb_release(r, &f[0], &e) == FB_BROKEN); /* four slots: no room for six */
  CHECK(fb_valid(&f[5]) && fb_release(r, &f[5], &e) == FB_OK);
  CHECK(fb_next(r, 0, &f[6], &e) == FB_OK && f[6].number == 26);
  end(w);
  fb_close(r);
}

static void lossless(void) {
  fb_writer_options o = writer_options();
  fb_reader_options ro = reader_options(FB_LOSSLESS);
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), &o);
  ro.hold = 4;
  CHECK(!fb_open("s", &ro, &e) && e.code == FB_REFUSED);
  ro.hold = 1;
  fb_reader *r = fb_open("s", &ro, &e);
  fb_slot slot;
  fb_frame a, b, c;
  CHECK(r && fb_lossless_readers(w) == 1);
  for (int i = 0; i < 4; i++) publish(w, NULL);
  CHECK(fb_begin(w, second / 50, &slot, &e) == FB_TIMEOUT);
  CHECK(fb_next(r, 0, &a, &e) == FB_OK && a.number == 0 && fb_next(r, 0, &b, &e) == FB_OK && b.number == 1);
  CHECK(fb_begin(w, 0, &slot, &e) == FB_TIMEOUT && fb_valid(&a) && fb_valid(&b)); /* both are held */
  CHECK(fb_next(r, 0, &c, &e) == FB_OK && c.number == 2);                         /* lets the first one go */
  publish(w, NULL);
  CHECK(!fb_valid(&a) && fb_valid(&b) && fb_valid(&c) && fb_release(r, &a, &e) == FB_OK);
  CHECK(fb_release(r, &c, &e) == FB_OK); /* and all before it */
  publish(w, NULL);
  publish(w, NULL);
  CHECK(fb_release(r, &b, &e) == FB_OK);
  for (uint64_t n = 3; n < 7; n++)
    CHECK(fb_next(r, 0, &a, &e) == FB_OK && a.number == n && a.missed == 0 && is_all(a.data, 16, n));
  CHECK(fb_next(r, 0, &a, &e) == FB_TIMEOUT);
  fb_format wide = picture(FB_GRAY8, 500, 400); /* over the capacity: a move */
  CHECK(fb_set_format(w, 10 * second, &wide, &e) == FB_OK && fb_capacity(w) == 200000);
  publish(w, NULL);
  CHECK(fb_next(r, 10 * second, &b, &e) == FB_OK && b.number == 7 && b.format.width == 500 && b.missed == 0);
  CHECK(memcmp(a.generation, b.generation, 16) && is_all(b.data, 200000, 7));
  wide.width = 501;
  CHECK(fb_set_format(w, 10 * second, &wide, &e) == FB_OK);
  wide.width = 502;
  CHECK(fb_set_format(w, 0, &wide, &e) == FB_TIMEOUT); /* the reader has not come to the last one yet */
  publish(w, NULL);
  CHECK(fb_next(r, 10 * second, &a, &e) == FB_OK && a.number == 8 && a.format.width == 501);
  CHECK(fb_valid(&b) && is_all(b.data, 200000, 7)); /* of the generation before */
  CHECK(fb_release(r, &a, &e) == FB_OK);
  end(w);
  CHECK(fb_next(r, -1, &a, &e) == FB_EOF);
  fb_close(r);
}

static void evicted(void) {
  fb_writer_options o = writer_options();
  o.lossless = FB_LOSSLESS_EVICT;
  o.evict_ns = second / 100;
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), &o);
  fb_reader *r = open_reader("s", FB_LOSSLESS);
  fb_segment s;
  fb_frame f;
  publish(w, NULL);
  CHECK(fb_next(r, 0, &f, &e) == FB_OK);
  for (int i = 0; i < 10; i++) publish(w, NULL);
  CHECK(!fb_valid(&f) && fb_release(r, &f, &e) == FB_EVICTED && fb_next(r, -1, &f, &e) == FB_EVICTED);
  CHECK(fb_describe(r, &s, &e) == FB_OK && s.evicted == 1 && s.blocked_ns > 0 && fb_lossless_readers(w) == 0);
  fb_close(r);
  end(w);
  o.lossless = FB_LOSSLESS_REFUSE;
  w = create("s", picture(FB_GRAY8, 4, 4), &o);
  fb_reader_options ro = reader_options(FB_LOSSLESS);
  CHECK(!fb_open("s", &ro, &e) && e.code == FB_REFUSED && strstr(e.text, "s: "));
  end(w);
}

/* A writer that goes without an end, and the next one. */
static void death(void) {
  fb_reader_options ro = reader_options(FB_NEWEST);
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), NULL);
  ro.follow = true;
  fb_reader *r = open_reader("s", FB_NEWEST), *follower = fb_open("s", &ro, &e);
  fb_segment s;
  fb_slot slot;
  fb_frame f;
  CHECK(follower);
  for (int i = 0; i < 3; i++) publish(w, NULL);
  CHECK(fb_begin(w, 0, &slot, &e) == FB_OK && slot.number == 3);
  fb_abandon(w);
  CHECK(fb_begin(w, 0, &slot, &e) == FB_OK && slot.number == 3);
  fb_format one = picture(FB_GRAY8, 4, 4);
  CHECK(!fb_create("s", &one, NULL, &e) && e.code == FB_BUSY);
  fb_destroy(w);
  CHECK(fb_next(r, -1, &f, &e) == FB_OK && f.number == 2 && fb_next(r, -1, &f, &e) == FB_DIED);
  CHECK(fb_next(follower, -1, &f, &e) == FB_OK && fb_next(follower, second / 50, &f, &e) == FB_TIMEOUT);
  w = create("s", picture(FB_GRAY8, 4, 4), NULL);
  CHECK(fb_next_number(w) == 4); /* 3 was begun */
  CHECK(fb_next(r, -1, &f, &e) == FB_DIED);
  publish(w, NULL);
  CHECK(fb_next(follower, 10 * second, &f, &e) == FB_OK && f.number == 4 && f.missed == 1);
  CHECK(fb_describe(follower, &s, &e) == FB_OK && s.flags & 4);
  end(w);
  w = create("s", picture(FB_GRAY8, 4, 4), NULL);
  CHECK(fb_next_number(w) == 0);
  publish(w, NULL);
  CHECK(fb_next(follower, 10 * second, &f, &e) == FB_OK && f.number == 0 && f.missed == 0);
  end(w);
  fb_close(r);
  fb_close(follower);
}

static void source(void) {
  fb_counts add = {1, 2, 3, 4, 5, 6, 7};
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), NULL);
  fb_reader *r = open_reader("s", FB_NEWEST);
  fb_segment s;
  char longer[400];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  fb_set_source(w, FB_SOURCE_STALLED);
  fb_set_error(w, "no route to host");
  fb_count(w, &add);
  fb_count(w, &add);
  CHECK(fb_source_state(r) == FB_SOURCE_STALLED);
  CHECK(fb_describe(r, &s, &e) == FB_OK && !strcmp(s.error, "no route to host") && !strcmp(s.name, "s"));
  CHECK(s.restarts == 2 && s.stalls == 4 && s.drops[0] == 6 && s.drops[1] == 8 && s.drops[4] == 14 && !s.has_final);
  fb_set_error(w, longer);
  CHECK(fb_describe(r, &s, &e) == FB_OK && strlen(s.error) == 256);
  fb_set_error(w, NULL);
  fb_set_source(w, FB_SOURCE_FAILED);
  CHECK(fb_describe(r, &s, &e) == FB_OK && !*s.error);
  end(w);
  CHECK(fb_describe(r, &s, &e) == FB_OK && s.state == FB_STATE_ENDED && s.has_final && s.final == 0 && !s.alive);
  CHECK(s.source == FB_SOURCE_FAILED);
  fb_close(r);
}

/* What makes no sense is refused with a line that says why. */
static void nonsense(void) {
  fb_format none = picture(FB_RGBA, 0, 3), odd = picture(99, 3, 3), good = picture(FB_RGBA, 4, 4);
  fb_writer_options o = writer_options();
  fb_reader_options ro = reader_options(FB_NEWEST);
  CHECK(!fb_create("s", &none, &o, &e) && e.code == FB_INVALID);
  CHECK(!fb_create("s", &odd, &o, &e) && e.code == FB_INVALID);
  CHECK(!fb_create("S", &good, &o, &e) && e.code == FB_NAME);
  CHECK(!fb_create("fd:3,4", &good, &o, &e) && e.code == FB_NAME);
  o.slots = 1;
  CHECK(!fb_create("s", &good, &o, &e) && e.code == FB_INVALID && strstr(e.text, "Slots"));
  o.slots = 65535;
  o.capacity = (uint64_t)1 << 39;
  CHECK(!fb_create("s", &good, &o, &e) && e.code == FB_INVALID);
  o = writer_options();
  o.capacity = 10;
  CHECK(!fb_create("s", &good, &o, &e) && e.code == FB_TOO_LARGE);
  o = writer_options();
  o.kind = FB_KIND_DATA;
  CHECK(!fb_create("s", &good, &o, &e) && e.code == FB_INVALID);
  o = writer_options();
  o.dir = "/nowhere/at/all";
  CHECK(!fb_create("s", &good, &o, &e) && e.code == FB_NOT_FOUND && e.sys_errno == ENOENT);
  o = writer_options();
  o.fixed = true;
  fb_writer *w = create("s", good, &o);
  fb_format wide = picture(FB_RGBA, 5, 4), data_format = picture(FB_DATA, 0, 0), flat = good;
  flat.stride[0] = 15;
  CHECK(fb_set_format(w, 0, &wide, &e) == FB_TOO_LARGE && fb_set_format(w, 0, &data_format, &e) == FB_INVALID);
  CHECK(fb_set_format(w, 0, &flat, &e) == FB_INVALID && fb_set_format(w, 0, &good, &e) == FB_OK);
  CHECK(!fb_open("t", NULL, &e) && e.code == FB_NOT_FOUND && !fb_open(NULL, NULL, &e) && e.code == FB_NAME);
  CHECK(!fb_open("fd:3", NULL, &e) && e.code == FB_NAME && !fb_open("fd:980,981", NULL, &e) && e.code == FB_NOT_FOUND);
  ro.mode = (fb_mode)7;
  CHECK(!fb_open("s", &ro, &e) && e.code == FB_INVALID);
  ro.mode = FB_PINNED;
  ro.unregistered = true;
  CHECK(!fb_open("s", &ro, &e) && e.code == FB_INVALID && !fb_open("t", NULL, NULL));
  CHECK(fb_end(w, 0, &e) == FB_OK && fb_end(w, 0, &e) == FB_INVALID);
  fb_slot slot;
  CHECK(fb_begin(w, 0, &slot, &e) == FB_INVALID);
  fb_destroy(w);
  fb_destroy(NULL);
  fb_close(NULL);
  CHECK(fb_pixels_parse("nv12") == FB_NV12 && fb_pixels_parse("nv21") == -1 && !fb_pixels_name(8));
  CHECK(!strcmp(fb_status_text(FB_SYSTEM), "system") && !strcmp(fb_status_text((fb_status)99), "unknown"));
}

/* The cells of a segment, and a reader that finds none free. */
static void cells(void) {
  fb_writer_options o = writer_options();
  fb_reader_options ro = reader_options(FB_PINNED);
  fb_frame f;
  o.cells = 2;
  o.no_thread = true;
  fb_writer *w = create("s", picture(FB_GRAY8, 4, 4), &o);
  fb_reader *a = open_reader("s", FB_NEWEST), *b = open_reader("s", FB_PINNED), *c = open_reader("s", FB_NEWEST);
  CHECK(!fb_open("s", &ro, &e) && e.code == FB_BUSY && fb_readers(w) == 0);
  fb_tick(w);
  CHECK(fb_readers(w) == 2 && fb_lossless_readers(w) == 0);
  publish(w, NULL);
  CHECK(fb_next(c, 0, &f, &e) == FB_OK);
  fb_close(a);
  fb_close(b);
  fb_tick(w);
  CHECK(fb_readers(w) == 0);
  fb_close(c);
  end(w);
}

static int64_t append(void *context, const uint8_t *old, uint64_t length, uint8_t *value, uint64_t room) {
  const char *text = (const char *)context;
  CHECK(length + strlen(text) <= room);
  if (length) memcpy(value, old, length);
  memcpy(value + length, text, strlen(text));
  return *text == '!' ? -1 : (int64_t)(length + strlen(text));
}

static void update(void) {
  char first[] = "one", second_text[] = ",two", no[] = "!";
  uint64_t n;
  fb_frame f;
  CHECK(fb_update("v", NULL, 0, append, no, &n, &e) == FB_INVALID && !fb_open("v", NULL, &e) && e.code == FB_NOT_FOUND);
  CHECK(fb_update("v", NULL, 0, append, first, &n, &e) == FB_OK && n == 0);
  CHECK(fb_update("v", NULL, 0, append, second_text, &n, &e) == FB_OK && n == 1);
  CHECK(fb_update("v", NULL, 0, append, no, &n, &e) == FB_INVALID);
  fb_reader *r = open_reader("v", FB_NEWEST);
  CHECK(fb_next(r, 0, &f, &e) == FB_OK && f.length == 7 && !memcmp(f.data, "one,two", 7));
  CHECK(fb_next(r, 0, &f, &e) == FB_EOF);
  fb_close(r);
  fb_writer_options o = writer_options();
  o.keep = true;
  fb_writer *w = create("v", picture(FB_DATA, 0, 0), &o);
  CHECK(fb_next_number(w) == 2 && fb_update("v", NULL, second / 100, append, first, &n, &e) == FB_BUSY);
  end(w);
  CHECK(fb_update("v", NULL, 0, append, first, &n, &e) == FB_OK && n == 2);
  w = create("p", picture(FB_DATA, 0, 0), NULL);
  fb_destroy(w);
  CHECK(fb_update("p", NULL, 0, append, first, &n, &e) == FB_INVALID); /* frames are no value */
  end(create("p", picture(FB_DATA, 0, 0), NULL));
}

int main(int count, char **args) {
  const char *which = count > 1 ? args[1] : "";
#define RUN(name, call) if (!strcmp(which, name)) return call, 0
  RUN("newest", newest());
  RUN("into newest", into(FB_NEWEST));
  RUN("into pinned", into(FB_PINNED));
  RUN("into lossless", into(FB_LOSSLESS));
  RUN("planes", planes());
  RUN("data", data());
  RUN("sound", sound());
  RUN("find", find());
  RUN("history", history());
  RUN("pinned", pinned());
  RUN("lossless", lossless());
  RUN("evicted", evicted());
  RUN("death", death());
  RUN("source", source());
  RUN("nonsense", nonsense());
  RUN("cells", cells());
  RUN("update", update());
  fprintf(stderr, "no test %s\n", which);
  return 2;
}
