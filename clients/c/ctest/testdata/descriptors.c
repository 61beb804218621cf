/* descriptors.c: a process that was started without descriptors 0 to 2 does not give these numbers to segments, and
 * hands nothing down to programs that it starts. "left" says that the descriptors of before are all there is. */
#include "check.h"

#include <dirent.h>

/* look checks every descriptor, and returns how many there are. */
static int look(void) {
  int n = 0;
  for (int fd = 0; fd < 1024; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    if (fd < 3 || !(flags & FD_CLOEXEC)) exit(10 + fd);
    n++;
  }
  return n;
}

static int64_t one(void *context, const uint8_t *old, uint64_t length, uint8_t *value, uint64_t room) {
  (void)context, (void)old, (void)length, (void)room;
  if (look() == 0) exit(5);
  *value = 1;
  return 1;
}

int main(void) {
  for (int fd = 0; fd < 1024; fd++) close(fd);
  fb_format small = picture(FB_GRAY8, 4, 4), large = picture(FB_GRAY8, 400, 400);
  fb_writer_options o = writer_options();
  fb_writer *w = fb_create("s", &small, &o, &e);
  if (!w || look() == 0) return 2;
  fb_reader *readers[3];
  for (int mode = 0; mode < 3; mode++) {
    fb_reader_options ro = reader_options((fb_mode)mode);
    readers[mode] = fb_open("s", &ro, &e);
    if (!readers[mode] || look() == 0) return 3;
  }
  for (int i = 0; i < 2; i++) {
    publish(w, NULL);
    for (int mode = 0; mode < 3; mode++) {
      fb_frame f;
      if (fb_next(readers[mode], 10 * second, &f, &e) != FB_OK || fb_release(readers[mode], &f, &e) != FB_OK) return 4;
      look();
    }
    if (fb_set_format(w, 10 * second, &large, &e) != FB_OK) return 6;
    look();
  }
  if (fb_update("v", NULL, 0, one, NULL, NULL, &e) != FB_OK) return 7;
  for (int mode = 0; mode < 3; mode++) fb_close(readers[mode]);
  fb_end(w, -1, NULL);
  fb_destroy(w);
  return look() == 0 ? 0 : 8; /* nothing is left open */
}
