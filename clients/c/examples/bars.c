/* bars.c: publishes a segment of coloured bars that move one pixel a frame.
 *
 *     cc -std=c11 -O2 -pthread -I.. -o bars bars.c
 *     ./bars cam0                       640x360 at 25 frames a second, until Ctrl-C
 *     ./bars cam0 1920 1080 60 600      ten seconds of 1080p
 */
#include "framebridge.h"

static fb_writer *writer;

static void on_interrupt(int signal) {
  (void)signal;
  fb_writer_interrupt(writer);
}

static void draw(const fb_slot *slot, uint32_t width, uint32_t height) {
  static const uint8_t colors[8][3] = {{255, 255, 255}, {255, 255, 0}, {0, 255, 255}, {0, 255, 0},
                                       {255, 0, 255},   {255, 0, 0},   {0, 0, 255},   {0, 0, 0}};
  uint8_t *first = slot->plane[0].data;
  for (uint32_t x = 0; x < width; x++) {
    const uint8_t *c = colors[(x + slot->number) % width * 8 / width];
    memcpy(first + 4 * (size_t)x, c, 3);
    first[4 * (size_t)x + 3] = 255;
  }
  for (uint32_t y = 1; y < height; y++) memcpy(first + (size_t)y * slot->plane[0].stride, first, 4 * (size_t)width);
}

/* argument is the number at a place of the command line. */
static uint32_t argument(int count, char **args, int at, uint32_t fallback) {
  return at < count ? (uint32_t)strtoul(args[at], NULL, 10) : fallback;
}

int main(int count, char **args) {
  if (count < 2 || count > 6) {
    fprintf(stderr, "usage: bars SEGMENT [WIDTH [HEIGHT [FPS [FRAMES]]]]\n");
    return 2;
  }
  fb_error e;
  fb_format format;
  fb_writer_options options;
  memset(&format, 0, sizeof format);
  memset(&options, 0, sizeof options);
  uint32_t fps = argument(count, args, 4, 25), frames = argument(count, args, 5, 0);
  format.pixels = FB_RGBA;
  format.width = argument(count, args, 2, 640);
  format.height = argument(count, args, 3, 360);
  format.range = FB_RANGE_FULL;
  format.rate.num = (int32_t)fps;
  format.rate.den = 1;
  options.time_base.num = 1;
  options.time_base.den = (int32_t)fps;
  writer = fps ? fb_create(args[1], &format, &options, &e) : NULL;
  if (!writer) {
    fprintf(stderr, "bars: %s\n", fps ? e.text : "no frames a second");
    return fps ? 1 : 2;
  }
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  fb_status s = FB_OK;
  for (uint32_t i = 0; s == FB_OK && (!frames || i < frames); i++) {
    fb_slot slot;
    s = fb_begin(writer, -1, &slot, &e); /* waits while lossless readers are behind */
    if (s != FB_OK) break;
    draw(&slot, format.width, format.height);
    fb_stamp stamp = fb_stamp_new();
    stamp.pts = (int64_t)slot.number;
    stamp.duration = 1;
    s = fb_commit(writer, &stamp, &e);
    next.tv_nsec += 1000000000 / (long)fps;
    next.tv_sec += next.tv_nsec / 1000000000;
    next.tv_nsec %= 1000000000;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  if (s != FB_OK && s != FB_INTERRUPTED) fprintf(stderr, "bars: %s\n", e.text);
  fb_end(writer, -1, NULL); /* stays five seconds for who comes late; readers get the last frame, then the end */
  fb_destroy(writer);
  return s == FB_OK || s == FB_INTERRUPTED ? 0 : 1;
}
