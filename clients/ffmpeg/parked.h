// A writer outlives its instance. ffmpeg makes a new filter graph when the picture changes its size: the plug-in sees an end, and a
// moment later a beginning, and cannot tell it from the real end. So at its end an instance parks its writer, which readers see as
// alive and idle. The next instance with the same segment takes it over, and frame numbers go on; after a moment without one, or
// when the process exits, the segment is ended in order. A process that is killed ends nothing, as ever.
#ifndef FRAMEBRIDGE_PARKED_H
#define FRAMEBRIDGE_PARKED_H

#include "plugin.h"

#include <pthread.h>

#include "../c/framebridge.h"

enum { FBP_PARKED_MS = 1000 };

typedef struct fbp_parked {
  struct fbp_parked *next;
  char name[72];       // of the segment
  fb_writer *writer;   // the parked one's
  int64_t linger_ns;   // for fb_end
  int64_t until;       // fbp_now
  size_t size;         // bytes of what belongs to the owner, which the next one gets back
  unsigned char own[];
} fbp_parked;

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  fbp_parked *first;
  pthread_t thread;
  int runs, started, leaving;  // the thread is at work; was started and not joined; the process exits
} fbp_lot = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static FBP_UNUSED void fbp_finish(fb_writer *writer, int64_t linger_ns) {
  fb_end(writer, linger_ns, NULL);
  fb_destroy(writer);
}

// fbp_attendant ends what was parked for too long, and leaves when there is nothing more.
static void *fbp_attendant(void *nothing) {
  pthread_mutex_lock(&fbp_lot.mutex);
  while (fbp_lot.first) {
    fbp_parked **at = &fbp_lot.first, *p;
    int64_t now = fbp_now();
    while ((p = *at) && p->until > now && !fbp_lot.leaving) at = &p->next;
    if (p) {
      *at = p->next;
      pthread_mutex_unlock(&fbp_lot.mutex);
      fbp_finish(p->writer, p->linger_ns);
      free(p);
      pthread_mutex_lock(&fbp_lot.mutex);
      continue;
    }
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 50 * 1000000;
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    pthread_cond_timedwait(&fbp_lot.changed, &fbp_lot.mutex, &t);
  }
  fbp_lot.runs = 0;
  pthread_mutex_unlock(&fbp_lot.mutex);
  return nothing;
}

// fbp_park takes a writer over, with `size` bytes that the next owner is to get back. Where it cannot, the segment ends at once.
static FBP_UNUSED void fbp_park(const char *name, fb_writer *writer, int64_t linger_ns, const void *own, size_t size) {
  fbp_parked *p = calloc(1, sizeof *p + size);
  if (p) {
    snprintf(p->name, sizeof p->name, "%s", name);
    p->writer = writer;
    p->linger_ns = linger_ns;
    p->until = fbp_now() + FBP_PARKED_MS * INT64_C(1000000);
    p->size = size;
    memcpy(p->own, own, size);
    pthread_mutex_lock(&fbp_lot.mutex);
    if (!fbp_lot.runs) {
      if (fbp_lot.started) pthread_join(fbp_lot.thread, NULL);
      fbp_lot.runs = fbp_lot.started = !fbp_lot.leaving && pthread_create(&fbp_lot.thread, NULL, fbp_attendant, NULL) == 0;
    }
    if (fbp_lot.runs) {
      p->next = fbp_lot.first;
      fbp_lot.first = p;
      p = NULL;
    }
    pthread_mutex_unlock(&fbp_lot.mutex);
    if (!p) return;
    free(p);
  }
  fbp_finish(writer, linger_ns);
}

// fbp_unpark gives the writer of that segment back, if it is parked, and what belonged to its owner; NULL otherwise.
static FBP_UNUSED fb_writer *fbp_unpark(const char *name, void *own, size_t size) {
  pthread_mutex_lock(&fbp_lot.mutex);
  fbp_parked **at = &fbp_lot.first, *p;
  while ((p = *at) && (strcmp(p->name, name) || p->size != size)) at = &p->next;
  if (p) *at = p->next;
  pthread_mutex_unlock(&fbp_lot.mutex);
  if (!p) return NULL;
  fb_writer *writer = p->writer;
  memcpy(own, p->own, size);
  free(p);
  return writer;
}

// The process exits: the plug-in stays loaded until then (it is linked with nodelete), so this runs once.
__attribute__((destructor)) static void fbp_leave(void) {
  pthread_mutex_lock(&fbp_lot.mutex);
  fbp_lot.leaving = 1;
  int started = fbp_lot.started;
  fbp_lot.started = 0;
  pthread_cond_signal(&fbp_lot.changed);
  pthread_mutex_unlock(&fbp_lot.mutex);
  if (started) pthread_join(fbp_lot.thread, NULL);
}

#endif
