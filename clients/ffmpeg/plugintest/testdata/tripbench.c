// How long the round trip takes with a partner that answers at once, above the two copies that it makes.
//
//   tripbench PLUGIN WIDTH HEIGHT FRAMES INTERVAL_US
//
// The partner is a process of its own, which never touches a pixel. For each frame, this takes the time of f0r_update
// and, in turn with it, of two plain copies: to one of four buffers in turn, and from one of four. It prints, in µs:
// the median and the 99th of 100 of f0r_update, and the median of the copies.

#include "../../plugin.h"

#include "../../../c/framebridge.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void partner(unsigned width, unsigned height) {
  fb_error e;
  fb_reader_options ro = {.mode = FB_PINNED, .wait_ns = INT64_C(10000000000)};
  fb_writer_options wo = {.linger_ns = -1, .live = true};
  fb_format format = {.pixels = FB_RGBA, .width = width, .height = height};
  fb_writer *w = fb_create("bench.out", &format, &wo, &e);
  fb_reader *r = w ? fb_open("bench", &ro, &e) : NULL;
  fb_frame f;
  fb_status s = r ? FB_OK : e.code;
  while (r && (s = fb_next(r, -1, &f, &e)) == FB_OK) {
    fb_stamp stamp = fb_stamp_new();
    fb_slot slot;
    stamp.reference.set = true;
    stamp.reference.number = f.number;
    memcpy(stamp.reference.generation, f.generation, sizeof stamp.reference.generation);
    if ((s = fb_begin(w, -1, &slot, &e)) != FB_OK || (s = fb_commit(w, &stamp, &e)) != FB_OK) break;
    fb_release(r, &f, NULL);
  }
  if (s != FB_EOF) fprintf(stderr, "partner: %s\n", e.text);
  fb_close(r);
  if (w) fb_end(w, 0, NULL);
  fb_destroy(w);
  _exit(s == FB_EOF ? 0 : 1);
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double part(double *times, long count, double which) {
  qsort(times, (size_t)count, sizeof *times, by_size);
  return times[(long)((double)(count - 1) * which)];
}

static void *symbol(void *library, const char *name) {
  void *s = dlsym(library, name);
  if (!s) fprintf(stderr, "%s\n", dlerror()), exit(1);
  return s;
}

static uint8_t *memory(size_t size) {
  uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) exit(1);
  memset(p, 1, size);
  return p;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  unsigned width = (unsigned)atoi(argv[2]), height = (unsigned)atoi(argv[3]);
  long frames = atol(argv[4]), interval = atol(argv[5]);
  pid_t child = fork();
  if (child == 0) partner(width, height);

  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  int (*init)(void);
  f0r_instance_t (*construct)(unsigned, unsigned);
  void (*set)(f0r_instance_t, f0r_param_t, int), (*destruct)(f0r_instance_t);
  void (*update)(f0r_instance_t, double, const uint32_t *, uint32_t *);
  *(void **)&init = symbol(library, "f0r_init");
  *(void **)&construct = symbol(library, "f0r_construct");
  *(void **)&set = symbol(library, "f0r_set_param_value");
  *(void **)&destruct = symbol(library, "f0r_destruct");
  *(void **)&update = symbol(library, "f0r_update");
  init();
  f0r_instance_t trip = construct(width, height);
  const char *parameters[] = {"bench", "await=10", "deadline=1"};
  for (int i = 0; i < 3; i++) set(trip, &parameters[i], i);

  size_t size = 4 * (size_t)width * height;
  uint8_t *in = memory(size), *out = memory(size), *slots[4], *answers[4];
  for (int i = 0; i < 4; i++) slots[i] = memory(size), answers[i] = memory(size);
  double *trips = calloc((size_t)frames, sizeof *trips), *copies = calloc((size_t)frames, sizeof *copies);
  for (long n = -32; n < 2 * frames; n++) {
    in[0] = (uint8_t)n;
    out[0] = 255;
    int64_t start = fbp_now();
    if (n & 1) {
      fbp_copy(slots[n >> 1 & 3], 4 * (size_t)width, in, 4 * (size_t)width, 4 * (size_t)width, height);
      fbp_copy(out, 4 * (size_t)width, answers[n >> 1 & 3], 4 * (size_t)width, 4 * (size_t)width, height);
    } else {
      update(trip, 0, (uint32_t *)in, (uint32_t *)out);
    }
    if (n >= 0) (n & 1 ? copies : trips)[n / 2] = (double)(fbp_now() - start) / 1e3;
    if (interval) usleep((useconds_t)interval);
  }
  destruct(trip);
  double control = part(copies, frames, 0.5);
  printf("%.1f %.1f %.1f\n", part(trips, frames, 0.5), part(trips, frames, 0.99), control);
  fflush(stdout);
  int status = 1;
  // The segment is parked for a moment, so the partner ends only after that.
  waitpid(child, &status, 0);
  return status != 0;
}
