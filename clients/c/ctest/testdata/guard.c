/* guard.c: a segment whose file is cut off under its readers and its writer. "guarded NAME MODE" lives and says so;
 * "unguarded" dies of SIGBUS, as a process does that was not asked to take the signal. */
#include "check.h"

#include <setjmp.h>

static sigjmp_buf elsewhere;
static volatile sig_atomic_t strange;

/* on_fault is the handler that was there before the guard. */
static void on_fault(int number) {
  (void)number;
  strange = strange + 1;
  siglongjmp(elsewhere, 1);
}

static void cut(const char *name) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", getenv("FRAMEBRIDGE_DIR"), name);
  CHECK(!truncate(path, 0));
}

/* A fault that is none of ours. */
static void fault(void) {
  int fd = open(getenv("FRAMEBRIDGE_DIR"), O_RDWR | 020000000 | O_DIRECTORY, 0600);
  volatile char *p = (volatile char *)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  CHECK(p != MAP_FAILED);
  close(fd);
  if (!sigsetjmp(elsewhere, 1)) (void)*p;
  munmap((void *)p, 4096);
}

int main(int count, char **args) {
  bool guarded = count > 1 && !strcmp(args[1], "guarded");
  struct sigaction before, now;
  memset(&before, 0, sizeof before);
  before.sa_handler = guarded ? on_fault : SIG_DFL;
  sigaction(SIGBUS, &before, NULL);
  if (guarded) CHECK(fb_guard_on(&e) == FB_OK && fb_guard_on(&e) == FB_OK);

  fb_format format = picture(FB_RGBA, 640, 360); /* some hundred pages */
  fb_writer_options o = writer_options();
  fb_writer *w = fb_create("s", &format, &o, &e);
  CHECK(w);
  fb_reader *newest = open_reader("s", FB_NEWEST), *pinned = open_reader("s", FB_PINNED);
  fb_reader *lossless = open_reader("s", FB_LOSSLESS), *waiting = open_reader("s", FB_NEWEST);
  fb_frame f, a, b;
  fb_slot slot;
  uint64_t n;
  fb_segment segment;
  publish(w, NULL);
  CHECK(fb_next(newest, 0, &f, &e) == FB_OK && fb_next(pinned, 0, &a, &e) == FB_OK);
  CHECK(fb_next(lossless, 0, &b, &e) == FB_OK);
  CHECK(fb_begin(w, 0, &slot, &e) == FB_OK);
  cut("s");
  for (uint64_t i = 0, sum = 0; i < a.length; i++) {
    sum += a.data[i];
    CHECK(i || sum == 0);
  }
  CHECK(guarded); /* who is not does not come here */
  CHECK(!fb_valid(&a) && fb_release(pinned, &a, &e) == FB_DAMAGED && fb_release(lossless, &b, &e) == FB_DAMAGED);
  memset(slot.data, 7, slot.capacity);
  fb_commit(w, NULL, NULL); /* nobody sees it */
  CHECK(fb_begin(w, 0, &slot, &e) == FB_DAMAGED);
  CHECK(fb_next(newest, 0, &f, &e) == FB_DAMAGED && fb_next(pinned, -1, &f, &e) == FB_DAMAGED);
  CHECK(fb_next(lossless, -1, &f, &e) == FB_DAMAGED && fb_describe(waiting, &segment, &e) == FB_DAMAGED);
  CHECK(fb_wait(waiting, -1, &e) == FB_DAMAGED && fb_get(waiting, 0, NULL, &f, &e) == FB_DAMAGED);
  CHECK(strstr(e.text, "cut off") && fb_numbers(waiting, &n, 1) == 0);
  fault();
  CHECK(strange == 1);
  fb_close(newest);
  fb_close(pinned);
  fb_close(lossless);
  fb_close(waiting);
  fb_end(w, 0, NULL);
  fb_destroy(w);

  /* A control file that a reader cuts off: it loses its promises, the writer goes on. */
  w = fb_create("s", &format, &o, &e);
  CHECK(w);
  lossless = open_reader("s", FB_LOSSLESS);
  newest = open_reader("s", FB_NEWEST);
  CHECK(fb_describe(newest, &segment, &e) == FB_OK);
  char control[100];
  snprintf(control, sizeof control, ".s.%016llx", (unsigned long long)segment.control_id);
  cut(control);
  for (int i = 0; i < 9; i++) publish(w, NULL);
  CHECK(fb_next(newest, 0, &f, &e) == FB_OK && f.number == 8);
  CHECK(fb_next(lossless, -1, &f, &e) == FB_EVICTED);
  fb_close(lossless);
  fb_close(newest);
  fb_end(w, 0, NULL);
  fb_destroy(w);

  fb_guard_off();
  CHECK(!sigaction(SIGBUS, NULL, &now) && now.sa_handler != on_fault);
  fb_guard_off();
  CHECK(!sigaction(SIGBUS, NULL, &now) && now.sa_handler == on_fault);
  fault();
  CHECK(strange == 2);
  return 0;
}
