// framebridge_lane: pixels between framebridge's own ffmpeg and a segment, copied once. Not for command lines of your own.
//
// framebridge starts an ffmpeg that has this filter at one end of its graph. Pixels are copied here, in ffmpeg's process, to or
// from the place in the segment that framebridge names. The two talk over a socket of their own, whose number is the filter's only
// parameter, in messages of 64 bytes:
//
//   fill (ffmpeg decodes):  "frame 7 is here, 640x360" ->  <- "put it there"  "7 is done" ->
//   draw (ffmpeg encodes):  <- "frame 7 is there" ; a blank frame whose first pixel says 7 is filled from it ; "7 is done" ->
//
// framebridge alone decides about slots, times and what is published. What goes wrong here is the status of "done". When nobody is
// at the other end of the socket any more, an ffmpeg that decodes ends as by SIGTERM: its frames go nowhere else.

#include "plugin.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

// The messages. Both ends are on one machine: native byte order. internal/lane has the other end; the version changes with any change.
enum { LANE_MAGIC = 0x4c424c66, LANE_VERSION = 1 };
enum { LANE_FILL = 1, LANE_DRAW = 2, LANE_DONE = 3 };                                           // what a message is
enum { LANE_OK = 0, LANE_FAULT = 1, LANE_NO_MEMORY = 2, LANE_WRONG_SIZE = 3, LANE_UNEXPECTED = 4 };  // how it went
enum { LANE_ALONE = 100 };  // nobody is there to tell

typedef struct {
  uint32_t magic, version;
  uint32_t kind, status;
  uint32_t frame;  // from 1, never 0
  uint32_t width, height;
  uint32_t map;      // which memory the place is in; 0 none. Its descriptor comes with the first message that names it
  uint64_t offset;   // of the place, in bytes
  uint64_t length;   // of the place, in bytes
  uint32_t stride;   // of the place, in bytes
  uint32_t reserved[3];
} lane_message;

_Static_assert(sizeof(lane_message) == 64, "a message has 64 bytes");

typedef struct {
  unsigned width, height;
  size_t stride;  // of ffmpeg's own pictures, in bytes
  int fd;     // the socket, -1 for none
  int draws;  // the place is read, not written
  uint32_t map;
  uint8_t *memory;
  size_t size;
} lane;

// A segment that somebody truncates is a fault in the middle of a copy. It must not look like a crash of ffmpeg.
static __thread sigjmp_buf *volatile guard;
static struct sigaction before;

static void on_fault(int signal, siginfo_t *info, void *context) {
  if (guard) siglongjmp(*guard, 1);
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else {
    sigaction(signal, &before, NULL);  // happens again, without us
  }
}

// The handler stays: the plug-in does (nodelete), and others may have put theirs before it since.
FB_EXPORT int f0r_init(void) {
  static int guarded;
  if (guarded) return 1;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  guarded = sigaction(SIGBUS, &action, &before) == 0;
  return guarded ? 1 : -1;
}

FB_EXPORT void f0r_deinit(void) {}

FB_EXPORT void f0r_get_plugin_info(f0r_plugin_info_t *info) {
  info->name = "framebridge_lane";
  info->author = "framebridge";
  info->plugin_type = F0R_PLUGIN_TYPE_FILTER;
  // A copy does not care, but a model is one order or, packed, any but RGBA. framebridge, which starts this ffmpeg, says which.
  const char *order = getenv("FRAMEBRIDGE_LANE_ORDER");
  info->color_model = order && !strcmp(order, "bgra") ? F0R_COLOR_MODEL_BGRA8888 : F0R_COLOR_MODEL_RGBA8888;
  info->frei0r_version = FREI0R_MAJOR_VERSION;
  info->major_version = 1;
  info->minor_version = 0;
  info->num_params = 1;
  info->explanation = "copies frames between framebridge's own ffmpeg and a segment";
}

FB_EXPORT void f0r_get_param_info(f0r_param_info_t *info, int index) {
  (void)index;
  info->name = "socket";
  info->type = F0R_PARAM_STRING;
  info->explanation = "number of an inherited descriptor; with a minus in front frames are drawn, not filled";
}

FB_EXPORT f0r_instance_t f0r_construct(unsigned width, unsigned height) {
  lane *l = calloc(1, sizeof *l);
  if (l) {
    l->width = width;
    l->height = height;
    l->stride = fbp_host_of(__builtin_return_address(0), width).stride;
    l->fd = -1;
  }
  return l;
}

static void forget(lane *l) {
  if (l->memory) munmap(l->memory, l->size);
  l->memory = NULL;
  l->map = 0;
}

FB_EXPORT void f0r_destruct(f0r_instance_t instance) {
  // The socket is the process's: with another frame size comes another instance.
  forget(instance);
  free(instance);
}

FB_EXPORT void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  lane *l = instance;
  (void)index;
  long n = strtol(*(char **)value, NULL, 10);
  l->draws = n < 0;
  l->fd = (int)labs(n);
  if (l->fd <= STDERR_FILENO) l->fd = -1;
}

FB_EXPORT void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
  (void)instance, (void)index;
  *(char **)value = "";
}

// take receives one message, and maps the memory whose descriptor may come with it. The result is the status.
static int take(lane *l, lane_message *m) {
  union {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
  } control;
  struct iovec io = {m, sizeof *m};
  struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  ssize_t n;
  do n = recvmsg(l->fd, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  int fd = -1;
  for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL; c; c = CMSG_NXTHDR(&message, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd)) memcpy(&fd, CMSG_DATA(c), sizeof fd);
  int status = n <= 0 ? LANE_ALONE : n == (ssize_t)sizeof *m && m->magic == LANE_MAGIC && m->version == LANE_VERSION ? LANE_OK : LANE_UNEXPECTED;
  if (fd < 0) return status == LANE_OK && m->map != l->map ? LANE_NO_MEMORY : status;
  forget(l);
  struct stat st;
  if (status == LANE_OK && fstat(fd, &st) == 0 && st.st_size > 0) {
    l->size = (size_t)st.st_size;
    void *p = mmap(NULL, l->size, l->draws ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) l->memory = p, l->map = m->map;
  }
  close(fd);
  return status == LANE_OK && !l->memory ? LANE_NO_MEMORY : status;
}

static int give(const lane *l, const lane_message *m) {
  ssize_t n;
  do n = send(l->fd, m, sizeof *m, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t)sizeof *m;
}

// guarded runs something that touches the segment; 0 after a fault. The copy is a call of its own, whose variables no jump can spoil.
static int guarded(void (*run)(const void *), const void *what) {
  sigjmp_buf here;
  if (sigsetjmp(here, 0)) {
    guard = NULL;
    return 0;
  }
  guard = &here;
  run(what);
  guard = NULL;
  return 1;
}

typedef struct {
  void *to;
  const void *from;
  size_t to_stride, from_stride, line;
  unsigned lines;
} picture_copy;

static void run_copy(const void *what) {
  const picture_copy *c = what;
  fbp_copy(c->to, c->to_stride, c->from, c->from_stride, c->line, c->lines);
}

// copy copies a picture. The result is the status.
static int copy(const lane *l, void *to, size_t to_stride, const void *from, size_t from_stride) {
  picture_copy c = {to, from, to_stride, from_stride, 4 * (size_t)l->width, l->height};
  return guarded(run_copy, &c) ? LANE_OK : LANE_FAULT;
}

// place checks where a message points to: inside the memory, and large enough.
static uint8_t *place(const lane *l, const lane_message *m) {
  uint64_t line = 4 * (uint64_t)l->width;
  if (m->width != l->width || m->height != l->height || m->stride < line || m->offset > l->size || m->length > l->size - m->offset) return NULL;
  if ((l->height - 1) * (uint64_t)m->stride + line > m->length) return NULL;
  return l->memory + m->offset;
}

FB_EXPORT void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out) {
  lane *l = instance;
  (void)time;              // is not to be relied on
  static uint32_t frames;  // of the process, which has one lane
  lane_message m = {.magic = LANE_MAGIC, .version = LANE_VERSION, .kind = LANE_FILL, .width = l->width, .height = l->height, .map = l->map};
  uint32_t kind = l->draws ? LANE_DRAW : LANE_FILL, frame = l->draws ? *in : ++frames;
  m.frame = frame;
  errno = 0;
  int status = l->draws || give(l, &m) ? take(l, &m) : LANE_ALONE;
  if (status == LANE_ALONE && !l->draws) {
    // Not where the descriptor is none of ours, in a command line that somebody has pasted.
    if (errno == 0 || errno == EPIPE || errno == ECONNRESET) kill(getpid(), SIGTERM);
    return;
  }
  uint8_t *p = NULL;
  if (status == LANE_OK && (m.kind != kind || m.frame != frame)) status = LANE_UNEXPECTED;
  if (status == LANE_OK && !(p = place(l, &m))) status = LANE_WRONG_SIZE;
  if (status == LANE_OK) status = l->draws ? copy(l, out, l->stride, p, m.stride) : copy(l, p, m.stride, in, l->stride);
  if (status != LANE_OK && l->draws) memset(out, 0, l->stride * l->height);  // what was there before is nobody's business
  m.kind = LANE_DONE, m.status = (uint32_t)status, m.frame = frame;
  m.magic = LANE_MAGIC, m.version = LANE_VERSION;
  give(l, &m);
}
