/* threads.c: a writer and readers in threads of one process. "together": two readers, and waits that another thread
 * ends. "torture": readers of a writer that waits for nobody and has hardly a slot to spare. */
#include "check.h"

enum { frames = 800 };

static void *read_newest(void *unused) {
  fb_reader *r = open_reader("s", FB_NEWEST);
  fb_error own;
  fb_frame f;
  fb_status s;
  uint64_t last = 0, got = 0;
  while ((s = fb_next(r, 10 * second, &f, &own)) == FB_OK || s == FB_OVERRUN) {
    if (s == FB_OVERRUN) continue;
    CHECK(!got++ || f.number == last + 1 + f.missed);
    for (uint64_t i = 0; i < f.length; i++) CHECK(f.data[i] == (uint8_t)f.number);
    last = f.number;
  }
  CHECK(s == FB_EOF && last == frames - 1);
  fb_close(r);
  return unused;
}

static void *read_lossless(void *reader) {
  fb_reader *r = (fb_reader *)reader;
  fb_error own;
  fb_frame f;
  for (uint64_t n = 0; n < frames; n++) {
    CHECK(fb_next(r, 10 * second, &f, &own) == FB_OK && f.number == n && f.missed == 0);
    for (uint64_t i = 0; i < f.length; i++) CHECK(f.data[i] == (uint8_t)n);
  }
  CHECK(fb_next(r, 10 * second, &f, &own) == FB_EOF);
  fb_close(r);
  return NULL;
}

static void *wait_for_frame(void *reader) {
  fb_frame f;
  CHECK(fb_next((fb_reader *)reader, -1, &f, &e) == FB_INTERRUPTED);
  CHECK(fb_next((fb_reader *)reader, -1, &f, &e) == FB_INTERRUPTED);
  return NULL;
}

static void *wait_for_readers(void *writer) {
  fb_slot slot;
  CHECK(fb_begin((fb_writer *)writer, -1, &slot, &e) == FB_INTERRUPTED);
  CHECK(fb_begin((fb_writer *)writer, -1, &slot, &e) == FB_INTERRUPTED);
  return NULL;
}

/* look reads in a mode as fast as it can. What it is told is whole must be. */
static void *look(void *mode) {
  fb_reader *r = open_reader("s", *(fb_mode *)mode);
  fb_error own;
  fb_frame f;
  fb_status s;
  while ((s = fb_next(r, 10 * second, &f, &own)) == FB_OK || s == FB_OVERRUN) {
    if (s == FB_OVERRUN) continue;
    bool alike = true;
    for (uint64_t i = 0; i < f.length; i += 64) alike = alike && f.data[i] == (uint8_t)f.number;
    s = fb_release(r, &f, &own);
    CHECK(s == FB_BROKEN || alike);
  }
  CHECK(s == FB_EOF);
  fb_close(r);
  return NULL;
}

static void torture(void) {
  fb_mode modes[3] = {FB_NEWEST, FB_PINNED, FB_PINNED};
  pthread_t threads[3];
  fb_format format = picture(FB_GRAY8, 1024, 512);
  fb_writer_options o = writer_options();
  o.slots = 2;
  fb_writer *w = fb_create("s", &format, &o, &e);
  CHECK(w);
  for (int i = 0; i < 3; i++) CHECK(!pthread_create(&threads[i], NULL, look, &modes[i]));
  while (fb_readers(w) < 3) usleep(1000);
  for (int i = 0; i < 20000; i++) publish(w, NULL);
  CHECK(fb_end(w, -1, &e) == FB_OK);
  fb_destroy(w);
  for (int i = 0; i < 3; i++) CHECK(!pthread_join(threads[i], NULL));
}

static void together(void) {
  fb_format format = picture(FB_GRAY8, 64, 64);
  fb_writer_options o = writer_options();
  fb_writer *w = fb_create("s", &format, &o, &e);
  CHECK(w);
  pthread_t one, two;
  fb_reader *lossless = open_reader("s", FB_LOSSLESS);
  CHECK(!pthread_create(&one, NULL, read_newest, NULL) && !pthread_create(&two, NULL, read_lossless, lossless));
  while (fb_readers(w) < 2) usleep(1000);
  for (int i = 0; i < frames; i++) {
    publish(w, NULL);
    if (i % 100 == 0) fb_set_error(w, "any thread may");
  }
  CHECK(fb_end(w, -1, &e) == FB_OK);
  fb_destroy(w);
  CHECK(!pthread_join(one, NULL) && !pthread_join(two, NULL));

  w = fb_create("s", &format, &o, &e);
  CHECK(w);
  lossless = open_reader("s", FB_LOSSLESS);
  CHECK(!pthread_create(&one, NULL, wait_for_frame, lossless));
  usleep(20000); /* so that it waits, mostly: early is right, too */
  fb_interrupt(lossless);
  CHECK(!pthread_join(one, NULL));
  fb_resume(lossless);
  for (int i = 0; i < 4; i++) publish(w, NULL);
  fb_frame f;
  CHECK(fb_next(lossless, -1, &f, &e) == FB_OK && f.number == 0);
  CHECK(!pthread_create(&one, NULL, wait_for_readers, w));
  usleep(20000);
  fb_writer_interrupt(w);
  CHECK(!pthread_join(one, NULL));
  fb_writer_resume(w);
  CHECK(fb_release(lossless, &f, &e) == FB_OK && publish(w, NULL) == 4);
  fb_close(lossless);
  CHECK(fb_end(w, -1, &e) == FB_OK);
  fb_destroy(w);
}

int main(int count, char **args) {
  if (count == 2 && !strcmp(args[1], "torture")) torture();
  else if (count == 2 && !strcmp(args[1], "together")) together();
  else return 2;
  return 0;
}
