/* luma.c: reads a segment and prints the mean brightness of each frame, from 0 to 255.
 *
 *     cc -std=c11 -O2 -pthread -I.. -o luma luma.c
 *     ./luma cam0              the newest frame each time: what comes too fast is skipped
 *     ./luma cam0 lossless     every frame: the writer waits
 */
#include "framebridge.h"

static fb_reader *reader;

static void on_interrupt(int signal) {
  (void)signal;
  fb_interrupt(reader);
}

/* luma is the mean of a picture's brightness; below 0 if it has none. */
static double luma(const fb_frame *f) {
  static const unsigned rgb[3] = {77, 150, 29}, bgr[3] = {29, 150, 77}; /* of 256: ITU-R BT.601 */
  const unsigned *weights = f->format.pixels == FB_BGRA || f->format.pixels == FB_BGR24 ? bgr : rgb;
  unsigned step = f->format.pixels == FB_RGBA || f->format.pixels == FB_BGRA ? 4 : 3;
  uint64_t sum = 0;
  if (f->format.pixels == FB_DATA || f->format.pixels > FB_NV12 || !f->format.width || !f->format.height) return -1;
  for (uint32_t y = 0; y < f->format.height; y++) {
    const uint8_t *p = f->plane[0].data + (size_t)y * f->plane[0].stride;
    for (uint32_t x = 0; x < f->format.width; x++) {
      if (f->format.pixels >= FB_GRAY8)
        sum += 256u * p[x]; /* gray, or the plane of Y */
      else
        sum += weights[0] * p[step * x] + weights[1] * p[step * x + 1] + weights[2] * p[step * x + 2];
    }
  }
  return (double)sum / 256 / f->format.width / f->format.height;
}

int main(int count, char **args) {
  if (count < 2 || count > 3) {
    fprintf(stderr, "usage: luma SEGMENT [lossless]\n");
    return 2;
  }
  fb_error e;
  fb_frame f;
  fb_reader_options options;
  memset(&options, 0, sizeof options);
  options.mode = count == 3 && !strcmp(args[2], "lossless") ? FB_LOSSLESS : FB_PINNED;
  options.wait_ns = 10000000000; /* for the writer to begin */
  options.label = "luma";
  reader = fb_open(args[1], &options, &e);
  if (!reader) {
    fprintf(stderr, "luma: %s\n", e.text);
    return 1;
  }
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  fb_status s;
  while ((s = fb_next(reader, -1, &f, &e)) == FB_OK || s == FB_OVERRUN) {
    if (s == FB_OVERRUN) continue;
    double mean = luma(&f);
    uint64_t number = f.number, missed = f.missed;
    s = fb_release(reader, &f, &e); /* only this says that the picture was whole all the time */
    if (s == FB_BROKEN) continue;
    if (s != FB_OK) break;
    printf("%llu %.2f", (unsigned long long)number, mean);
    if (missed) printf(" missed %llu", (unsigned long long)missed);
    printf("\n");
    fflush(stdout);
  }
  fb_close(reader);
  if (s == FB_EOF || s == FB_INTERRUPTED) return 0;
  fprintf(stderr, "luma: %s\n", e.text);
  return 1;
}
