/* framebridge.h: framebridge's segments from C and C++: read frames from shared memory, write them, end in order.
 *
 * One header; including it is all there is to do:
 *
 *     cc -std=c11 -pthread program.c            c++ -std=c++17 -pthread program.cpp
 *
 * Include it before other headers, or compile with -std=gnu11 or -D_DEFAULT_SOURCE: it needs Linux's declarations.
 * Linux on amd64 and arm64, gcc or clang. All functions are static, so each source file that includes it has a copy of
 * its own; readers and writers may be handed from one file to another.
 *
 *     fb_error e;
 *     fb_frame f;
 *     fb_reader *r = fb_open("cam0", NULL, &e);
 *     if (!r) { fprintf(stderr, "%s\n", e.text); return 1; }
 *     while (fb_next(r, -1, &f, &e) == FB_OK)
 *       printf("frame %llu, %u x %u\n", (unsigned long long)f.number, f.format.width, f.format.height);
 *     fb_close(r);
 *
 * Part 1 is what a program uses: errors, formats, reader, writer, values, guard. Part 2 is how it works; what lies at
 * which byte, and in what order things must happen, is said by framebuf/LAYOUT.md.
 *
 * Rules for all of it
 * - All times are in nanoseconds unless a time base is named. A timeout of 0 does not wait, a negative one has no
 *   limit.
 * - An options struct of all zeros, and a NULL in its place, means the defaults.
 * - `error` may be NULL. Where a function fails, it holds the code that is returned and one line that says what was
 *   wrong, where, and where possible what to do. It is not touched where a function succeeds.
 * - A reader, and a writer, is for one thread at a time; other threads may call what says so. Different readers and
 *   writers do not know of each other.
 * - Nothing here prints, exits, or takes a signal, but for fb_guard_on, which says so. No descriptor that is opened is
 *   0, 1 or 2, or survives an exec. Open after a fork, not before: a child must not use, nor close, readers and writers
 *   of its parent.
 */
#ifndef FRAMEBRIDGE_H
#define FRAMEBRIDGE_H

#if !defined(__linux__)
#error "framebridge: segments exist on Linux only"
#elif !defined(__LP64__) || !(defined(__x86_64__) || (defined(__aarch64__) && !defined(__AARCH64EB__)))
#error "framebridge: for amd64 and arm64 only: the order of loads and stores was never checked on others"
#elif !defined(__GNUC__)
#error "framebridge: needs gcc or clang"
#endif
#if !defined(_FEATURES_H) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#if defined(__GLIBC__) && !defined(__USE_MISC)
#error "framebridge: include framebridge.h before other headers, or compile with -std=gnu11 or -D_DEFAULT_SOURCE"
#endif

/* FB_FN is for functions of which a program may use few. */
#define FB_FN static inline __attribute__((unused))

/* ============================================ Part 1: what a program uses ============================================
 */

/* ---- errors ---- */

typedef enum fb_status {
  FB_OK = 0,
  FB_TIMEOUT,     /* nothing came within the time given; ask again */
  FB_EOF,         /* the writer ended in order, and there is nothing more */
  FB_DIED,        /* the writer died; what it had published was delivered before */
  FB_INTERRUPTED, /* fb_interrupt or fb_writer_interrupt was called */
  FB_NOT_FOUND,   /* no segment has the name */
  FB_BUSY,        /* another writer has the name */
  FB_NAME,        /* no segment may be called that */
  FB_UNTRUSTED,   /* the file or its folder belongs to, or may be changed by, somebody else; or is no regular file */
  FB_DAMAGED,     /* it is no segment, or it or a frame contradicts itself */
  FB_VERSION,     /* it needs what this header does not know */
  FB_REFUSED,     /* the writer takes no such reader */
  FB_EVICTED,     /* the writer stopped waiting for this lossless reader; the frame in hand is void */
  FB_BROKEN,      /* the writer needed the slot of a pinned frame; what was computed from it is void */
  FB_LOST,        /* a promised frame, or the one asked for, is not there any more and will not come */
  FB_OVERRUN,     /* the writer was faster than the copy, ten times; ask again */
  FB_FORMAT,      /* the frame has another pixel format or size than the memory given; frame.format says which */
  FB_TOO_LARGE,   /* more bytes than there is room for */
  FB_NO_SPACE,    /* no memory for a segment of this size in its folder */
  FB_INVALID,     /* the call makes no sense: the text says why */
  FB_SYSTEM       /* a system call failed: see sys_errno */
} fb_status;

/* fb_error belongs to the caller. */
typedef struct fb_error {
  fb_status code;
  int sys_errno;  /* of the system call that failed, else 0 */
  char text[256]; /* one line, without a line end */
} fb_error;

/* fb_status_text is a word or two for a code, such as "timeout"; never NULL. Any thread. */
FB_FN const char *fb_status_text(fb_status code);

/* ---- formats and frames ---- */

/* Pixel formats: fb_format.pixels. Others may come from a newer writer: their payload is bytes without planes that
 * anyone here knows. */
enum { FB_DATA = 0, FB_RGBA = 1, FB_BGRA = 2, FB_RGB24 = 3, FB_BGR24 = 4, FB_GRAY8 = 5, FB_YUV420P = 6, FB_NV12 = 7 };

enum { FB_KIND_VIDEO = 1, FB_KIND_AUDIO = 2, FB_KIND_DATA = 3 };
enum { FB_RANGE_UNKNOWN = 0, FB_RANGE_LIMITED = 1, FB_RANGE_FULL = 2 };
enum { FB_ALPHA_NONE = 0, FB_ALPHA_STRAIGHT = 1, FB_ALPHA_PREMULTIPLIED = 2 };
enum { FB_FIELDS_UNKNOWN = 0, FB_FIELDS_PROGRESSIVE = 1, FB_FIELDS_TOP_FIRST = 2, FB_FIELDS_BOTTOM_FIRST = 3 };
enum { FB_AUDIO_NONE = 0, FB_AUDIO_S16 = 1, FB_AUDIO_F32 = 2 };

/* fb_frame_flags of a frame. */
enum { FB_FLAG_KEY = 1, FB_FLAG_DISCONTINUITY = 2, FB_FLAG_CRC = 4, FB_FLAG_PLACEHOLDER = 8 };

/* State of a segment, and of what feeds it. */
enum { FB_STATE_LIVE = 1, FB_STATE_DRAINING = 2, FB_STATE_ENDED = 3, FB_STATE_MOVED = 4, FB_STATE_DEAD = 5 };
enum {
  FB_SOURCE_NONE = 0, FB_SOURCE_CONNECTING = 1, FB_SOURCE_LIVE = 2, FB_SOURCE_STALLED = 3, FB_SOURCE_RECONNECTING = 4,
  FB_SOURCE_FAILED = 5, FB_SOURCE_ENDED = 6
};

#define FB_NO_PTS INT64_MIN /* an unknown PTS */

typedef struct fb_ratio {
  int32_t num, den; /* den 0: unknown; aspect and rate: num 0 */
} fb_ratio;

/* fb_format is how frames look. All zeros but pixels, width and height is a good picture format. */
typedef struct fb_format {
  uint32_t pixels;        /* FB_RGBA … ; FB_DATA for data and sound */
  uint32_t width, height; /* pixels; 0 for data and sound */
  uint32_t stride[4];     /* to write: bytes from row to row of each plane, 0: packed; of frames read the planes say */
  uint8_t range;          /* FB_RANGE_… */
  uint8_t matrix;         /* 0 unknown, else the matrix coefficients of ISO/IEC 23091-2, plus 1 */
  uint8_t primaries;      /* of ISO/IEC 23091-2; 0 and 2 unknown */
  uint8_t transfer;       /* of ISO/IEC 23091-2; 0 and 2 unknown */
  uint8_t chroma;         /* 0 unknown, else the chroma sample location type of H.273, plus 1 */
  uint8_t alpha;          /* FB_ALPHA_… */
  uint8_t field_order;    /* FB_FIELDS_… */
  uint8_t reserved;
  uint32_t rotation;      /* degrees clockwise still to be applied */
  fb_ratio aspect;        /* of a sample; 0/1 unknown */
  fb_ratio rate;          /* nominal frames a second; 0/1 unknown */
  uint32_t crop_left, crop_top, crop_right, crop_bottom; /* pixels to cut */
  uint32_t audio_rate;     /* samples a second; sound only, as the next ones */
  uint16_t audio_channels;
  uint16_t audio_format;   /* FB_AUDIO_… */
  uint64_t audio_layout;   /* channel mask */
} fb_format;

/* fb_format_size is the bytes of a packed picture, or of one with the strides given; 0 if the format is none, or has a
 * side of 0 or above 32768, or is data. Any thread. */
FB_FN uint64_t fb_format_size(const fb_format *format);

/* fb_pixels_name is the name of a pixel format, such as "rgba"; NULL for an unknown one. fb_pixels_parse is the way
 * back, -1 for an unknown name. Any thread. */
FB_FN const char *fb_pixels_name(uint32_t pixels);
FB_FN int fb_pixels_parse(const char *name);

/* fb_crc is the CRC-32C of bytes, beginning with that of the bytes before them, or 0. Any thread. */
FB_FN uint32_t fb_crc(uint32_t before, const void *data, uint64_t size);

/* fb_reference names the frame of another segment that a frame speaks of: an annotated picture names the picture it was
 * made from. */
typedef struct fb_reference {
  bool set;
  uint64_t number;       /* of that frame */
  uint8_t generation[8]; /* the first 8 bytes of that frame's generation */
  int64_t pts;           /* of that frame, in units of its own time base; FB_NO_PTS */
} fb_reference;

/* fb_image is memory of the caller, with strides of the caller's: to copy a frame into, or to publish from. */
typedef struct fb_image {
  uint32_t pixels, width, height; /* as in fb_format */
  uint8_t *data[4];               /* first row of each plane; data[0] alone for FB_DATA */
  size_t stride[4];               /* bytes from row to row; 0: packed */
  uint64_t size;                  /* FB_DATA: bytes at data[0] */
} fb_image;

/* fb_plane is one plane of a frame. */
typedef struct fb_plane {
  const uint8_t *data; /* first row */
  uint32_t stride;     /* bytes from row to row */
  uint32_t rows;       /* at least as many as the picture has */
} fb_plane;

/* fb_frame is one frame that was read. Pointers lead into memory of the reader, or of the segment: see the modes. */
typedef struct fb_frame {
  uint64_t number;        /* from 0, consecutive within a generation */
  uint64_t missed;        /* frames between the one before and this one */
  uint8_t generation[16]; /* a frame's identity over restarts is generation and number */
  fb_format format;
  const uint8_t *data; /* the payload, NULL after fb_next_into and fb_find with memory of the caller */
  uint64_t length;     /* bytes of the payload */
  uint32_t planes;     /* in use */
  fb_plane plane[4];
  const uint8_t *meta; /* JSON by convention; no zero byte at its end; NULL if there is none */
  uint32_t meta_length;
  uint32_t flags; /* FB_FLAG_… */
  int64_t pts, duration; /* in units of the time base; FB_NO_PTS, 0 unknown */
  fb_ratio time_base;    /* one unit is num/den seconds; den 0 unknown */
  fb_reference reference;
  int64_t captured_mono_ns;  /* CLOCK_MONOTONIC: the frame came in; 0 unknown */
  int64_t captured_wall_ns;  /* CLOCK_REALTIME of the same instant */
  int64_t published_mono_ns; /* CLOCK_MONOTONIC */
  int32_t tai_offset_s;                       /* TAI - UTC; 0 unknown */
  uint32_t crc;                               /* CRC-32C of the payload, if FB_FLAG_CRC */
  uint64_t source_seq, timecode;
  uint32_t audio_samples; /* of one channel */
  uint32_t bits;          /* of a component */
  char fourcc[4];         /* V4L2's code, not terminated */
  struct { /* for this header alone */
    const uint64_t *sequence;
    uint64_t value;
    uint32_t id;
  } hold;
} fb_frame;

/* ---- reader ---- */

typedef enum fb_mode {
  /* fb_next copies the newest frame into memory of the reader, good until the next call with that reader. */
  FB_NEWEST = 0,
  /* fb_next gives the newest frame in place; the writer spares it while it can, and fb_release says if it did. At most
   * six are held. */
  FB_PINNED = 1,
  /* fb_next gives every frame in place, in order; the writer waits until it is let go, within its policy. */
  FB_LOSSLESS = 2
} fb_mode;

typedef struct fb_reader_options {
  const char *dir;    /* folder of the segments; NULL: $FRAMEBRIDGE_DIR, else /dev/shm/framebridge-<user id> */
  fb_mode mode;       /* default FB_NEWEST */
  int64_t wait_ns;    /* how long fb_open waits for the name to appear; default 0: not at all */
  int64_t answer_ns;  /* FB_LOSSLESS: how long fb_open waits for the writer; default 5 s, negative: while it lives */
  bool follow;        /* fb_next goes on with the next writer of the name, instead of FB_EOF and FB_DIED */
  uint32_t hold;      /* FB_LOSSLESS: frames kept while waiting for the next one; the writer needs hold + 1 slots */
  bool in_pipe;       /* frames may sit in a pipe: they stay for 1 s after this process died */
  bool unregistered;  /* FB_NEWEST: the writer does not learn of this reader */
  const char *label;  /* for people, 24 bytes at most; default none */
  const uid_t *trust; /* further users whose segments are read, besides the own one and root */
  size_t trust_count;
} fb_reader_options;

typedef struct fb_reader fb_reader;

/* fb_open opens a segment for reading. `name` is its name, or "fd:DATA,CONTROL" for a sealed one handed down by the
 * parent process. FB_PINNED and FB_LOSSLESS register with the writer, FB_NEWEST where it can; FB_LOSSLESS waits until
 * the writer has answered, which takes up to 100 ms.
 *
 * NULL with error->code: FB_NAME, FB_NOT_FOUND, FB_UNTRUSTED, FB_DAMAGED, FB_VERSION, FB_REFUSED, FB_BUSY (all cells
 * are taken), FB_TIMEOUT (the writer did not answer), FB_INVALID, FB_SYSTEM. Any thread. */
FB_FN fb_reader *fb_open(const char *name, const fb_reader_options *options, fb_error *error);

/* fb_next waits for a frame newer than the last one (FB_LOSSLESS: for the next one), and gives it. The first call gives
 * the newest frame that is there (FB_LOSSLESS: the first one promised).
 *
 * FB_LOSSLESS: at most `hold` frames stay held while the next one is waited for; fb_next and fb_wait let older ones
 * go. So without hold a frame is good until the next call, and whether it was whole is what that call says.
 *
 * FB_OK, FB_TIMEOUT, FB_INTERRUPTED, FB_OVERRUN: ask again. FB_EOF, FB_DIED: over, unless the option follow is set.
 * FB_EVICTED, FB_LOST: over for this reader. FB_DAMAGED, FB_SYSTEM. FB_INVALID: six pins are held already. */
FB_FN fb_status fb_next(fb_reader *reader, int64_t timeout_ns, fb_frame *frame, fb_error *error);

/* fb_next_into is fb_next, copied straight into the caller's memory: one copy in all modes, nothing to release.
 * frame->data and the planes are NULL; meta is in memory of the reader until the next call.
 *
 * Beyond fb_next: FB_FORMAT when the frame has another pixel format or size than `into`, and FB_TOO_LARGE when data
 * do not fit. Then the frame is not taken: frame tells its number, format and length, `into` is untouched, and the next
 * call gives the same frame or a newer one. After any other failure the memory of `into` may hold half a frame. */
FB_FN fb_status fb_next_into(fb_reader *reader, int64_t timeout_ns, const fb_image *into, fb_frame *frame,
                             fb_error *error);

/* fb_find waits for a frame whose reference is frame `of->number` of the generation `of->generation` (all zeros: of
 * any), and copies it: with `into` as fb_next_into does, without it as fb_next in mode FB_NEWEST. Frames that are still
 * in their slots are found too. So a program offers frame n in one segment, and finds in another what somebody made of
 * it.
 *
 * FB_LOST: none is there, and one for a later frame of that generation is: whoever writes went past n. FB_INVALID:
 * not for FB_LOSSLESS. The rest as fb_next_into; frame->missed is 0, and fb_next gives what is newer than the newest
 * found. */
FB_FN fb_status fb_find(fb_reader *reader, int64_t timeout_ns, const fb_reference *of, const fb_image *into,
                        fb_frame *frame, fb_error *error);

/* fb_wait waits until fb_next has something to give, without giving it. With a timeout of 0: is there anything newer?
 * FB_OK: there is (or was: it may be overwritten by then). FB_TIMEOUT, FB_INTERRUPTED, FB_EOF, FB_DIED, FB_EVICTED as
 * fb_next. */
FB_FN fb_status fb_wait(fb_reader *reader, int64_t timeout_ns, fb_error *error);

/* fb_newest is the number of the newest frame published in the generation that is open; false if there is none. One
 * load, no system call. */
FB_FN bool fb_newest(const fb_reader *reader, uint64_t *number);

/* fb_numbers fills in the numbers of the frames that are still there, newest first, at most `room`, and returns how
 * many. */
FB_FN size_t fb_numbers(fb_reader *reader, uint64_t *numbers, size_t room);

/* fb_get copies frame `number` of the generation that is open, if it is still there: FB_OK, FB_LOST, FB_DAMAGED,
 * FB_FORMAT, FB_TOO_LARGE. It waits for nothing, and changes nothing for fb_next. */
FB_FN fb_status fb_get(fb_reader *reader, uint64_t number, const fb_image *into, fb_frame *frame, fb_error *error);

/* fb_copy copies the pixels of a frame to memory of the caller: FB_OK, FB_FORMAT, FB_TOO_LARGE. In modes FB_PINNED and
 * FB_LOSSLESS the copy is whole only if fb_release says so afterwards. */
FB_FN fb_status fb_copy(const fb_frame *frame, const fb_image *into, fb_error *error);

/* fb_valid: are the pixels of a frame given in place still that frame's? Always true for copies. Any thread, until the
 * frame is let go. */
FB_FN bool fb_valid(const fb_frame *frame);

/* fb_release lets a frame go that fb_next gave in place, and says whether it was whole until now: FB_OK, FB_BROKEN
 * (FB_PINNED), FB_EVICTED (FB_LOSSLESS). Nothing computed from a frame may be trusted before. FB_LOSSLESS: frames are
 * let go in order; letting one go lets all before it go. A copy, and a frame that was released, are FB_OK. The pointers
 * of the frame are NULL afterwards. */
FB_FN fb_status fb_release(fb_reader *reader, fb_frame *frame, fb_error *error);

/* fb_interrupt ends the call of this reader that waits, within 100 ms, and all later calls that may wait at once, with
 * FB_INTERRUPTED, until fb_resume. Any thread, and a signal handler. */
FB_FN void fb_interrupt(fb_reader *reader);
FB_FN void fb_resume(fb_reader *reader);

/* fb_segment says what a segment's headers say. */
typedef struct fb_segment {
  char name[65];
  uint16_t major, minor;
  uint32_t must, kind, cells, slots, alignment, meta_capacity, flags, lossless, backing, writer_pid;
  uint64_t file_size, capacity, first_frame, control_id;
  uint8_t generation[16], previous[16];
  int64_t created_wall_ns, created_mono_ns;
  int32_t tai_offset_s;
  uint32_t state;  /* FB_STATE_… */
  uint32_t source; /* FB_SOURCE_… */
  bool alive;      /* somebody holds the writer's lock */
  bool has_final;  /* the next one is valid */
  uint64_t final;  /* n+1 of the last frame, 0: there was none */
  uint64_t published, abandoned, pins_broken, evicted, blocked_ns, drops[8], restarts, stalls;
  uint64_t heartbeat; /* +1 at each tick of the writer */
  char error[257];    /* the source's last error, terminated */
} fb_segment;

/* fb_describe fills in what is known of the generation that is open. FB_OK, FB_DAMAGED, FB_SYSTEM. */
FB_FN fb_status fb_describe(fb_reader *reader, fb_segment *segment, fb_error *error);

/* fb_source_state is FB_SOURCE_… of the generation that is open; one load. */
FB_FN uint32_t fb_source_state(const fb_reader *reader);

/* fb_close releases what is held, leaves, and frees the reader. Pointers of its frames are void. NULL is nothing. No
 * other thread may be in a call with this reader: fb_interrupt first, and join that thread. */
FB_FN void fb_close(fb_reader *reader);

/* ---- writer ---- */

typedef enum fb_policy {
  FB_LOSSLESS_WAIT = 0,  /* wait for lossless readers, as long as fb_begin may */
  FB_LOSSLESS_EVICT = 1, /* wait for each at most evict_ns, then go on without it */
  FB_LOSSLESS_REFUSE = 2 /* take none */
} fb_policy;

typedef struct fb_writer_options {
  const char *dir;        /* as in fb_reader_options; it is made if only its last element is missing */
  uint32_t kind;          /* FB_KIND_…; 0: video, or data where the format is FB_DATA */
  uint32_t slots;         /* 2 to 65535; default 4, of data 64 */
  uint64_t capacity;      /* bytes of a payload; default: those of the format, of data 16384 */
  uint32_t meta_capacity; /* bytes of meta, at most 1 MiB; default 1536 */
  uint32_t cells;         /* readers that can register, 1 to 1023; default 63 */
  fb_policy lossless;     /* default FB_LOSSLESS_WAIT */
  int64_t evict_ns;       /* default 5 s */
  int64_t linger_ns;      /* how long an ended segment stays for late readers; default 5 s, negative: not at all */
  fb_ratio time_base;     /* of all frames that do not say their own; default 1/1000000000 */
  bool live;              /* the source cannot wait */
  bool keep;              /* a kept segment: its end leaves it under its name, at once */
  bool crc;               /* store a CRC-32C of each payload; costs one more pass over it */
  bool no_thread;         /* no tick thread: readers are answered by fb_begin, fb_commit and fb_tick alone */
  bool fixed;             /* never move to a larger file: what does not fit is FB_TOO_LARGE */
  bool has_group;         /* share with a group: modes 0640 and 0660 instead of 0600 */
  gid_t group;
  const uid_t *trust;     /* further users to whom the folder may belong, besides the own one and root */
  size_t trust_count;
} fb_writer_options;

typedef struct fb_writer fb_writer;

/* fb_create makes a segment, under its name at once, and takes the name over from a writer that died: numbers go on.
 * Unless no_thread is set it starts one thread, with all signals blocked that can be, which answers readers, evicts,
 * and shows that the writer lives, also while nobody calls.
 *
 * NULL with error->code: FB_NAME, FB_BUSY (also while an ended one lingers), FB_UNTRUSTED, FB_DAMAGED and FB_VERSION
 * (what has the name is no segment), FB_NOT_FOUND (the folder), FB_NO_SPACE, FB_TOO_LARGE, FB_INVALID, FB_SYSTEM. Any
 * thread. */
FB_FN fb_writer *fb_create(const char *name, const fb_format *format, const fb_writer_options *options,
                           fb_error *error);

/* fb_slot is where the next frame is to be written. */
typedef struct fb_slot {
  uint64_t number;
  uint8_t generation[16];
  uint8_t *data;     /* capacity bytes, aligned to 4096 at least, and 64 bytes behind them that may be read */
  uint64_t capacity;
  uint32_t planes;   /* those of the format; 0 for data */
  struct { uint8_t *data; uint32_t stride, rows; } plane[4];
} fb_slot;

/* fb_begin claims a slot for the next frame. It waits only for lossless readers. While a slot is claimed its content is
 * what the last frame in it was, or anything.
 *
 * FB_OK, FB_TIMEOUT and FB_INTERRUPTED (lossless readers hold all slots: the frame may be dropped, or asked for
 * again), FB_INVALID (one is claimed already, the segment has ended, or all numbers are used), FB_DAMAGED (its file was
 * cut off). */
FB_FN fb_status fb_begin(fb_writer *writer, int64_t timeout_ns, fb_slot *slot, fb_error *error);

/* fb_stamp is what is known of a frame beside its pixels. fb_stamp_new gives one without anything: PTS unknown, the
 * rest zero. */
typedef struct fb_stamp {
  int64_t pts, duration;  /* in units of the time base; FB_NO_PTS, 0 unknown */
  fb_ratio time_base;     /* den 0: the writer's */
  uint64_t length;        /* bytes of data or sound; a picture's are those of its format */
  const void *meta;       /* copied; JSON by convention */
  uint32_t meta_length;
  uint32_t flags;         /* FB_FLAG_KEY, FB_FLAG_DISCONTINUITY, FB_FLAG_PLACEHOLDER */
  fb_reference reference;
  int64_t captured_mono_ns, captured_wall_ns; /* both 0: the time of fb_begin */
  uint64_t source_seq, timecode;
  uint32_t audio_samples;
} fb_stamp;
FB_FN fb_stamp fb_stamp_new(void);

/* fb_commit publishes the frame that fb_begin claimed. stamp may be NULL. FB_OK; FB_TOO_LARGE (length or meta above the
 * capacity) and FB_INVALID (nothing is claimed) publish nothing; after FB_TOO_LARGE the slot is still claimed. */
FB_FN fb_status fb_commit(fb_writer *writer, const fb_stamp *stamp, fb_error *error);

/* fb_abandon gives the claimed slot up: nothing is published and the number is used again. */
FB_FN void fb_abandon(fb_writer *writer);

/* fb_publish is fb_begin, a copy from memory of the caller, and fb_commit. `from` must have the format of the writer
 * (FB_FORMAT else); of FB_DATA, from->size bytes are published. */
FB_FN fb_status fb_publish(fb_writer *writer, int64_t timeout_ns, const fb_image *from, const fb_stamp *stamp,
                           fb_error *error);

/* fb_set_format changes how frames look from the next fb_begin on. What is larger than the capacity moves the segment
 * to a larger file: readers follow by themselves. A move waits until lossless readers have followed the last one.
 *
 * FB_OK, FB_TIMEOUT, FB_INTERRUPTED, FB_NO_SPACE, FB_TOO_LARGE (option fixed), FB_INVALID (no format; a slot is
 * claimed; ended), FB_SYSTEM. After a failure the old format and file go on. */
FB_FN fb_status fb_set_format(fb_writer *writer, int64_t timeout_ns, const fb_format *format, fb_error *error);

/* fb_grow moves the segment to a larger file, if its capacity is below `capacity`. Errors as fb_set_format. */
FB_FN fb_status fb_grow(fb_writer *writer, int64_t timeout_ns, uint64_t capacity, fb_error *error);

/* fb_set_source tells readers how the source is: FB_SOURCE_…. fb_set_error tells the last error of the source, in at
 * most 256 bytes (longer ones are cut; NULL: none): leave secrets out. fb_count adds to the source's counters. Any
 * thread, until fb_end. */
FB_FN void fb_set_source(fb_writer *writer, uint32_t source);
FB_FN void fb_set_error(fb_writer *writer, const char *text);
typedef struct fb_counts {
  uint64_t restarts, stalls;
  uint64_t other, late, corrupt, short_, merged; /* frames lost before the segment, by reason */
} fb_counts;
FB_FN void fb_count(fb_writer *writer, const fb_counts *add);

/* fb_readers is how many readers are registered now, fb_lossless_readers how many of them are lossless. Any thread. */
FB_FN unsigned fb_readers(fb_writer *writer);
FB_FN unsigned fb_lossless_readers(fb_writer *writer);

/* fb_capacity is the bytes of a payload now, fb_next_number the number of the next frame, fb_writer_generation the
 * generation now. */
FB_FN uint64_t fb_capacity(const fb_writer *writer);
FB_FN uint64_t fb_next_number(const fb_writer *writer);
FB_FN const uint8_t *fb_writer_generation(const fb_writer *writer);

/* fb_tick does what the tick thread does: only for no_thread, at least every 100 ms. */
FB_FN void fb_tick(fb_writer *writer);

/* fb_writer_interrupt ends the call of this writer that waits, within 100 ms, and all later calls that may wait at
 * once, with FB_INTERRUPTED, until fb_writer_resume; fb_end then ends the segment without lingering. Any thread, and a
 * signal handler. */
FB_FN void fb_writer_interrupt(fb_writer *writer);
FB_FN void fb_writer_resume(fb_writer *writer);

/* fb_end ends the segment in order: readers get what they have not had, then FB_EOF. It lingers as the options say, at
 * most as long as timeout_ns when that is not negative, and takes the name away. FB_OK, FB_INVALID (ended already). */
FB_FN fb_status fb_end(fb_writer *writer, int64_t timeout_ns, fb_error *error);

/* fb_destroy frees a writer. Without fb_end before, readers see a writer that died, and the next one takes the name
 * over with the numbers going on. NULL is nothing. No other thread may be in a call with this writer. */
FB_FN void fb_destroy(fb_writer *writer);

/* ---- values ---- */

/* fb_change makes the new value from the old one: `old` has old_length bytes (NULL, 0: there is none yet), the new one
 * goes to value, which has room for `room` bytes. It returns its length, or a negative number to leave the value as it
 * is. */
typedef int64_t (*fb_change)(void *context, const uint8_t *old, uint64_t old_length, uint8_t *value, uint64_t room);

/* fb_update replaces the value in a kept data segment of that name, so that whoever is killed, it is the old one or the
 * new one; it makes the segment if there is none. It waits at most timeout_ns for others who update. options: dir,
 * capacity, meta_capacity, cells, group, trust. number, if not NULL, is the frame's that holds the value. To read a
 * value: fb_open with unregistered, fb_next with a timeout of 0.
 *
 * FB_OK, FB_BUSY (others were at it all the time, or a writer has the name), FB_INVALID (change returned a
 * negative number), FB_TOO_LARGE, and the errors of fb_create. Any thread. */
FB_FN fb_status fb_update(const char *name, const fb_writer_options *options, int64_t timeout_ns, fb_change change,
                          void *context, uint64_t *number, fb_error *error);

/* ---- guard ---- */

/* A segment whose file is cut off under its readers raises SIGBUS where it is read: in functions of this header, and in
 * the caller's code where a frame is read in place. Only the owner of a file can do that. fb_guard_on takes SIGBUS for
 * the whole process: a fault in a segment's memory becomes zeros there, and the functions say FB_DAMAGED (fb_valid:
 * false, fb_release: FB_DAMAGED); any other fault goes to the handler that was there before. It is off by default: a
 * library does not take its host's signals unasked. fb_guard_off puts the old handler back, if nobody has taken the
 * signal since. Calls nest. Each source file that includes this header has a guard of its own, for what that file
 * opened. FB_OK, FB_SYSTEM. Any thread. */
FB_FN fb_status fb_guard_on(fb_error *error);
FB_FN void fb_guard_off(void);

/* ============================================== Part 2: how it works ============================================== */

/* Names that begin with fb_i_ are for this header alone: they may change at any time.
 * Section numbers are those of framebuf/LAYOUT.md.
 *
 * What is mapped is written by others while it is read. Words that order something are loaded and stored with
 * __atomic; everything else is copied once into private memory, checked there, and trusted only when a word that is
 * loaded after it says that it held. */

/* ---- layout (sections 3 to 8) ---- */

typedef struct fb_i_static { /* section 3, at offset 0 of the data file */
  char magic[8];
  uint16_t major, minor;
  uint32_t header_size, must, crc;
  uint64_t file_size;
  uint32_t dyn_offset, dyn_size, table_offset, table_record, cells, slot_table, slot_record, slots;
  uint64_t slots_offset, slot_stride, capacity;
  uint32_t alignment, tail, meta_capacity, kind;
  uint8_t generation[16], previous[16];
  uint64_t control_id, first_frame;
  int64_t created_wall, created_mono;
  uint32_t writer_pid, backing;
  int32_t tai_offset;
  uint32_t flags, lossless, reserved;
  char name[64];
} fb_i_static;

typedef struct fb_i_dynamic { /* section 4, at dyn_offset */
  uint32_t state;
  uint8_t gap0[124];
  uint64_t publish;
  uint8_t gap1[120];
  uint64_t back;
  uint8_t gap2[120];
  uint32_t event;
  uint8_t gap3[124];
  uint64_t heartbeat, last_frame;
  uint8_t gap4[112];
  uint64_t final;
  uint8_t next[16];
  uint8_t gap5[104];
  uint64_t published, abandoned, broken, evicted, blocked, drops[8];
  uint8_t gap6[24];
  uint32_t source, error_seq;
  uint64_t restarts, stalls;
  uint32_t error_length;
  uint8_t gap7[100];
  char error[256];
} fb_i_dynamic;

typedef struct fb_i_answer { /* section 5, at table_offset + k × table_record */
  uint64_t token;
  uint32_t state, reason;
  uint64_t first, evicted_at, broken, detail;
} fb_i_answer;

typedef struct fb_i_header { /* section 6, from offset 128 of a slot record on */
  uint64_t number, ref_frame;
  uint8_t ref_generation[8];
  int64_t ref_pts, pts, duration;
  int32_t time_base_num, time_base_den;
  int64_t capture_mono, capture_wall, publish_mono;
  int32_t tai_offset;
  uint32_t clock_flags;
  uint64_t flags, length;
  uint32_t meta_length, crc;
  uint64_t source_seq, timecode;
  uint32_t width, height, planes, pixel_format;
  char fourcc[4];
  uint8_t bits, range, matrix, primaries, transfer, chroma, alpha, field_order;
  uint16_t rotation;
  uint8_t gap0[2];
  struct {
    uint64_t offset;
    uint32_t stride, rows;
  } plane[4];
  int32_t aspect_num, aspect_den;
  uint32_t crop_left, crop_top, crop_right, crop_bottom;
  int32_t rate_num, rate_den;
  uint8_t mastering[24];
  uint32_t content_light;
  uint8_t gap1[4];
  uint32_t audio_rate;
  uint16_t audio_channels, audio_format;
  uint64_t audio_layout;
  uint32_t audio_samples;
  uint8_t gap2[4];
  uint32_t location;
  uint8_t gap3[4];
  uint64_t handle, modifier, fence;
  uint8_t gap4[40];
} fb_i_header;

typedef struct fb_i_record { /* section 6, at slot_table + i × slot_record; the meta follows */
  uint64_t sequence, progress;
  uint8_t gap[112];
  fb_i_header header;
} fb_i_record;

typedef struct fb_i_control { /* section 8, at offset 0 of the control file */
  char magic[8];
  uint16_t major, minor;
  uint32_t cells;
  uint64_t id;
  uint8_t gap[40];
  uint32_t cursor_event;
  uint8_t gap1[60];
} fb_i_control;

typedef struct fb_i_cell { /* section 8, at 128 × k */
  uint64_t token, cursor, pins[6];
  uint32_t mode, wishes, hold, pid;
  uint64_t missed, max_lag, seen_gen;
  char label[24];
} fb_i_cell;

enum { FB_I_IN_PIPE = 1 };                                                     /* Wishes */
enum { FB_I_LIVE = 1, FB_I_AT_FRAMES = 2, FB_I_TOOK_OVER = 4, FB_I_KEPT = 8 }; /* Flags of the static header */
enum { FB_I_JOINED = 1, FB_I_EVICTED = 2, FB_I_REFUSED = 3 };                  /* State of an answer */
#define FB_I_UNDERSTOOD 2u                                                     /* bits of Must */
#define FB_I_NUMBERS ((uint64_t)1 << 47)                                       /* frames have numbers below this */
#define FB_I_TICK 100000000 /* ns: the longest sleep of anyone (section 15) */

#ifdef __cplusplus
#define FB_I_ASSERT(what) static_assert(what, #what)
#else
#define FB_I_ASSERT(what) _Static_assert(what, #what)
#endif
#define FB_I_AT(type, field, offset, size)                                                                             \
  FB_I_ASSERT(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size))

FB_I_AT(fb_i_static, magic, 0, 8);
FB_I_AT(fb_i_static, major, 8, 2);
FB_I_AT(fb_i_static, minor, 10, 2);
FB_I_AT(fb_i_static, header_size, 12, 4);
FB_I_AT(fb_i_static, must, 16, 4);
FB_I_AT(fb_i_static, crc, 20, 4);
FB_I_AT(fb_i_static, file_size, 24, 8);
FB_I_AT(fb_i_static, dyn_offset, 32, 4);
FB_I_AT(fb_i_static, dyn_size, 36, 4);
FB_I_AT(fb_i_static, table_offset, 40, 4);
FB_I_AT(fb_i_static, table_record, 44, 4);
FB_I_AT(fb_i_static, cells, 48, 4);
FB_I_AT(fb_i_static, slot_table, 52, 4);
FB_I_AT(fb_i_static, slot_record, 56, 4);
FB_I_AT(fb_i_static, slots, 60, 4);
FB_I_AT(fb_i_static, slots_offset, 64, 8);
FB_I_AT(fb_i_static, slot_stride, 72, 8);
FB_I_AT(fb_i_static, capacity, 80, 8);
FB_I_AT(fb_i_static, alignment, 88, 4);
FB_I_AT(fb_i_static, tail, 92, 4);
FB_I_AT(fb_i_static, meta_capacity, 96, 4);
FB_I_AT(fb_i_static, kind, 100, 4);
FB_I_AT(fb_i_static, generation, 104, 16);
FB_I_AT(fb_i_static, previous, 120, 16);
FB_I_AT(fb_i_static, control_id, 136, 8);
FB_I_AT(fb_i_static, first_frame, 144, 8);
FB_I_AT(fb_i_static, created_wall, 152, 8);
FB_I_AT(fb_i_static, created_mono, 160, 8);
FB_I_AT(fb_i_static, writer_pid, 168, 4);
FB_I_AT(fb_i_static, backing, 172, 4);
FB_I_AT(fb_i_static, tai_offset, 176, 4);
FB_I_AT(fb_i_static, flags, 180, 4);
FB_I_AT(fb_i_static, lossless, 184, 4);
FB_I_AT(fb_i_static, name, 192, 64);
FB_I_ASSERT(sizeof(fb_i_static) == 256);

FB_I_AT(fb_i_dynamic, state, 0, 4);
FB_I_AT(fb_i_dynamic, publish, 128, 8);
FB_I_AT(fb_i_dynamic, back, 256, 8);
FB_I_AT(fb_i_dynamic, event, 384, 4);
FB_I_AT(fb_i_dynamic, heartbeat, 512, 8);
FB_I_AT(fb_i_dynamic, last_frame, 520, 8);
FB_I_AT(fb_i_dynamic, final, 640, 8);
FB_I_AT(fb_i_dynamic, next, 648, 16);
FB_I_AT(fb_i_dynamic, published, 768, 8);
FB_I_AT(fb_i_dynamic, abandoned, 776, 8);
FB_I_AT(fb_i_dynamic, broken, 784, 8);
FB_I_AT(fb_i_dynamic, evicted, 792, 8);
FB_I_AT(fb_i_dynamic, blocked, 800, 8);
FB_I_AT(fb_i_dynamic, drops, 808, 64);
FB_I_AT(fb_i_dynamic, source, 896, 4);
FB_I_AT(fb_i_dynamic, error_seq, 900, 4);
FB_I_AT(fb_i_dynamic, restarts, 904, 8);
FB_I_AT(fb_i_dynamic, stalls, 912, 8);
FB_I_AT(fb_i_dynamic, error_length, 920, 4);
FB_I_AT(fb_i_dynamic, error, 1024, 256);
FB_I_ASSERT(sizeof(fb_i_dynamic) == 1280);

FB_I_AT(fb_i_answer, token, 0, 8);
FB_I_AT(fb_i_answer, state, 8, 4);
FB_I_AT(fb_i_answer, reason, 12, 4);
FB_I_AT(fb_i_answer, first, 16, 8);
FB_I_AT(fb_i_answer, evicted_at, 24, 8);
FB_I_AT(fb_i_answer, broken, 32, 8);
FB_I_AT(fb_i_answer, detail, 40, 8);

#define FB_I_IN_RECORD(field, offset, size)                                                                            \
  FB_I_ASSERT(offsetof(fb_i_record, header) + offsetof(fb_i_header, field) == (offset) &&                              \
              sizeof(((fb_i_header *)0)->field) == (size))
FB_I_AT(fb_i_record, sequence, 0, 8);
FB_I_AT(fb_i_record, progress, 8, 8);
FB_I_IN_RECORD(number, 128, 8);
FB_I_IN_RECORD(ref_frame, 136, 8);
FB_I_IN_RECORD(ref_generation, 144, 8);
FB_I_IN_RECORD(ref_pts, 152, 8);
FB_I_IN_RECORD(pts, 160, 8);
FB_I_IN_RECORD(duration, 168, 8);
FB_I_IN_RECORD(time_base_num, 176, 4);
FB_I_IN_RECORD(time_base_den, 180, 4);
FB_I_IN_RECORD(capture_mono, 184, 8);
FB_I_IN_RECORD(capture_wall, 192, 8);
FB_I_IN_RECORD(publish_mono, 200, 8);
FB_I_IN_RECORD(tai_offset, 208, 4);
FB_I_IN_RECORD(clock_flags, 212, 4);
FB_I_IN_RECORD(flags, 216, 8);
FB_I_IN_RECORD(length, 224, 8);
FB_I_IN_RECORD(meta_length, 232, 4);
FB_I_IN_RECORD(crc, 236, 4);
FB_I_IN_RECORD(source_seq, 240, 8);
FB_I_IN_RECORD(timecode, 248, 8);
FB_I_IN_RECORD(width, 256, 4);
FB_I_IN_RECORD(height, 260, 4);
FB_I_IN_RECORD(planes, 264, 4);
FB_I_IN_RECORD(pixel_format, 268, 4);
FB_I_IN_RECORD(fourcc, 272, 4);
FB_I_IN_RECORD(bits, 276, 1);
FB_I_IN_RECORD(range, 277, 1);
FB_I_IN_RECORD(matrix, 278, 1);
FB_I_IN_RECORD(primaries, 279, 1);
FB_I_IN_RECORD(transfer, 280, 1);
FB_I_IN_RECORD(chroma, 281, 1);
FB_I_IN_RECORD(alpha, 282, 1);
FB_I_IN_RECORD(field_order, 283, 1);
FB_I_IN_RECORD(rotation, 284, 2);
FB_I_IN_RECORD(plane, 288, 64);
FB_I_ASSERT(offsetof(fb_i_header, plane[0].stride) == 168 && offsetof(fb_i_header, plane[0].rows) == 172);
FB_I_IN_RECORD(aspect_num, 352, 4);
FB_I_IN_RECORD(aspect_den, 356, 4);
FB_I_IN_RECORD(crop_left, 360, 4);
FB_I_IN_RECORD(crop_top, 364, 4);
FB_I_IN_RECORD(crop_right, 368, 4);
FB_I_IN_RECORD(crop_bottom, 372, 4);
FB_I_IN_RECORD(rate_num, 376, 4);
FB_I_IN_RECORD(rate_den, 380, 4);
FB_I_IN_RECORD(mastering, 384, 24);
FB_I_IN_RECORD(content_light, 408, 4);
FB_I_IN_RECORD(audio_rate, 416, 4);
FB_I_IN_RECORD(audio_channels, 420, 2);
FB_I_IN_RECORD(audio_format, 422, 2);
FB_I_IN_RECORD(audio_layout, 424, 8);
FB_I_IN_RECORD(audio_samples, 432, 4);
FB_I_IN_RECORD(location, 440, 4);
FB_I_IN_RECORD(handle, 448, 8);
FB_I_IN_RECORD(modifier, 456, 8);
FB_I_IN_RECORD(fence, 464, 8);
FB_I_ASSERT(sizeof(fb_i_record) == 512);

FB_I_AT(fb_i_control, major, 8, 2);
FB_I_AT(fb_i_control, minor, 10, 2);
FB_I_AT(fb_i_control, cells, 12, 4);
FB_I_AT(fb_i_control, id, 16, 8);
FB_I_AT(fb_i_control, cursor_event, 64, 4);
FB_I_ASSERT(sizeof(fb_i_control) == 128);

FB_I_AT(fb_i_cell, token, 0, 8);
FB_I_AT(fb_i_cell, cursor, 8, 8);
FB_I_AT(fb_i_cell, pins, 16, 48);
FB_I_AT(fb_i_cell, mode, 64, 4);
FB_I_AT(fb_i_cell, wishes, 68, 4);
FB_I_AT(fb_i_cell, hold, 72, 4);
FB_I_AT(fb_i_cell, pid, 76, 4);
FB_I_AT(fb_i_cell, missed, 80, 8);
FB_I_AT(fb_i_cell, max_lag, 88, 8);
FB_I_AT(fb_i_cell, seen_gen, 96, 8);
FB_I_AT(fb_i_cell, label, 104, 24);
FB_I_ASSERT(sizeof(fb_i_cell) == 128);

/* The order of loads and stores (section 10). */
FB_FN uint32_t fb_i_load32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
FB_FN uint64_t fb_i_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
FB_FN uint64_t fb_i_load_seq_cst(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
FB_FN void fb_i_store32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
FB_FN void fb_i_store(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
FB_FN void fb_i_store_seq_cst(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
FB_FN void fb_i_ldld(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
FB_FN void fb_i_stst(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

/* ---- errors ---- */

__attribute__((unused, format(printf, 4, 5))) static fb_status fb_i_fail(fb_error *error, fb_status code, int sys_errno,
                                                                         const char *format, ...) {
  if (!error) return code;
  error->code = code;
  error->sys_errno = sys_errno;
  va_list args;
  va_start(args, format);
  int n = vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  if (sys_errno && n >= 0 && (size_t)n < sizeof error->text)
    snprintf(error->text + n, sizeof error->text - (size_t)n, ": %s", strerror(sys_errno));
  return code;
}

FB_FN const char *fb_status_text(fb_status code) {
  static const char *const texts[] = {"ok",
                                      "timeout",
                                      "end of stream",
                                      "writer died",
                                      "interrupted",
                                      "not found",
                                      "busy",
                                      "no name for a segment",
                                      "untrusted",
                                      "damaged",
                                      "another version",
                                      "refused",
                                      "evicted",
                                      "pin broken",
                                      "lost",
                                      "overrun",
                                      "another format",
                                      "too large",
                                      "no space",
                                      "invalid",
                                      "system"};
  return (unsigned)code < sizeof texts / sizeof *texts ? texts[code] : "unknown";
}

/* ---- formats ---- */

FB_FN const char *fb_pixels_name(uint32_t pixels) {
  static const char *const names[] = {"data", "rgba", "bgra", "rgb24", "bgr24", "gray8", "yuv420p", "nv12"};
  return pixels < sizeof names / sizeof *names ? names[pixels] : NULL;
}

FB_FN int fb_pixels_parse(const char *name) {
  for (uint32_t i = 0; name && i <= FB_NV12; i++)
    if (!strcmp(name, fb_pixels_name(i))) return (int)i;
  return -1;
}

/* fb_i_planes is how many planes a pixel format has, 0 for an unknown one. */
FB_FN uint32_t fb_i_planes(uint32_t pixels) {
  static const uint8_t planes[] = {0, 1, 1, 1, 1, 1, 3, 2};
  return pixels < sizeof planes ? planes[pixels] : 0;
}

/* fb_i_plane_shape is the bytes of a row, and the rows, that the picture has in plane p. */
FB_FN void fb_i_plane_shape(uint32_t pixels, uint32_t width, uint32_t height, uint32_t p, uint64_t *bytes,
                            uint64_t *rows) {
  static const uint8_t of_pixel[] = {1, 4, 4, 3, 3, 1, 1, 1};
  uint64_t half = ((uint64_t)width + 1) / 2;
  *bytes = (uint64_t)width * of_pixel[pixels & 7];
  *rows = height;
  if (p == 0) return;
  *bytes = pixels == FB_NV12 ? 2 * half : half;
  *rows = ((uint64_t)height + 1) / 2;
}

FB_FN uint64_t fb_format_size(const fb_format *f) {
  if (f->pixels > FB_NV12 || !f->width || !f->height || f->width > 32768 || f->height > 32768) return 0;
  uint64_t size = 0;
  for (uint32_t p = 0; p < fb_i_planes(f->pixels); p++) {
    uint64_t bytes, rows;
    fb_i_plane_shape(f->pixels, f->width, f->height, p, &bytes, &rows);
    if (f->stride[p] && f->stride[p] < bytes) return 0;
    size += (f->stride[p] ? f->stride[p] : bytes) * rows;
  }
  return size;
}

/* fb_i_plan lays the planes of a format one after the other, and returns how many there are. */
FB_FN uint32_t fb_i_plan(const fb_format *f, uint64_t offset[4], uint32_t stride[4], uint32_t rows[4]) {
  uint64_t at = 0;
  for (uint32_t p = 0; p < fb_i_planes(f->pixels); p++) {
    uint64_t bytes, lines;
    fb_i_plane_shape(f->pixels, f->width, f->height, p, &bytes, &lines);
    offset[p] = at;
    stride[p] = f->stride[p] ? f->stride[p] : (uint32_t)bytes;
    rows[p] = (uint32_t)lines;
    at += (uint64_t)stride[p] * lines;
  }
  return fb_i_planes(f->pixels);
}

/* ---- copying ---- */

/* fb_i_source is what is copied from: a slot that may be taken away meanwhile, or memory of our own. */
typedef struct fb_i_source {
  const uint64_t *sequence; /* NULL: memory that stays */
  uint64_t value;           /* of the sequence, while the slot is that frame's */
} fb_i_source;

/* fb_i_holds: was everything that was loaded from the slot before this call that frame's? */
FB_FN bool fb_i_holds(const fb_i_source *s) {
  fb_i_ldld();
  return !s->sequence || __atomic_load_n(s->sequence, __ATOMIC_RELAXED) == s->value;
}

#define FB_I_PIECE ((size_t)256 << 10) /* bytes copied at a time: README.md has the figures */

/* fb_i_move copies bytes, and stops early where the slot was taken away. */
FB_FN bool fb_i_move(uint8_t *to, const uint8_t *from, uint64_t size, const fb_i_source *s) {
  while (size > FB_I_PIECE) {
    memcpy(to, from, FB_I_PIECE);
    to += FB_I_PIECE, from += FB_I_PIECE, size -= FB_I_PIECE;
    if (!fb_i_holds(s)) return false;
  }
  if (size) memcpy(to, from, size);
  return true;
}

/* fb_i_rows copies one plane. A row of the target may be longer, and its bytes behind the picture are left alone, but
 * for where both have the same stride. */
FB_FN bool fb_i_rows(uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride, uint64_t bytes,
                     uint64_t rows, const fb_i_source *s) {
  if (!rows) return true;
  if (to_stride == from_stride) return fb_i_move(to, from, (rows - 1) * to_stride + bytes, s);
  uint64_t since = 0;
  for (uint64_t y = 0; y < rows; y++, to += to_stride, from += from_stride) {
    memcpy(to, from, bytes);
    if ((since += bytes) > FB_I_PIECE) {
      since = 0;
      if (!fb_i_holds(s)) return false;
    }
  }
  return true;
}

/* fb_i_image_fits checks memory of the caller. */
FB_FN fb_status fb_i_image_fits(const fb_image *image, uint32_t pixels, uint32_t width, uint32_t height,
                                uint64_t length, fb_error *e) {
  if (image->pixels != pixels || (pixels != FB_DATA && (image->width != width || image->height != height))) {
    const char *is = fb_pixels_name(pixels), *want = fb_pixels_name(image->pixels);
    return fb_i_fail(e, FB_FORMAT, 0, "the frame is %s %ux%u, the memory is for %s %ux%u",
                     is ? is : "of an unknown format", (unsigned)width, (unsigned)height,
                     want ? want : "an unknown format", (unsigned)image->width, (unsigned)image->height);
  }
  if (pixels == FB_DATA) {
    if (length > image->size)
      return fb_i_fail(e, FB_TOO_LARGE, 0, "the frame has %llu bytes, the memory %llu", (unsigned long long)length,
                       (unsigned long long)image->size);
    return length && !image->data[0] ? fb_i_fail(e, FB_INVALID, 0, "no memory is given") : FB_OK;
  }
  if (!fb_i_planes(pixels)) return fb_i_fail(e, FB_FORMAT, 0, "pixel format %u is unknown", (unsigned)pixels);
  for (uint32_t p = 0; p < fb_i_planes(pixels); p++) {
    uint64_t bytes, rows;
    fb_i_plane_shape(pixels, width, height, p, &bytes, &rows);
    if (!image->data[p] || (image->stride[p] && image->stride[p] < bytes))
      return fb_i_fail(e, FB_INVALID, 0, "plane %u has no memory, or a stride below %llu bytes", (unsigned)p,
                       (unsigned long long)bytes);
  }
  return FB_OK;
}

/* fb_i_to_image copies a frame whose planes were checked to memory that fits. */
FB_FN bool fb_i_to_image(const fb_frame *f, const fb_image *to, const fb_i_source *s) {
  if (f->format.pixels == FB_DATA) return fb_i_move(to->data[0], f->data, f->length, s);
  for (uint32_t p = 0; p < fb_i_planes(f->format.pixels); p++) {
    uint64_t bytes, rows;
    fb_i_plane_shape(f->format.pixels, f->format.width, f->format.height, p, &bytes, &rows);
    if (!fb_i_rows(to->data[p], to->stride[p] ? to->stride[p] : (size_t)bytes, f->plane[p].data, f->plane[p].stride,
                   bytes, rows, s))
      return false;
  }
  return true;
}

FB_FN fb_status fb_copy(const fb_frame *f, const fb_image *into, fb_error *e) {
  if (!f->data) return fb_i_fail(e, FB_INVALID, 0, "the frame was released, or its pixels are elsewhere");
  fb_status s = fb_i_image_fits(into, f->format.pixels, f->format.width, f->format.height, f->length, e);
  fb_i_source stays = {NULL, 0};
  if (s == FB_OK) fb_i_to_image(f, into, &stays);
  return s;
}

/* ---- checksum: CRC-32C (section 3) ---- */

FB_FN uint32_t fb_crc(uint32_t crc, const void *data, uint64_t size) {
  const uint8_t *p = (const uint8_t *)data;
  uint32_t c = ~crc;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    uint64_t wide = c;
    for (; size >= 8; size -= 8, p += 8) {
      uint64_t word;
      memcpy(&word, p, 8);
      __asm__("crc32q %1, %0" : "+r"(wide) : "rm"(word));
    }
    c = (uint32_t)wide;
  }
#endif
  for (; size; size--) {
    c ^= *p++;
    for (int bit = 0; bit < 8; bit++) c = c >> 1 ^ (0x82F63B78 & (0 - (c & 1)));
  }
  return ~c;
}

/* ---- time, sleep, chance ---- */

FB_FN int64_t fb_i_clock(clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

FB_FN int64_t fb_i_now(void) { return fb_i_clock(CLOCK_MONOTONIC); }

/* fb_i_deadline is when a timeout that begins now is over. */
FB_FN int64_t fb_i_deadline(int64_t timeout_ns) {
  int64_t now = fb_i_now();
  return timeout_ns < 0 || timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

FB_FN struct timespec fb_i_timespec(int64_t ns) {
  struct timespec t;
  t.tv_sec = ns / 1000000000;
  t.tv_nsec = ns % 1000000000;
  return t;
}

FB_FN void fb_i_sleep(int64_t ns) {
  struct timespec t = fb_i_timespec(ns);
  nanosleep(&t, NULL);
}

/* fb_i_sleep_on waits while a word has a value, at most so long: FUTEX_WAIT, shared. It may return early. */
FB_FN void fb_i_sleep_on(const uint32_t *word, uint32_t value, int64_t ns) {
  if (ns <= 0) return;
  struct timespec t = fb_i_timespec(ns < FB_I_TICK ? ns : FB_I_TICK);
  if (syscall(SYS_futex, word, 0, value, &t, NULL, 0) == -1 && errno == ENOSYS) fb_i_sleep(3000000);
}

FB_FN void fb_i_wake(const uint32_t *word) { syscall(SYS_futex, word, 1, INT32_MAX, NULL, NULL, 0); }

/* fb_i_ring tells everyone who sleeps on a word. */
FB_FN void fb_i_ring(uint32_t *word) {
  __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
  fb_i_wake(word);
}

FB_FN fb_status fb_i_random(void *to, size_t size, fb_error *e) {
  for (size_t have = 0; have < size;) {
    long n = syscall(SYS_getrandom, (uint8_t *)to + have, size - have, 0);
    if (n < 0 && errno != EINTR) return fb_i_fail(e, FB_SYSTEM, errno, "random numbers");
    if (n > 0) have += (size_t)n;
  }
  return FB_OK;
}

/* ---- guard ---- */

/* fb_i_range is a piece of memory of a segment, for the handler to find. */
typedef struct fb_i_range {
  uintptr_t base; /* stored last; 0: free, 1: being filled in */
  uintptr_t size;
  int *cut;
  bool writable;
} fb_i_range;

enum { FB_I_RANGES = 512 };

typedef struct fb_i_guard_state {
  fb_i_range ranges[FB_I_RANGES];
  struct sigaction before;
  uintptr_t page;
  int lock, count;
} fb_i_guard_state;

FB_FN fb_i_guard_state *fb_i_guard(void) {
  static fb_i_guard_state state;
  return &state;
}

/* fb_i_watch lets the handler know a mapping. Beyond 512 at once they go unguarded. */
FB_FN void fb_i_watch(void *base, uint64_t size, int *cut, bool writable) {
  for (int i = 0; i < FB_I_RANGES; i++) {
    fb_i_range *r = &fb_i_guard()->ranges[i];
    uintptr_t none = 0;
    if (!__atomic_compare_exchange_n(&r->base, &none, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
    r->size = size;
    r->cut = cut;
    r->writable = writable;
    __atomic_store_n(&r->base, (uintptr_t)base, __ATOMIC_RELEASE);
    return;
  }
}

FB_FN void fb_i_unwatch(void *base) {
  for (int i = 0; i < FB_I_RANGES; i++) {
    fb_i_range *r = &fb_i_guard()->ranges[i];
    if (__atomic_load_n(&r->base, __ATOMIC_ACQUIRE) == (uintptr_t)base) __atomic_store_n(&r->base, 0, __ATOMIC_RELEASE);
  }
}

/* fb_i_faulted puts zeros where a file was cut off: from the page that is missing to the end of the mapping. */
FB_FN bool fb_i_faulted(uintptr_t at) {
  fb_i_guard_state *g = fb_i_guard();
  for (int i = 0; i < FB_I_RANGES; i++) {
    fb_i_range *r = &g->ranges[i];
    uintptr_t base = __atomic_load_n(&r->base, __ATOMIC_ACQUIRE);
    if (base < 2 || at < base || at - base >= r->size) continue;
    uintptr_t from = at & ~(g->page - 1);
    int how = r->writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *zeros = mmap((void *)from, base + r->size - from, how, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) return false;
    __atomic_store_n(r->cut, 1, __ATOMIC_RELEASE);
    return true;
  }
  return false;
}

FB_FN void fb_i_on_fault(int number, siginfo_t *info, void *context) {
  int saved = errno;
  bool ours = info->si_code > 0 && fb_i_faulted((uintptr_t)info->si_addr);
  errno = saved;
  if (ours) return;
  struct sigaction *before = &fb_i_guard()->before;
  if (before->sa_flags & SA_SIGINFO) {
    before->sa_sigaction(number, info, context);
  } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
    before->sa_handler(number);
  } else if (before->sa_handler == SIG_DFL || info->si_code > 0) {
    signal(number, SIG_DFL); /* a fault happens again when this returns; what was sent is sent again */
    if (info->si_code <= 0) raise(number);
  }
}

FB_FN void fb_i_guard_lock(void) {
  while (__atomic_exchange_n(&fb_i_guard()->lock, 1, __ATOMIC_ACQUIRE)) sched_yield();
}

FB_FN void fb_i_guard_unlock(void) { __atomic_store_n(&fb_i_guard()->lock, 0, __ATOMIC_RELEASE); }

FB_FN fb_status fb_guard_on(fb_error *e) {
  fb_i_guard_state *g = fb_i_guard();
  fb_i_guard_lock();
  fb_status s = FB_OK;
  if (!g->count) {
    struct sigaction now;
    memset(&now, 0, sizeof now);
    now.sa_sigaction = fb_i_on_fault;
    now.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    g->page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (sigaction(SIGBUS, NULL, &g->before) || sigaction(SIGBUS, &now, NULL))
      s = fb_i_fail(e, FB_SYSTEM, errno, "guard: taking SIGBUS");
  }
  if (s == FB_OK) g->count++;
  fb_i_guard_unlock();
  return s;
}

FB_FN void fb_guard_off(void) {
  fb_i_guard_state *g = fb_i_guard();
  fb_i_guard_lock();
  if (g->count && !--g->count) {
    struct sigaction now;
    if (!sigaction(SIGBUS, NULL, &now) && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == fb_i_on_fault)
      sigaction(SIGBUS, &g->before, NULL);
  }
  fb_i_guard_unlock();
}

/* ---- names, trust, files (sections 1, 2, 11) ---- */

#define FB_I_PATH 010000000 /* O_PATH and O_TMPFILE, which some headers hide */
#define FB_I_TMPFILE (020000000 | O_DIRECTORY)
#define FB_I_GETLK 36 /* F_OFD_GETLK, F_OFD_SETLK */
#define FB_I_SETLK 37

/* fb_i_place is where a segment is, and who is trusted there. */
typedef struct fb_i_place {
  char name[65];
  char *dir;
  int sealed[2]; /* of "fd:DATA,CONTROL"; else -1 */
  uid_t *trust;
  size_t trust_count;
} fb_i_place;

FB_FN bool fb_i_name_ok(const char *name) {
  size_t n = strlen(name);
  if (!n || n > 64 || *name == '.' || *name == '_' || *name == '-') return false;
  for (; *name; name++)
    if (!(*name >= 'a' && *name <= 'z') && !(*name >= '0' && *name <= '9') && !strchr("._-", *name)) return false;
  return true;
}

/* fb_i_digits reads a decimal number of up to 9 digits; -1 if it is none. */
FB_FN int fb_i_digits(const char **text) {
  int n = -1;
  for (int i = 0; i < 9 && **text >= '0' && **text <= '9'; i++, (*text)++) n = (n < 0 ? 0 : n * 10) + (**text - '0');
  return n;
}

FB_FN void fb_i_place_free(fb_i_place *p) {
  free(p->dir);
  free(p->trust);
  p->dir = NULL;
  p->trust = NULL;
}

/* fb_i_place_init copies what options say. A name of descriptors is for readers only. */
FB_FN fb_status fb_i_place_init(fb_i_place *p, const char *name, const char *dir, const uid_t *trust,
                                size_t trust_count, bool sealed, fb_error *e) {
  memset(p, 0, sizeof *p);
  p->sealed[0] = p->sealed[1] = -1;
  if (name && sealed && !strncmp(name, "fd:", 3)) {
    const char *at = name + 3;
    p->sealed[0] = fb_i_digits(&at);
    if (*at++ == ',') p->sealed[1] = fb_i_digits(&at);
    if (p->sealed[0] < 0 || p->sealed[1] < 0 || *at)
      return fb_i_fail(e, FB_NAME, 0, "\"%.40s\" is no pair of descriptors: fd:DATA,CONTROL", name);
  } else if (!name || !fb_i_name_ok(name)) {
    return fb_i_fail(e, FB_NAME, 0,
                     "\"%.80s\" is no name for a segment: up to 64 of a-z 0-9 . _ -, the first a letter or a digit",
                     name ? name : "");
  }
  snprintf(p->name, sizeof p->name, "%s", name);
  if (!dir) dir = getenv("FRAMEBRIDGE_DIR");
  char fallback[48];
  if (!dir || !*dir) {
    snprintf(fallback, sizeof fallback, "/dev/shm/framebridge-%lu", (unsigned long)geteuid());
    dir = fallback;
  }
  size_t size = strlen(dir) + 1;
  p->dir = (char *)malloc(size);
  p->trust = (uid_t *)malloc((trust_count + 1) * sizeof *trust);
  if (!p->dir || !p->trust) {
    fb_i_place_free(p);
    return fb_i_fail(e, FB_SYSTEM, ENOMEM, "%s", p->name);
  }
  memcpy(p->dir, dir, size);
  if (trust_count) memcpy(p->trust, trust, trust_count * sizeof *trust);
  p->trust_count = trust_count;
  return FB_OK;
}

FB_FN bool fb_i_trusted(const fb_i_place *p, uid_t user) {
  for (size_t i = 0; i < p->trust_count; i++)
    if (p->trust[i] == user) return true;
  return user == geteuid() || user == 0;
}

/* fb_i_above moves a descriptor up if it is one of the standard ones. */
FB_FN int fb_i_above(int fd) {
  if (fd < 0 || fd > 2) return fd;
  int up = fcntl(fd, F_DUPFD_CLOEXEC, 3), saved = errno;
  close(fd);
  errno = saved;
  return up;
}

FB_FN int fb_i_open(int dir, const char *name, int flags, mode_t mode) {
  int fd;
  do fd = openat(dir, name, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fb_i_above(fd);
}

/* fb_i_again opens the file of a descriptor anew: an open file description of its own. */
FB_FN int fb_i_again(int fd, int flags) {
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return fb_i_open(AT_FDCWD, path, flags, 0);
}

/* fb_i_folder opens the folder of the segments. */
FB_FN fb_status fb_i_folder(const fb_i_place *p, int *fd, fb_error *e) {
  struct stat st;
  *fd = fb_i_open(AT_FDCWD, p->dir, FB_I_PATH | O_DIRECTORY, 0);
  if (*fd < 0)
    return fb_i_fail(e, errno == ENOENT ? FB_NOT_FOUND : FB_SYSTEM, errno, "%s: the folder %.120s", p->name, p->dir);
  fb_status s = FB_OK;
  if (fstat(*fd, &st)) s = fb_i_fail(e, FB_SYSTEM, errno, "%s: the folder %.120s", p->name, p->dir);
  else if (!fb_i_trusted(p, st.st_uid))
    s = fb_i_fail(e, FB_UNTRUSTED, 0, "%s: the folder %.120s belongs to user %lu", p->name, p->dir,
                  (unsigned long)st.st_uid);
  else if ((st.st_mode & 0002) && !(st.st_mode & S_ISVTX))
    s = fb_i_fail(e, FB_UNTRUSTED, 0, "%s: others may replace files in the folder %.120s (mode %04o)", p->name, p->dir,
                  (unsigned)(st.st_mode & 07777));
  if (s != FB_OK) close(*fd);
  return s;
}

/* fb_i_control_name is the control file's, ".cam0.0123456789abcdef". */
FB_FN void fb_i_control_name(char to[96], const char *name, uint64_t id) {
  snprintf(to, 96, ".%s.%016llx", name, (unsigned long long)id);
}

/* fb_i_file opens the data file, or the control file, of a place, and checks it. */
FB_FN fb_status fb_i_file(const fb_i_place *p, const uint64_t *control_id, int flags, int *fd, struct stat *st,
                          fb_error *e) {
  const char *what = control_id ? "control file" : "data file";
  mode_t forbidden = control_id ? 0002 : 0022;
  if (p->sealed[0] >= 0) {
    *fd = fb_i_again(p->sealed[control_id ? 1 : 0], flags | O_NONBLOCK);
  } else {
    int dir;
    fb_status s = fb_i_folder(p, &dir, e);
    if (s != FB_OK) return s;
    char hidden[96];
    if (control_id) fb_i_control_name(hidden, p->name, *control_id);
    *fd = fb_i_open(dir, control_id ? hidden : p->name, flags | O_NOFOLLOW | O_NONBLOCK, 0);
    int saved = errno;
    close(dir);
    errno = saved;
  }
  if (*fd < 0) {
    if (errno == ENOENT && !control_id) return fb_i_fail(e, FB_NOT_FOUND, 0, "%s: there is no such segment", p->name);
    bool kind = errno == ELOOP || errno == ENXIO || errno == EISDIR;
    return fb_i_fail(e,
                     errno == ENOENT ? FB_NOT_FOUND
                     : kind          ? FB_UNTRUSTED
                                     : FB_SYSTEM,
                     errno, "%s: %s", p->name, what);
  }
  fb_status s = FB_OK;
  if (fstat(*fd, st)) s = fb_i_fail(e, FB_SYSTEM, errno, "%s: %s", p->name, what);
  else if (!S_ISREG(st->st_mode)) s = fb_i_fail(e, FB_UNTRUSTED, 0, "%s: the %s is no regular file", p->name, what);
  else if (st->st_nlink > 1)
    s = fb_i_fail(e, FB_UNTRUSTED, 0, "%s: the %s has %lu names", p->name, what, (unsigned long)st->st_nlink);
  else if (!fb_i_trusted(p, st->st_uid))
    s = fb_i_fail(e, FB_UNTRUSTED, 0, "%s: the %s belongs to user %lu", p->name, what, (unsigned long)st->st_uid);
  else if (st->st_mode & forbidden)
    s = fb_i_fail(e, FB_UNTRUSTED, 0, "%s: others may write the %s (mode %04o)", p->name, what,
                  (unsigned)(st->st_mode & 07777));
  if (s != FB_OK) close(*fd);
  return s;
}

/* fb_i_lock takes the write lock of a byte: 1 taken, 0 somebody else has it, -1 errno. */
FB_FN int fb_i_lock(int fd, uint32_t byte) {
  struct flock l;
  memset(&l, 0, sizeof l);
  l.l_type = F_WRLCK;
  l.l_start = (off_t)byte;
  l.l_len = 1;
  if (!fcntl(fd, FB_I_SETLK, &l)) return 1;
  return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

/* fb_i_locked: does somebody else hold the write lock of a byte? Where that cannot be asked: yes. */
FB_FN bool fb_i_locked(int fd, uint32_t byte) {
  struct flock l;
  memset(&l, 0, sizeof l);
  l.l_type = F_RDLCK;
  l.l_start = (off_t)byte;
  l.l_len = 1;
  return fcntl(fd, FB_I_GETLK, &l) || l.l_type != F_UNLCK;
}

FB_FN void fb_i_unlock(int fd, uint32_t byte) {
  struct flock l;
  memset(&l, 0, sizeof l);
  l.l_type = F_UNLCK;
  l.l_start = (off_t)byte;
  l.l_len = 1;
  fcntl(fd, FB_I_SETLK, &l);
}

FB_FN bool fb_i_pread(int fd, void *to, size_t size) {
  for (size_t have = 0; have < size;) {
    ssize_t n = pread(fd, (uint8_t *)to + have, size - have, (off_t)have);
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) have += (size_t)n;
  }
  return true;
}

/* ---- static header (section 3) ---- */

/* fb_i_head_wrong is what contradicts itself in a static header, or NULL. */
FB_FN const char *fb_i_head_wrong(const fb_i_static *h) {
  const uint64_t top = (uint64_t)1 << 40;
  if (h->file_size > top) return "FileSize is above 2^40";
  if (h->dyn_offset < h->header_size || h->dyn_offset % 128) return "DynOffset";
  if (h->dyn_size < 1280) return "DynSize";
  uint64_t end = (uint64_t)h->dyn_offset + h->dyn_size;
  if (h->table_offset < end || h->table_offset % 8) return "TableOffset";
  if (h->table_record < 128 || h->table_record > 4096 || h->table_record % 8) return "TableRecord";
  if (h->cells < 1 || h->cells > 1023) return "Cells";
  end = h->table_offset + ((uint64_t)h->cells + 1) * h->table_record;
  if (h->slot_table < end || h->slot_table % 128) return "SlotTable";
  if (h->meta_capacity > (1u << 20)) return "MetaCapacity";
  if (h->slot_record < 512 + h->meta_capacity || h->slot_record > (2u << 20) || h->slot_record % 128)
    return "SlotRecord";
  if (h->slots < 2 || h->slots > 65535) return "Slots";
  end = h->slot_table + (uint64_t)h->slots * h->slot_record;
  if (h->alignment < 64 || h->alignment > (1u << 30) || (h->alignment & (h->alignment - 1))) return "Alignment";
  if (h->slots_offset < end || h->slots_offset > h->file_size || h->slots_offset % h->alignment) return "SlotsOffset";
  if (h->tail > (1u << 20)) return "Tail";
  if (h->capacity < 1 || h->capacity > h->file_size) return "Capacity";
  if (h->slot_stride < h->capacity + h->tail || h->slot_stride > h->file_size || h->slot_stride % h->alignment)
    return "SlotStride";
  if (h->slots_offset + h->slots * h->slot_stride > h->file_size) return "Slots and SlotStride are more than FileSize";
  if (h->first_frame >= FB_I_NUMBERS) return "FirstFrame";
  return NULL;
}

/* fb_i_head_read reads and checks the static header of an open data file. */
FB_FN fb_status fb_i_head_read(int fd, const struct stat *st, const char *name, fb_i_static *h, fb_error *e) {
  uint8_t b[4096];
  size_t size = st->st_size < 0 || (uint64_t)st->st_size > sizeof b ? sizeof b : (size_t)st->st_size;
  if (size < 12 || !fb_i_pread(fd, b, size)) return fb_i_fail(e, FB_DAMAGED, 0, "%s: too short for a segment", name);
  memset(h, 0, sizeof *h);
  memcpy(h, b, size < sizeof *h ? size : sizeof *h);
  if (memcmp(h->magic, "FBRIDGE\n", 8)) return fb_i_fail(e, FB_DAMAGED, 0, "%s: this is no segment", name);
  if (h->major != 1)
    return fb_i_fail(e, FB_VERSION, 0, "%s: layout %u.%u; this program knows 1.x", name, (unsigned)h->major,
                     (unsigned)h->minor);
  if (h->header_size < 256 || h->header_size > size)
    return fb_i_fail(e, FB_DAMAGED, 0, "%s: HeaderSize is %u, the file has %lld bytes", name, (unsigned)h->header_size,
                     (long long)st->st_size);
  memset(b + offsetof(fb_i_static, crc), 0, 4);
  if (fb_crc(0, b, h->header_size) != h->crc)
    return fb_i_fail(e, FB_DAMAGED, 0, "%s: the checksum of the header is wrong", name);
  if (h->must & ~FB_I_UNDERSTOOD)
    return fb_i_fail(e, FB_VERSION, 0, "%s: needs abilities %#x that this program does not have", name,
                     (unsigned)(h->must & ~FB_I_UNDERSTOOD));
  if (h->file_size != (uint64_t)st->st_size)
    return fb_i_fail(e, FB_DAMAGED, 0, "%s: the header says %llu bytes, the file has %lld", name,
                     (unsigned long long)h->file_size, (long long)st->st_size);
  const char *wrong = fb_i_head_wrong(h);
  return wrong ? fb_i_fail(e, FB_DAMAGED, 0, "%s: the header contradicts itself: %s", name, wrong) : FB_OK;
}

/* ---- a mapped data file ---- */

typedef struct fb_i_map {
  struct fb_i_map *next;
  uint8_t *base;
  fb_i_static head; /* private, checked */
  fb_i_dynamic *dyn;
  int fd;        /* to ask who holds the writer's lock; -1 for a writer's own */
  int cut;       /* set by the guard: the file is shorter than it was */
  uint32_t id;   /* of this mapping, within a reader */
  uint32_t held; /* frames given in place and not released */
  dev_t dev;
  ino_t ino;
} fb_i_map;

FB_FN fb_i_record *fb_i_slot_record(const fb_i_map *m, uint32_t slot) {
  return (fb_i_record *)(void *)(m->base + m->head.slot_table + (uint64_t)slot * m->head.slot_record);
}

FB_FN fb_i_answer *fb_i_answer_to(const fb_i_map *m, uint32_t cell) {
  return (fb_i_answer *)(void *)(m->base + m->head.table_offset + (uint64_t)cell * m->head.table_record);
}

FB_FN uint8_t *fb_i_payload(const fb_i_map *m, uint32_t slot) {
  return m->base + m->head.slots_offset + slot * m->head.slot_stride;
}

FB_FN void fb_i_unmap(fb_i_map *m) {
  if (!m) return;
  if (m->base) {
    fb_i_unwatch(m->base);
    munmap(m->base, m->head.file_size);
  }
  if (m->fd >= 0) close(m->fd);
  free(m);
}

/* fb_i_map_file maps a file of which the header was checked. On success fd belongs to the mapping, if keep is set. */
FB_FN fb_i_map *fb_i_map_file(int fd, const fb_i_static *h, const struct stat *st, bool writable, const char *name,
                              fb_error *e) {
  fb_i_map *m = (fb_i_map *)calloc(1, sizeof *m);
  void *base = MAP_FAILED;
  if (m) base = mmap(NULL, h->file_size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) {
    fb_i_fail(e, FB_SYSTEM, m ? errno : ENOMEM, "%s: mapping %llu bytes", name, (unsigned long long)h->file_size);
    free(m);
    return NULL;
  }
  m->base = (uint8_t *)base;
  m->head = *h;
  m->dyn = (fb_i_dynamic *)(void *)(m->base + h->dyn_offset);
  m->fd = -1;
  m->dev = st->st_dev;
  m->ino = st->st_ino;
  fb_i_watch(base, h->file_size, &m->cut, writable);
  return m;
}

FB_FN fb_status fb_i_cut(const char *name, fb_error *e) {
  return fb_i_fail(e, FB_DAMAGED, 0, "%s: the file was cut off while it was open", name);
}

/* fb_i_data opens, checks and maps the data file that has the name now, for reading. */
FB_FN fb_status fb_i_data(const fb_i_place *p, fb_i_map **out, fb_error *e) {
  int fd;
  struct stat st;
  fb_i_static head;
  *out = NULL;
  fb_status s = fb_i_file(p, NULL, O_RDONLY, &fd, &st, e);
  if (s != FB_OK) return s;
  s = fb_i_head_read(fd, &st, p->name, &head, e);
  if (s == FB_OK) {
    *out = fb_i_map_file(fd, &head, &st, false, p->name, e);
    if (!*out) s = FB_SYSTEM;
  }
  if (s == FB_OK) (*out)->fd = fd;
  else close(fd);
  return s;
}

/* fb_i_named: does the name still mean this file? */
FB_FN bool fb_i_named(int dir, const char *name, dev_t dev, ino_t ino) {
  struct stat st;
  return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == dev && st.st_ino == ino;
}

FB_FN bool fb_i_place_named(const fb_i_place *p, const fb_i_map *m) {
  int dir;
  if (p->sealed[0] >= 0) return true;
  if (fb_i_folder(p, &dir, NULL) != FB_OK) return false;
  bool is = fb_i_named(dir, p->name, m->dev, m->ino);
  close(dir);
  return is;
}

/* fb_i_control_map maps the control file, of which the header is checked first. */
FB_FN fb_status fb_i_control_map(int fd, const struct stat *st, const fb_i_static *h, const char *name, int how,
                                 int *cut, fb_i_control **out, fb_error *e) {
  fb_i_control c;
  uint64_t size = 128 * ((uint64_t)h->cells + 1);
  *out = NULL;
  if (!fb_i_pread(fd, &c, sizeof c) || memcmp(c.magic, "FBCELLS\n", 8))
    return fb_i_fail(e, FB_DAMAGED, 0, "%s: the control file is none", name);
  if (c.major != 1)
    return fb_i_fail(e, FB_VERSION, 0, "%s: control file of layout %u.%u; this program knows 1.x", name,
                     (unsigned)c.major, (unsigned)c.minor);
  if (c.cells != h->cells || c.id != h->control_id || (uint64_t)st->st_size < size)
    return fb_i_fail(e, FB_DAMAGED, 0, "%s: the control file is another segment's, or cut off", name);
  void *base = mmap(NULL, size, how, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return fb_i_fail(e, FB_SYSTEM, errno, "%s: mapping the control file", name);
  fb_i_watch(base, size, cut, (how & PROT_WRITE) != 0);
  *out = (fb_i_control *)base;
  return FB_OK;
}

FB_FN void fb_i_control_unmap(fb_i_control *c, uint32_t cells) {
  if (!c) return;
  fb_i_unwatch(c);
  munmap(c, 128 * ((size_t)cells + 1));
}

FB_FN fb_i_cell *fb_i_cell_at(fb_i_control *c, uint32_t k) { return (fb_i_cell *)(void *)c + k; }

/* ---- frames (sections 6 and 7) ---- */

/* fb_i_planes_wrong is what is wrong with the planes of a frame, or NULL. */
FB_FN const char *fb_i_planes_wrong(const fb_i_header *h) {
  uint32_t need = fb_i_planes(h->pixel_format);
  if (h->pixel_format > FB_NV12) return NULL;
  if (h->planes < need) return "it has fewer planes than its pixel format";
  for (uint32_t p = 0; p < h->planes; p++) {
    uint64_t area = (uint64_t)h->plane[p].stride * h->plane[p].rows;
    if (area > h->length || h->plane[p].offset > h->length - area) return "a plane is outside of the payload";
    if (p >= need) continue;
    uint64_t bytes, rows;
    fb_i_plane_shape(h->pixel_format, h->width, h->height, p, &bytes, &rows);
    if (h->plane[p].stride < bytes || h->plane[p].rows < rows) return "a plane is smaller than the picture";
  }
  return NULL;
}

FB_FN const char *fb_i_header_wrong(const fb_i_map *m, const fb_i_header *h, uint64_t number) {
  if (h->number != number) return "its record has another number";
  if (h->length > m->head.capacity) return "it is longer than a slot";
  if (h->meta_length > m->head.meta_capacity) return "its meta is longer than its place";
  if (h->location) return "its payload is elsewhere";
  if (h->planes > 4) return "it has more than four planes";
  return fb_i_planes_wrong(h);
}

FB_FN fb_ratio fb_i_ratio(int32_t num, int32_t den) {
  fb_ratio r;
  r.num = num;
  r.den = den;
  return r;
}

/* fb_i_frame_of makes a frame of a checked header. Its pointers lead into the slot. */
FB_FN void fb_i_frame_of(fb_frame *f, const fb_i_map *m, const fb_i_header *h, uint32_t slot) {
  memset(f, 0, sizeof *f);
  f->number = h->number;
  memcpy(f->generation, m->head.generation, 16);
  fb_format *o = &f->format;
  o->pixels = h->pixel_format;
  o->width = h->width;
  o->height = h->height;
  o->range = h->range;
  o->matrix = h->matrix;
  o->primaries = h->primaries;
  o->transfer = h->transfer;
  o->chroma = h->chroma;
  o->alpha = h->alpha;
  o->field_order = h->field_order;
  o->rotation = h->rotation;
  o->aspect = fb_i_ratio(h->aspect_num, h->aspect_den);
  o->rate = fb_i_ratio(h->rate_num, h->rate_den);
  o->crop_left = h->crop_left;
  o->crop_top = h->crop_top;
  o->crop_right = h->crop_right;
  o->crop_bottom = h->crop_bottom;
  o->audio_rate = h->audio_rate;
  o->audio_channels = h->audio_channels;
  o->audio_format = h->audio_format;
  o->audio_layout = h->audio_layout;
  f->data = fb_i_payload(m, slot);
  f->length = h->length;
  for (uint32_t p = 0; p < h->planes; p++) {
    uint64_t area = (uint64_t)h->plane[p].stride * h->plane[p].rows;
    if (area > h->length || h->plane[p].offset > h->length - area) break; /* of a pixel format that nobody here knows */
    f->plane[p].data = f->data + h->plane[p].offset;
    f->plane[p].stride = h->plane[p].stride;
    f->plane[p].rows = h->plane[p].rows;
    f->planes = p + 1;
  }
  f->meta_length = h->meta_length;
  if (h->meta_length) f->meta = (const uint8_t *)(fb_i_slot_record(m, slot) + 1);
  f->flags = (uint32_t)h->flags;
  f->pts = h->pts;
  f->duration = h->duration;
  f->time_base = fb_i_ratio(h->time_base_num, h->time_base_den);
  f->reference.set = h->ref_frame != 0;
  f->reference.number = h->ref_frame ? h->ref_frame - 1 : 0;
  memcpy(f->reference.generation, h->ref_generation, 8);
  f->reference.pts = h->ref_pts;
  f->captured_mono_ns = h->capture_mono;
  f->captured_wall_ns = h->capture_wall;
  f->published_mono_ns = h->publish_mono;
  f->tai_offset_s = h->tai_offset;
  f->crc = h->crc;
  f->source_seq = h->source_seq;
  f->timecode = h->timecode;
  f->audio_samples = h->audio_samples;
  f->bits = h->bits;
  memcpy(f->fourcc, h->fourcc, 4);
}

/* fb_i_peek makes a frame of a slot that should hold frame `number`, in place. FB_OVERRUN: it does not, or not any
 * more. What the frame says is true only if this says FB_OK. */
FB_FN fb_status fb_i_peek(const fb_i_map *m, uint64_t number, uint32_t slot, fb_i_source *source, fb_frame *f,
                          const char *name, fb_error *e) {
  fb_i_record *r = fb_i_slot_record(m, slot);
  source->sequence = &r->sequence;
  source->value = 2 * number + 2;
  if (fb_i_load(&r->sequence) != source->value) return FB_OVERRUN;
  fb_i_header h;
  memcpy(&h, &r->header, sizeof h);
  if (!fb_i_holds(source)) return FB_OVERRUN;
  const char *wrong = fb_i_header_wrong(m, &h, number);
  if (wrong) return fb_i_fail(e, FB_DAMAGED, 0, "%s: frame %llu: %s", name, (unsigned long long)number, wrong);
  fb_i_frame_of(f, m, &h, slot);
  return FB_OK;
}

/* ---- reader: registering (sections 8 and 11) ---- */

/* fb_i_seat is a registration: a cell of a control file, and its lock. */
typedef struct fb_i_seat {
  fb_i_control *control; /* NULL: not registered */
  fb_i_cell *cell;
  uint32_t cells, k;
  uint64_t control_id, token;
  int fd; /* an open file description of its own, for the lock alone */
  int cut;
} fb_i_seat;

typedef struct fb_i_held {
  uint64_t number;
  uint32_t map, seat; /* the mapping and the registration that it was given under */
  int pin;            /* -1: none */
} fb_i_held;

struct fb_reader {
  fb_i_place place;
  fb_mode mode;
  bool follow, in_pipe, unregistered;
  uint32_t hold;
  char label[24];

  fb_i_map *map;        /* the current generation */
  fb_i_map *older;      /* those of which frames are still held */
  uint32_t maps, seats; /* so many were there */
  fb_i_seat *seat;      /* never NULL; a heap object, as the guard knows its address */
  bool joined;          /* FB_LOSSLESS: it is known where to begin */
  bool alone;           /* FB_LOSSLESS: nobody wrote any more when it joined, no answer was needed */
  bool counts;          /* a frame was given: missed ones can be counted */
  uint64_t want;        /* number of the frame wanted; FB_NEWEST, FB_PINNED: that or a newer one */
  uint64_t expected;    /* one above the last frame given */
  uint64_t missed;      /* in all, for people */
  int64_t asked;        /* when the writer's lock was last asked */
  fb_status over;       /* what every further fb_next says, if not FB_OK */
  unsigned broken;      /* pins broken in a row */

  fb_i_held *held; /* in place, oldest first */
  uint32_t held_count, held_room;

  uint8_t *buffer, *meta;
  size_t buffer_size, meta_size;

  int interrupted;
  const uint32_t *event; /* of the current mapping, for fb_interrupt */
};

/* fb_i_ring_writer: the cursor event. */
FB_FN void fb_i_ring_writer(const fb_i_seat *s) {
  if (s->control) fb_i_ring(&s->control->cursor_event);
}

/* fb_i_leave clears the pins, gives the cell back, and frees the seat. */
FB_FN void fb_i_leave(fb_i_seat *s) {
  if (!s) return;
  if (s->control) {
    for (int j = 0; j < 6; j++) fb_i_store(&s->cell->pins[j], 0);
    fb_i_store(&s->cell->token, 0);
    fb_i_ring_writer(s);
    fb_i_unlock(s->fd, s->k);
    close(s->fd);
    fb_i_control_unmap(s->control, s->cells);
  }
  free(s);
}

/* fb_i_sit takes a cell. FB_NOT_FOUND: the control file is missing; look at the name again. FB_BUSY: none is free. */
FB_FN fb_status fb_i_sit(fb_reader *r, const fb_i_map *m, fb_i_seat *s, fb_error *e) {
  struct stat st;
  int mapped;
  uint64_t id = m->head.control_id;
  fb_status status = fb_i_file(&r->place, &id, O_RDWR, &s->fd, &st, e);
  if (status != FB_OK) return status;
  status = fb_i_control_map(s->fd, &st, &m->head, r->place.name, PROT_READ | PROT_WRITE, &s->cut, &s->control, e);
  mapped = s->fd;
  if (status == FB_OK) {
    s->fd = fb_i_again(mapped, O_RDWR);
    if (s->fd < 0) status = fb_i_fail(e, FB_SYSTEM, errno, "%s: opening the control file again", r->place.name);
  }
  close(mapped);
  s->cells = m->head.cells;
  s->control_id = id;
  for (s->k = 1; status == FB_OK && s->k <= s->cells; s->k++) {
    int got = fb_i_lock(s->fd, s->k);
    if (got > 0) break;
    if (got < 0) status = fb_i_fail(e, FB_SYSTEM, errno, "%s: locking a cell", r->place.name);
  }
  if (status == FB_OK && s->k > s->cells)
    status = fb_i_fail(e, FB_BUSY, 0, "%s: all %u places for readers are taken", r->place.name, (unsigned)s->cells);
  if (status == FB_OK) status = fb_i_random(&s->token, sizeof s->token, e);
  if (status != FB_OK) {
    if (s->control && s->fd >= 0) close(s->fd);
    fb_i_control_unmap(s->control, s->cells);
    s->control = NULL;
    return status;
  }
  if (!s->token) s->token = 1;
  fb_i_cell *c = s->cell = fb_i_cell_at(s->control, s->k);
  fb_i_store(&c->cursor, 0);
  for (int j = 0; j < 6; j++) fb_i_store(&c->pins[j], 0);
  c->mode = (uint32_t)r->mode;
  c->wishes = r->in_pipe ? FB_I_IN_PIPE : 0;
  c->hold = r->hold;
  c->pid = (uint32_t)getpid();
  c->missed = r->missed;
  c->max_lag = 0;
  memcpy(c->label, r->label, sizeof c->label);
  memcpy(&c->seen_gen, m->head.generation, 8);
  fb_i_store(&c->token, s->token);
  fb_i_ring_writer(s);
  return FB_OK;
}

/* fb_i_adopt makes a mapping the current one. The old one stays while frames of it are held. */
FB_FN void fb_i_adopt(fb_reader *r, fb_i_map *m) {
  fb_i_map *old = r->map;
  m->id = ++r->maps;
  r->map = m;
  r->asked = 0;
  __atomic_store_n(&r->event, (const uint32_t *)&m->dyn->event, __ATOMIC_RELEASE);
  if (m->head.first_frame < r->expected) r->expected = m->head.first_frame;
  if (r->mode != FB_LOSSLESS) r->want = r->expected;
  if (!old) return;
  if (old->held) {
    old->next = r->older;
    r->older = old;
  } else {
    fb_i_unmap(old);
  }
}

/* fb_i_begin makes a mapping the current one, as the first of its chain of generations: with a registration of its own.
 * FB_NOT_FOUND: look at the name again. On a failure the mapping is gone. */
FB_FN fb_status fb_i_begin(fb_reader *r, fb_i_map *m, fb_error *e) {
  fb_i_seat *seat = (fb_i_seat *)calloc(1, sizeof *seat);
  fb_status s = seat ? FB_OK : fb_i_fail(e, FB_SYSTEM, ENOMEM, "%s", r->place.name);
  if (s == FB_OK && !r->unregistered) {
    s = fb_i_sit(r, m, seat, e);
    if (r->mode == FB_NEWEST && (s != FB_NOT_FOUND || fb_i_place_named(&r->place, m))) s = FB_OK;
  }
  if (s != FB_OK) {
    free(seat);
    fb_i_unmap(m);
    return s;
  }
  fb_i_leave(r->seat);
  r->seat = seat;
  r->seats++;
  r->joined = r->mode != FB_LOSSLESS;
  r->alone = false;
  r->broken = 0;
  fb_i_adopt(r, m);
  return FB_OK;
}

/* ---- reader: end and death (section 15) ---- */

typedef enum fb_i_fate { FB_I_GOES_ON, FB_I_FRAME, FB_I_ENDED, FB_I_MOVED, FB_I_DIED } fb_i_fate;

/* fb_i_newer: is a frame published that is not below `want`? */
FB_FN bool fb_i_newer(const fb_i_map *m, uint64_t want) { return fb_i_load(&m->dyn->publish) >> 16 > want; }

/* fb_i_told is what the state says. Final is loaded after it. */
FB_FN fb_i_fate fb_i_told(const fb_i_map *m, uint64_t want) {
  uint32_t state = fb_i_load32(&m->dyn->state);
  if (state != FB_STATE_ENDED && state != FB_STATE_MOVED && state != FB_STATE_DEAD) return FB_I_GOES_ON;
  if (state == FB_STATE_DEAD) return fb_i_newer(m, want) ? FB_I_FRAME : FB_I_DIED;
  if (want < fb_i_load(&m->dyn->final) && fb_i_newer(m, want)) return FB_I_FRAME;
  return state == FB_STATE_ENDED ? FB_I_ENDED : FB_I_MOVED;
}

/* fb_i_fate_of also asks the lock, and then looks at everything again. */
FB_FN fb_i_fate fb_i_fate_of(const fb_i_map *m, uint64_t want) {
  fb_i_fate fate = fb_i_told(m, want);
  if (fate != FB_I_GOES_ON || fb_i_locked(m->fd, 0)) return fate;
  fate = fb_i_told(m, want);
  if (fate != FB_I_GOES_ON) return fate;
  return fb_i_newer(m, want) ? FB_I_FRAME : FB_I_DIED;
}

/* fb_i_written: may anybody still write into this generation? */
FB_FN bool fb_i_written(const fb_i_map *m) {
  uint32_t state = fb_i_load32(&m->dyn->state);
  return state != FB_STATE_ENDED && state != FB_STATE_MOVED && state != FB_STATE_DEAD && fb_i_locked(m->fd, 0);
}

FB_FN fb_status fb_i_end_of(const fb_reader *r, bool died, fb_error *e) {
  if (died) return fb_i_fail(e, FB_DIED, 0, "%s: the writer died", r->place.name);
  return fb_i_fail(e, FB_EOF, 0, "%s: the writer ended", r->place.name);
}

/* fb_i_succeed opens what comes after a generation that is over. FB_TIMEOUT: nothing yet. */
FB_FN fb_status fb_i_succeed(fb_reader *r, fb_i_fate fate, fb_error *e) {
  bool sealed = r->place.sealed[0] >= 0;
  if ((fate != FB_I_MOVED && !r->follow) || sealed) return fb_i_end_of(r, fate == FB_I_DIED, e);
  fb_i_map *m;
  fb_status s = fb_i_data(&r->place, &m, e);
  if (s == FB_NOT_FOUND) return r->follow ? FB_TIMEOUT : fb_i_end_of(r, false, e);
  if (s != FB_OK) return s;
  if (!memcmp(m->head.generation, r->map->head.generation, 16)) {
    fb_i_unmap(m);
    return r->follow ? FB_TIMEOUT : fb_i_end_of(r, false, e);
  }
  if (m->head.control_id == r->map->head.control_id) { /* the next generation of this chain */
    fb_i_adopt(r, m);
    if (r->seat->control) {
      uint64_t seen;
      memcpy(&seen, m->head.generation, 8);
      fb_i_store(&r->seat->cell->seen_gen, seen);
      fb_i_ring_writer(r->seat);
    }
    return FB_OK;
  }
  if (!r->follow) {
    bool died = m->head.flags & FB_I_TOOK_OVER;
    fb_i_unmap(m);
    return fb_i_end_of(r, died, e);
  }
  s = fb_i_begin(r, m, e);
  return s == FB_NOT_FOUND ? FB_TIMEOUT : s;
}

/* ---- reader: waiting (sections 14 and 15) ---- */

/* fb_i_rest sleeps until something happens, at most to the deadline. */
FB_FN fb_status fb_i_rest(fb_reader *r, uint32_t event, int64_t longest, int64_t deadline, fb_error *e) {
  int64_t now = fb_i_now();
  if (now >= deadline) return fb_i_fail(e, FB_TIMEOUT, 0, "%s: nothing came in time", r->place.name);
  fb_i_sleep_on(&r->map->dyn->event, event, deadline - now < longest ? deadline - now : longest);
  return FB_OK;
}

/* fb_i_join waits for the answer to a lossless registration, as long as anybody writes. */
FB_FN fb_status fb_i_join(fb_reader *r, int64_t deadline, fb_error *e) {
  for (;;) {
    if (__atomic_load_n(&r->interrupted, __ATOMIC_ACQUIRE))
      return fb_i_fail(e, FB_INTERRUPTED, 0, "%s: interrupted", r->place.name);
    const fb_i_map *m = r->map;
    uint32_t event = fb_i_load32(&m->dyn->event), state = fb_i_load32(&m->dyn->state);
    if (__atomic_load_n(&m->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
    bool written = fb_i_written(m);
    const fb_i_answer *a = fb_i_answer_to(m, r->seat->k);
    if (fb_i_load(&a->token) == r->seat->token) { /* an answer from before the end counts, too */
      uint32_t said = fb_i_load32(&a->state), reason = a->reason;
      uint64_t first = a->first, detail = a->detail;
      if (said == FB_I_REFUSED) {
        if (reason == 2)
          return fb_i_fail(e, FB_REFUSED, 0, "%s: to hold %u frames takes %llu slots, the segment has %u",
                           r->place.name, (unsigned)r->hold, (unsigned long long)detail, (unsigned)m->head.slots);
        return fb_i_fail(e, FB_REFUSED, 0, "%s: the writer takes no lossless readers", r->place.name);
      }
      if (said != FB_I_JOINED)
        return fb_i_fail(e, FB_EVICTED, 0, "%s: the writer stopped waiting for this reader", r->place.name);
      if (!first) return fb_i_fail(e, FB_DAMAGED, 0, "%s: the writer's answer names no frame", r->place.name);
      r->want = first - 1;
      r->joined = true;
      return FB_OK;
    }
    int64_t longest = FB_I_TICK;
    bool alone = !written && state != FB_STATE_MOVED;
    if (state == FB_STATE_MOVED) {
      fb_status s = fb_i_succeed(r, FB_I_MOVED, e);
      if (s == FB_OK) continue;
      if (s == FB_TIMEOUT) longest = FB_I_TICK / 5;
      else if (s == FB_EOF || s == FB_DIED) alone = true;
      else return s;
    }
    if (alone) {
      uint64_t newest = fb_i_load(&m->dyn->publish) >> 16;
      r->want = newest ? newest - 1 : m->head.first_frame;
      r->joined = r->alone = true;
      return FB_OK;
    }
    fb_status s = fb_i_rest(r, event, longest, deadline, e);
    if (s != FB_OK) return s;
  }
}

/* fb_i_promise: does the writer still wait for this lossless reader? */
FB_FN fb_status fb_i_promise(fb_reader *r, fb_error *e) {
  const fb_i_answer *a = fb_i_answer_to(r->map, r->seat->k);
  bool mine = fb_i_load(&a->token) == r->seat->token;
  if (mine ? fb_i_load32(&a->state) == FB_I_JOINED : r->alone || !fb_i_written(r->map)) return FB_OK;
  return r->over = fb_i_fail(e, FB_EVICTED, 0, "%s: the writer stopped waiting for this reader", r->place.name);
}

/* fb_i_await waits until the frame that is wanted is published. */
FB_FN fb_status fb_i_await(fb_reader *r, int64_t deadline, fb_error *e) {
  for (;;) {
    fb_status s;
    if (__atomic_load_n(&r->interrupted, __ATOMIC_ACQUIRE))
      return fb_i_fail(e, FB_INTERRUPTED, 0, "%s: interrupted", r->place.name);
    if (r->over != FB_OK) return fb_i_fail(e, r->over, 0, "%s: %s", r->place.name, fb_status_text(r->over));
    if (!r->joined && (s = fb_i_join(r, deadline, e)) != FB_OK) return s;
    fb_i_map *m = r->map;
    uint32_t event = fb_i_load32(&m->dyn->event);
    if (__atomic_load_n(&m->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
    if (r->mode == FB_LOSSLESS && (s = fb_i_promise(r, e)) != FB_OK) return s;
    if (fb_i_newer(m, r->want)) return FB_OK;
    int64_t now = fb_i_now(), longest = FB_I_TICK;
    bool ask = now - r->asked >= FB_I_TICK;
    if (ask) r->asked = now;
    fb_i_fate fate = ask ? fb_i_fate_of(m, r->want) : fb_i_told(m, r->want);
    if (fate == FB_I_FRAME) return FB_OK;
    if (fate != FB_I_GOES_ON) {
      s = fb_i_succeed(r, fate, e);
      if (s == FB_OK) continue;
      if (s != FB_TIMEOUT) return s;
      longest = FB_I_TICK / 5;
      r->asked = 0;
    }
    if ((s = fb_i_rest(r, event, longest, deadline, e)) != FB_OK) return s;
  }
}

/* ---- reader: opening ---- */

FB_FN fb_reader *fb_open(const char *name, const fb_reader_options *options, fb_error *e) {
  fb_reader_options o;
  memset(&o, 0, sizeof o);
  if (options) o = *options;
  if ((unsigned)o.mode > FB_LOSSLESS || (o.unregistered && o.mode != FB_NEWEST) || o.hold > 65534) {
    fb_i_fail(e, FB_INVALID, 0, "open: no such mode, or it needs a registration, or hold is above 65534");
    return NULL;
  }
  fb_reader *r = (fb_reader *)calloc(1, sizeof *r);
  if (!r) {
    fb_i_fail(e, FB_SYSTEM, ENOMEM, "open");
    return NULL;
  }
  r->mode = o.mode;
  r->follow = o.follow;
  r->in_pipe = o.in_pipe;
  r->unregistered = o.unregistered;
  r->hold = o.mode == FB_LOSSLESS ? o.hold : 0;
  if (o.label) memcpy(r->label, o.label, strnlen(o.label, sizeof r->label));
  r->held_room = o.mode == FB_LOSSLESS ? r->hold + 1 : 6;
  fb_status s = fb_i_place_init(&r->place, name, o.dir, o.trust, o.trust_count, true, e);
  r->held = (fb_i_held *)calloc(r->held_room, sizeof *r->held);
  if (s == FB_OK && !r->held) s = fb_i_fail(e, FB_SYSTEM, ENOMEM, "%s", r->place.name);
  int64_t deadline = fb_i_deadline(o.wait_ns);
  for (int vain = 0; s == FB_OK;) { /* a control file that stays away is no replacement that happens just now */
    fb_i_map *m;
    s = fb_i_data(&r->place, &m, e);
    bool there = s == FB_OK;
    if (there) s = fb_i_begin(r, m, e);
    if (s != FB_NOT_FOUND) break;
    bool once_more = there ? ++vain < 100 : fb_i_now() < deadline;
    if (!once_more) break;
    fb_i_sleep(there ? 2000000 : 10000000);
    s = FB_OK;
  }
  if (s == FB_OK && !r->joined) s = fb_i_join(r, fb_i_deadline(o.answer_ns ? o.answer_ns : (int64_t)5000000000), e);
  if (s == FB_OK) return r;
  fb_close(r);
  return NULL;
}

/* fb_i_free_older unmaps the generations of which nothing is held any more. */
FB_FN void fb_i_free_older(fb_reader *r, bool all) {
  for (fb_i_map **at = &r->older; *at;) {
    fb_i_map *m = *at;
    if (m->held && !all) {
      at = &m->next;
      continue;
    }
    *at = m->next;
    fb_i_unmap(m);
  }
}

FB_FN void fb_close(fb_reader *r) {
  if (!r) return;
  fb_i_leave(r->seat);
  fb_i_free_older(r, true);
  fb_i_unmap(r->map);
  fb_i_place_free(&r->place);
  free(r->held);
  free(r->buffer);
  free(r->meta);
  free(r);
}

FB_FN void fb_interrupt(fb_reader *r) {
  __atomic_store_n(&r->interrupted, 1, __ATOMIC_RELEASE);
  const uint32_t *event = __atomic_load_n(&r->event, __ATOMIC_ACQUIRE);
  int saved = errno;
  if (event) fb_i_wake(event); /* of a mapping that was just given up this is an error, and no harm */
  errno = saved;
}

FB_FN void fb_resume(fb_reader *r) { __atomic_store_n(&r->interrupted, 0, __ATOMIC_RELEASE); }

/* ---- reader: copies (section 12) ---- */

FB_FN bool fb_i_room(uint8_t **buffer, size_t *size, uint64_t need) {
  if (need <= *size) return true;
  void *more = NULL;
  if (posix_memalign(&more, 64, (size_t)need)) return false;
  free(*buffer);
  *buffer = (uint8_t *)more;
  *size = (size_t)need;
  return true;
}

/* fb_i_take copies frame `number` from a slot: to `into`, or else to memory of the reader. FB_OVERRUN: the slot does
 * not hold it, or not any more. */
FB_FN fb_status fb_i_take(fb_reader *r, uint64_t number, uint32_t slot, const fb_image *into, fb_frame *f,
                          fb_error *e) {
  const fb_i_map *m = r->map;
  fb_i_source source;
  fb_status s = fb_i_peek(m, number, slot, &source, f, r->place.name, e);
  if (s != FB_OK) return s;
  if (!fb_i_room(&r->meta, &r->meta_size, f->meta_length) ||
      (!into && !fb_i_room(&r->buffer, &r->buffer_size, f->length + 64)))
    return fb_i_fail(e, FB_SYSTEM, ENOMEM, "%s: memory for frame %llu", r->place.name, (unsigned long long)number);
  if (f->meta) {
    memcpy(r->meta, f->meta, f->meta_length);
    f->meta = r->meta;
  }
  bool whole = true;
  if (into) {
    s = fb_i_image_fits(into, f->format.pixels, f->format.width, f->format.height, f->length, e);
    if (s == FB_OK) whole = fb_i_to_image(f, into, &source);
  } else if (f->length) {
    whole = fb_i_move(r->buffer, f->data, f->length, &source);
  }
  if (!whole || !fb_i_holds(&source)) return FB_OVERRUN;
  for (uint32_t p = 0; p < f->planes; p++) f->plane[p].data = into ? NULL : r->buffer + (f->plane[p].data - f->data);
  f->data = into ? NULL : r->buffer;
  return s;
}

/* fb_i_overrun is the end of ten vain tries: false, if nobody writes any more, and what is not whole will never be. */
FB_FN fb_status fb_i_overrun(const fb_reader *r, bool written, fb_error *e) {
  if (written)
    return fb_i_fail(e, FB_OVERRUN, 0, "%s: the writer was faster than this reader, ten times", r->place.name);
  return fb_i_fail(e, FB_DAMAGED, 0, "%s: the published frame is not whole, and nobody writes any more", r->place.name);
}

/* fb_i_newest_slot is the published frame and its slot. */
FB_FN fb_status fb_i_newest_slot(const fb_reader *r, uint64_t *number, uint32_t *slot, fb_error *e) {
  uint64_t w = fb_i_load(&r->map->dyn->publish);
  *number = (w >> 16) - 1;
  *slot = (uint32_t)(w & 0xFFFF);
  if (w >> 16 && *slot < r->map->head.slots) return FB_OK;
  return fb_i_fail(e, FB_DAMAGED, 0, "%s: the published frame is in slot %u of %u", r->place.name, (unsigned)*slot,
                   (unsigned)r->map->head.slots);
}

FB_FN fb_status fb_i_newest_copy(fb_reader *r, const fb_image *into, fb_frame *f, fb_error *e) {
  bool written = true;
  for (int tries = 0; tries < 11; tries++) {
    uint64_t number;
    uint32_t slot;
    if (tries == 10 && (written = fb_i_written(r->map))) break;
    fb_status s = fb_i_newest_slot(r, &number, &slot, e);
    if (s == FB_OK) s = fb_i_take(r, number, slot, into, f, e);
    if (__atomic_load_n(&r->map->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
    if (s != FB_OVERRUN) return s;
  }
  return fb_i_overrun(r, written, e);
}

/* ---- reader: in place (sections 13 and 14) ---- */

FB_FN void fb_i_let_go(fb_reader *r, uint32_t at) {
  fb_i_held h = r->held[at];
  memmove(&r->held[at], &r->held[at + 1], (r->held_count - at - 1) * sizeof h);
  r->held_count--;
  bool current = r->map->id == h.map;
  if (current) r->map->held--;
  for (fb_i_map *m = r->older; m && !current; m = m->next)
    if (m->id == h.map) m->held--;
  fb_i_free_older(r, false);
}

FB_FN void fb_i_keep(fb_reader *r, fb_frame *f, const fb_i_source *source, int pin) {
  fb_i_held *h = &r->held[r->held_count++];
  h->number = f->number;
  h->map = r->map->id;
  h->seat = r->seats;
  h->pin = pin;
  r->map->held++;
  f->hold.sequence = source->sequence;
  f->hold.value = source->value;
  f->hold.id = r->map->id;
}

/* fb_i_unpin clears a pin, after everything that was read under it. */
FB_FN void fb_i_unpin(fb_reader *r, int pin) {
  if (pin >= 0 && r->seat->control) fb_i_store(&r->seat->cell->pins[pin], 0);
}

FB_FN fb_status fb_i_pin(fb_reader *r, fb_frame *f, fb_error *e) {
  bool taken[6] = {false, false, false, false, false, false}, written = true;
  int pin = 0;
  for (uint32_t i = 0; i < r->held_count; i++)
    if (r->held[i].pin >= 0) taken[r->held[i].pin] = true;
  while (pin < 6 && taken[pin]) pin++;
  if (pin == 6 || r->held_count == r->held_room)
    return fb_i_fail(e, FB_INVALID, 0, "%s: six frames are held; release one first", r->place.name);
  for (int tries = 0; tries < 11; tries++) {
    uint64_t number;
    uint32_t slot;
    fb_i_source source;
    if (tries == 10 && (written = fb_i_written(r->map))) break;
    fb_status s = fb_i_newest_slot(r, &number, &slot, e);
    if (s != FB_OK) return s;
    fb_i_store_seq_cst(&r->seat->cell->pins[pin],
                       number + 1); /* pairs with the writer's Back, then its look at the pins */
    uint64_t back = fb_i_load_seq_cst(&r->map->dyn->back);
    bool claimed = back && (back & 0xFFFF) == slot && back >> 16 != number + 1;
    s = claimed ? FB_OVERRUN : fb_i_peek(r->map, number, slot, &source, f, r->place.name, e);
    if (s == FB_OK) {
      fb_i_keep(r, f, &source, pin);
      return FB_OK;
    }
    fb_i_unpin(r, pin);
    if (__atomic_load_n(&r->map->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
    if (s != FB_OVERRUN) return s;
  }
  return fb_i_overrun(r, written, e);
}

/* fb_i_find_slot is the slot with exactly this sequence, or the number of slots. */
FB_FN uint32_t fb_i_find_slot(const fb_i_map *m, uint64_t number) {
  uint64_t w = fb_i_load(&m->dyn->publish);
  uint32_t slots = m->head.slots, likely = (uint32_t)(w & 0xFFFF);
  uint64_t back = (w >> 16) - 1 - number; /* slots are mostly used in turn */
  likely = likely < slots && back < slots ? (uint32_t)((likely + slots - back) % slots) : 0;
  for (uint32_t i = 0; i < slots; i++) {
    uint32_t slot = likely + i < slots ? likely + i : likely + i - slots;
    if (fb_i_load(&fb_i_slot_record(m, slot)->sequence) == 2 * number + 2) return slot;
  }
  return slots;
}

/* fb_i_evicted says why a frame that was promised is not whole. */
FB_FN fb_status fb_i_evicted(fb_reader *r, fb_error *e) {
  if (__atomic_load_n(&r->map->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
  return r->over = fb_i_fail(e, FB_EVICTED, 0, "%s: the writer stopped waiting for this reader", r->place.name);
}

/* fb_i_wanted gives the frame that is wanted, in place, without taking it. */
FB_FN fb_status fb_i_wanted(fb_reader *r, fb_frame *f, uint32_t *slot, fb_i_source *source, fb_error *e) {
  *slot = fb_i_find_slot(r->map, r->want);
  if (*slot == r->map->head.slots) {
    fb_status s = fb_i_promise(r, e);
    if (s != FB_OK) return s;
    if (__atomic_load_n(&r->map->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
    return r->over = fb_i_fail(e, FB_LOST, 0, "%s: frame %llu was promised, and is gone", r->place.name,
                               (unsigned long long)r->want);
  }
  fb_status s = fb_i_peek(r->map, r->want, *slot, source, f, r->place.name, e);
  return s == FB_OVERRUN ? fb_i_evicted(r, e) : s;
}

/* fb_i_done lets a lossless reader's frame go, and all before it. */
FB_FN void fb_i_done(fb_reader *r, uint64_t number) {
  fb_i_seat *s = r->seat;
  if (!s->control || fb_i_load(&s->cell->cursor) > number) return;
  fb_i_store(&s->cell->cursor, number + 1);
  fb_i_ring_writer(s);
}

/* fb_i_given counts a frame that the caller gets. */
FB_FN void fb_i_given(fb_reader *r, fb_frame *f) {
  f->missed = r->counts && f->number > r->expected ? f->number - r->expected : 0;
  r->counts = true;
  r->missed += f->missed;
  r->want = r->expected = f->number + 1;
  if (f->missed && r->seat->control) r->seat->cell->missed = r->missed;
}

/* fb_i_drop_oldest lets the oldest frames of a lossless reader go, until `leave` are held. The cell of another chain of
 * generations does not know their numbers. */
FB_FN void fb_i_drop_oldest(fb_reader *r, uint32_t leave) {
  while (r->held_count > leave) {
    fb_i_held h = r->held[0];
    fb_i_let_go(r, 0);
    if (h.seat == r->seats) fb_i_done(r, h.number);
  }
}

/* ---- reader: the calls ---- */

FB_FN fb_status fb_i_next(fb_reader *r, int64_t deadline, const fb_image *into, fb_frame *f, fb_error *e) {
  memset(f, 0, sizeof *f);
  if (r->mode == FB_LOSSLESS) fb_i_drop_oldest(r, r->hold);
  fb_status s = fb_i_await(r, deadline, e);
  if (s != FB_OK) return s;
  if (r->mode == FB_NEWEST || (r->mode == FB_PINNED && into)) {
    s = fb_i_newest_copy(r, into, f, e);
  } else if (r->mode == FB_PINNED) {
    s = fb_i_pin(r, f, e);
  } else {
    fb_i_source source;
    uint32_t slot;
    s = fb_i_wanted(r, f, &slot, &source, e);
    if (s == FB_OK && into) {
      s = fb_i_take(r, r->want, slot, into, f, e);
      if (s == FB_OVERRUN) s = fb_i_evicted(r, e);
      if (s == FB_OK) {
        fb_i_drop_oldest(r, 0);
        fb_i_done(r, f->number);
      }
    } else if (s == FB_OK) {
      fb_i_keep(r, f, &source, -1);
    }
  }
  if (s == FB_OK) fb_i_given(r, f);
  return s;
}

FB_FN fb_status fb_next(fb_reader *r, int64_t timeout_ns, fb_frame *f, fb_error *e) {
  return fb_i_next(r, fb_i_deadline(timeout_ns), NULL, f, e);
}

FB_FN fb_status fb_next_into(fb_reader *r, int64_t timeout_ns, const fb_image *into, fb_frame *f, fb_error *e) {
  return fb_i_next(r, fb_i_deadline(timeout_ns), into, f, e);
}

FB_FN fb_status fb_wait(fb_reader *r, int64_t timeout_ns, fb_error *e) {
  if (r->mode == FB_LOSSLESS) fb_i_drop_oldest(r, r->hold);
  return fb_i_await(r, fb_i_deadline(timeout_ns), e);
}

FB_FN bool fb_newest(const fb_reader *r, uint64_t *number) {
  uint64_t w = fb_i_load(&r->map->dyn->publish);
  if (w >> 16 && number) *number = (w >> 16) - 1;
  return w >> 16;
}

/* fb_i_look looks for a frame with this reference among those that are there. FB_TIMEOUT: not yet. `seen` is one above
 * the newest frame looked at. */
FB_FN fb_status fb_i_look(fb_reader *r, const fb_reference *of, const fb_image *into, uint64_t *seen, fb_frame *f,
                          fb_error *e) {
  static const uint8_t any[8] = {0};
  const fb_i_map *m = r->map;
  for (int tries = 0; tries < 10; tries++) {
    bool later = false, found = false;
    uint64_t number = 0;
    uint32_t where = 0;
    *seen = fb_i_load(&m->dyn->publish) >> 16;
    for (uint32_t slot = 0; slot < m->head.slots; slot++) {
      fb_i_record *record = fb_i_slot_record(m, slot);
      fb_i_source source;
      source.sequence = &record->sequence;
      source.value = fb_i_load(&record->sequence);
      uint64_t n = source.value / 2 - 1, ref;
      uint8_t generation[8];
      if (!source.value || source.value % 2 || n >= *seen) continue;
      memcpy(&ref, &record->header.ref_frame, 8);
      memcpy(generation, record->header.ref_generation, 8);
      if (!fb_i_holds(&source) || !ref) continue;
      if (memcmp(of->generation, any, 8) && memcmp(of->generation, generation, 8)) continue;
      if (ref - 1 > of->number) later = true;
      if (ref - 1 != of->number || (found && n < number)) continue;
      found = true;
      number = n;
      where = slot;
    }
    if (!found)
      return later ? fb_i_fail(e, FB_LOST, 0, "%s: whoever writes went past frame %llu", r->place.name,
                               (unsigned long long)of->number)
                   : FB_TIMEOUT;
    fb_status s = fb_i_take(r, number, where, into, f, e);
    if (__atomic_load_n(&m->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
    if (s != FB_OVERRUN) return s;
  }
  return fb_i_overrun(r, true, e);
}

FB_FN fb_status fb_find(fb_reader *r, int64_t timeout_ns, const fb_reference *of, const fb_image *into, fb_frame *f,
                        fb_error *e) {
  int64_t deadline = fb_i_deadline(timeout_ns);
  memset(f, 0, sizeof *f);
  if (r->mode == FB_LOSSLESS)
    return fb_i_fail(e, FB_INVALID, 0, "%s: a lossless reader gets every frame in turn", r->place.name);
  for (;;) {
    uint64_t seen, want = r->want;
    uint32_t map = r->map->id;
    fb_status s = fb_i_look(r, of, into, &seen, f, e);
    if (s == FB_OK && f->number >= r->want) r->want = r->expected = f->number + 1;
    if (s == FB_OK) r->counts = true;
    if (s != FB_TIMEOUT) return s;
    r->want = seen;
    s = fb_i_await(r, deadline, e);
    if (r->map->id == map) r->want = want; /* what was only looked at is still to be given */
    if (s != FB_OK) return s;
  }
}

FB_FN int fb_i_descending(const void *a, const void *b) {
  uint64_t x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return x < y ? 1 : x > y ? -1 : 0;
}

FB_FN size_t fb_numbers(fb_reader *r, uint64_t *numbers, size_t room) {
  const fb_i_map *m = r->map;
  uint64_t published = fb_i_load(&m->dyn->publish) >> 16;
  uint64_t *all = (uint64_t *)malloc(m->head.slots * sizeof *all);
  size_t n = 0;
  for (uint32_t slot = 0; all && slot < m->head.slots; slot++) {
    uint64_t sequence = fb_i_load(&fb_i_slot_record(m, slot)->sequence);
    if (sequence && sequence % 2 == 0 && sequence / 2 <= published) all[n++] = sequence / 2 - 1;
  }
  if (n) qsort(all, n, sizeof *all, fb_i_descending);
  if (n > room) n = room;
  if (n) memcpy(numbers, all, n * sizeof *all);
  free(all);
  return n;
}

FB_FN fb_status fb_get(fb_reader *r, uint64_t number, const fb_image *into, fb_frame *f, fb_error *e) {
  memset(f, 0, sizeof *f);
  uint32_t slot = r->map->head.slots;
  if (number < FB_I_NUMBERS && fb_i_newer(r->map, number)) slot = fb_i_find_slot(r->map, number);
  fb_status s = slot == r->map->head.slots ? FB_OVERRUN : fb_i_take(r, number, slot, into, f, e);
  if (__atomic_load_n(&r->map->cut, __ATOMIC_RELAXED)) return fb_i_cut(r->place.name, e);
  if (s != FB_OVERRUN) return s;
  return fb_i_fail(e, FB_LOST, 0, "%s: frame %llu is not there", r->place.name, (unsigned long long)number);
}

FB_FN bool fb_valid(const fb_frame *f) {
  fb_i_source source;
  source.sequence = f->hold.sequence;
  source.value = f->hold.value;
  return fb_i_holds(&source);
}

/* fb_i_pin_broken: a cell whose pins were broken three times in a row is ignored until it has a new token. */
FB_FN void fb_i_pin_broken(fb_reader *r) {
  fb_i_seat *s = r->seat;
  uint64_t token;
  if (++r->broken < 3 || !s->control || fb_i_random(&token, sizeof token, NULL) != FB_OK || !token) return;
  r->broken = 0;
  s->token = token;
  fb_i_store(&s->cell->token, token);
  fb_i_ring_writer(s);
}

FB_FN fb_status fb_release(fb_reader *r, fb_frame *f, fb_error *e) {
  fb_i_source source;
  source.sequence = f->hold.sequence;
  source.value = f->hold.value;
  uint32_t at = 0;
  while (at < r->held_count && (r->held[at].number != f->number || r->held[at].map != f->hold.id)) at++;
  f->hold.sequence = NULL;
  f->data = f->meta = NULL;
  for (int p = 0; p < 4; p++) f->plane[p].data = NULL;
  if (!source.sequence) return FB_OK;
  if (at == r->held_count) /* fb_next has let it go */
    return r->over == FB_EVICTED ? fb_i_fail(e, FB_EVICTED, 0, "%s: evicted", r->place.name) : FB_OK;
  fb_i_held h = r->held[at];
  bool whole = fb_i_holds(&source), cut = __atomic_load_n(&r->map->cut, __ATOMIC_RELAXED);
  if (r->mode == FB_LOSSLESS) {
    fb_i_drop_oldest(r, r->held_count - at - 1);
    if (whole && !cut) return FB_OK;
    return fb_i_evicted(r, e);
  }
  if (h.seat == r->seats) fb_i_unpin(r, h.pin);
  fb_i_let_go(r, at);
  if (cut) return fb_i_cut(r->place.name, e);
  if (whole) {
    r->broken = 0;
    return FB_OK;
  }
  fb_i_pin_broken(r);
  return fb_i_fail(e, FB_BROKEN, 0, "%s: the writer needed the slot of frame %llu", r->place.name,
                   (unsigned long long)f->number);
}

FB_FN uint32_t fb_source_state(const fb_reader *r) { return fb_i_load32(&r->map->dyn->source); }

/* fb_i_error_text copies the source's last error, if it holds still for a moment. */
FB_FN void fb_i_error_text(const fb_i_dynamic *d, char to[257]) {
  for (int tries = 0; tries < 10; tries++) {
    uint32_t seq = fb_i_load32(&d->error_seq), length = d->error_length;
    memset(to, 0, 257);
    if (length > 256) length = 256;
    memcpy(to, d->error, length);
    fb_i_ldld();
    if (seq % 2 == 0 && __atomic_load_n(&d->error_seq, __ATOMIC_RELAXED) == seq) return;
    if (tries > 5) fb_i_sleep(1000000);
  }
  memset(to, 0, 257);
}

FB_FN fb_status fb_describe(fb_reader *r, fb_segment *s, fb_error *e) {
  const fb_i_map *m = r->map;
  const fb_i_static *h = &m->head;
  fb_i_dynamic d;
  memset(s, 0, sizeof *s);
  snprintf(s->name, sizeof s->name, "%.64s", h->name);
  s->major = h->major;
  s->minor = h->minor;
  s->must = h->must;
  s->kind = h->kind;
  s->cells = h->cells;
  s->slots = h->slots;
  s->alignment = h->alignment;
  s->meta_capacity = h->meta_capacity;
  s->flags = h->flags;
  s->lossless = h->lossless;
  s->backing = h->backing;
  s->writer_pid = h->writer_pid;
  s->file_size = h->file_size;
  s->capacity = h->capacity;
  s->first_frame = h->first_frame;
  s->control_id = h->control_id;
  memcpy(s->generation, h->generation, 16);
  memcpy(s->previous, h->previous, 16);
  s->created_wall_ns = h->created_wall;
  s->created_mono_ns = h->created_mono;
  s->tai_offset_s = h->tai_offset;
  s->alive = fb_i_locked(m->fd, 0);
  s->state = fb_i_load32(&m->dyn->state);
  s->has_final = s->state == FB_STATE_ENDED || s->state == FB_STATE_MOVED;
  s->final = fb_i_load(&m->dyn->final);
  memcpy(&d, m->dyn, sizeof d);
  s->source = d.source;
  s->published = d.published;
  s->abandoned = d.abandoned;
  s->pins_broken = d.broken;
  s->evicted = d.evicted;
  s->blocked_ns = d.blocked;
  memcpy(s->drops, d.drops, sizeof s->drops);
  s->restarts = d.restarts;
  s->stalls = d.stalls;
  s->heartbeat = d.heartbeat;
  fb_i_error_text(m->dyn, s->error);
  return __atomic_load_n(&m->cut, __ATOMIC_RELAXED) ? fb_i_cut(r->place.name, e) : FB_OK;
}

/* ---- writer: what it knows of its readers (sections 5, 8, 14) ---- */

typedef struct fb_i_pin_seen {
  uint64_t value;
  int64_t since; /* when the writer first saw it */
  bool broken;
} fb_i_pin_seen;

/* fb_i_peer is one cell, as the writer believes it. */
typedef struct fb_i_peer {
  uint64_t token;        /* answered; 0: nobody */
  uint64_t nobody;       /* a token of which the lock was free */
  uint64_t done;         /* n+1 of the last frame let go; it never falls */
  int64_t blocked_since; /* the writer needs a slot that this reader is owed; 0: no */
  int64_t died_at;       /* its frames may still sit in a pipe; 0: no */
  bool lossless;         /* joined: frames are owed to it */
  bool in_pipe, ignored;
  unsigned row; /* pins broken in a row */
  fb_i_pin_seen pins[6];
} fb_i_peer;

struct fb_writer {
  fb_i_place place;
  fb_writer_options options;
  fb_format format;

  pthread_mutex_t mutex; /* guards all below, but for the payload of a claimed slot */
  pthread_t thread;
  bool threaded;
  uint32_t stop; /* futex of the thread */
  int interrupted;

  fb_i_map *map;
  int lock; /* an open file description for the writer's lock of the data file */
  fb_i_control *control;
  int control_lock, control_cut;
  fb_i_peer *peers; /* 1 to cells */

  uint64_t *slots; /* n+1 of the frame in each; 0: none, or left odd */
  uint64_t next;   /* number of the next frame */
  uint32_t published_slot;
  uint64_t published; /* n+1 of this generation's newest frame */
  bool claimed, ended, was_lossless;
  uint32_t claimed_slot;
  int64_t claimed_mono, claimed_wall, ticked;
};

FB_FN bool fb_i_alive(const fb_writer *w, uint32_t k) { return fb_i_locked(w->control_lock, k); }

FB_FN void fb_i_add(uint64_t *counter, uint64_t n) { __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED); }

FB_FN void fb_i_tell(const fb_writer *w) { fb_i_ring(&w->map->dyn->event); }

/* fb_i_answer_cell answers a new registration. */
FB_FN void fb_i_answer_cell(fb_writer *w, uint32_t k, uint64_t token) {
  fb_i_peer *p = &w->peers[k];
  fb_i_cell c;
  memcpy(&c, fb_i_cell_at(w->control, k), sizeof c);
  fb_i_answer *a = fb_i_answer_to(w->map, k);
  uint32_t reason = 0;
  uint64_t slots = (uint64_t)c.hold + 1;
  if (c.mode == FB_LOSSLESS && w->options.lossless == FB_LOSSLESS_REFUSE) reason = 1;
  if (c.mode == FB_LOSSLESS && !reason && slots > w->map->head.slots) reason = 2;
  uint64_t first = w->published ? w->published : w->next + 1;
  a->first = first;
  a->evicted_at = 0;
  a->broken = 0;
  a->detail = reason == 2 ? slots : 0;
  a->reason = reason;
  fb_i_store32(&a->state, reason ? FB_I_REFUSED : FB_I_JOINED);
  fb_i_store(&a->token, token);
  memset(p, 0, sizeof *p);
  p->token = token;
  p->lossless = c.mode == FB_LOSSLESS && !reason;
  p->in_pipe = c.wishes & FB_I_IN_PIPE;
  p->done = first - 1;
  if (p->lossless) w->was_lossless = true;
  fb_i_tell(w);
}

FB_FN void fb_i_evict(fb_writer *w, uint32_t k) {
  fb_i_peer *p = &w->peers[k];
  fb_i_answer *a = fb_i_answer_to(w->map, k);
  a->evicted_at = p->done;
  fb_i_store32(&a->state, FB_I_EVICTED);
  p->lossless = false;
  p->blocked_since = 0;
  fb_i_add(&w->map->dyn->evicted, 1);
  fb_i_tell(w);
}

/* fb_i_see_cursor believes a cursor, as far as it can be true. */
FB_FN void fb_i_see_cursor(fb_writer *w, uint32_t k) {
  fb_i_peer *p = &w->peers[k];
  uint64_t done = fb_i_load(&fb_i_cell_at(w->control, k)->cursor);
  uint64_t most = w->published ? w->published : w->next; /* n+1 of the newest frame there ever was */
  if (done > most) done = most;
  if (done <= p->done) return;
  p->done = done;
  p->blocked_since = 0;
}

/* fb_i_see_pins notes since when each pin is there. A pin let go unbroken ends a row of broken ones. */
FB_FN void fb_i_see_pins(fb_writer *w, uint32_t k, int64_t now) {
  fb_i_peer *p = &w->peers[k];
  const fb_i_cell *c = fb_i_cell_at(w->control, k);
  for (int j = 0; j < 6; j++) {
    fb_i_pin_seen *seen = &p->pins[j];
    uint64_t value = fb_i_load_seq_cst(&c->pins[j]);
    if (value == seen->value) continue;
    if (seen->value && !seen->broken) p->row = 0;
    seen->value = value;
    seen->since = now;
    seen->broken = false;
  }
}

/* fb_i_serve looks at all cells: at each claim, and with `tick` at each tick, when it also asks who is still there. */
FB_FN void fb_i_serve(fb_writer *w, bool tick) {
  int64_t now = fb_i_now();
  if (w->control_cut) { /* a reader cut its file off: nobody can be waited for any more */
    for (uint32_t k = 1; k <= w->map->head.cells; k++)
      if (w->peers[k].lossless) fb_i_evict(w, k);
  }
  for (uint32_t k = 1; k <= w->map->head.cells; k++) {
    fb_i_peer *p = &w->peers[k];
    const fb_i_cell *c = fb_i_cell_at(w->control, k);
    uint64_t token = fb_i_load(&c->token);
    if (token != p->token) { /* the old registration is over */
      if (p->token) memset(p, 0, sizeof *p);
      if (!token || w->ended || (token == p->nobody && !tick)) continue;
      if (fb_i_alive(w, k)) fb_i_answer_cell(w, k, token);
      else p->nobody = token;
    } else if (token && tick && !p->died_at && !fb_i_alive(w, k) && fb_i_load(&c->token) == token) {
      if (p->lossless && p->in_pipe) {
        p->died_at = now;
      } else {
        memset(p, 0, sizeof *p);
        p->nobody = token;
      }
    }
    if (p->died_at && now - p->died_at >= 1000000000) {
      memset(p, 0, sizeof *p);
      p->nobody = token;
    }
    if (p->lossless) fb_i_see_cursor(w, k);
    if (p->lossless && p->blocked_since && w->options.lossless == FB_LOSSLESS_EVICT &&
        now - p->blocked_since >= w->options.evict_ns)
      fb_i_evict(w, k);
    if (token) fb_i_see_pins(w, k, now);
  }
  if (!tick) return;
  w->ticked = now;
  fb_i_add(&w->map->dyn->heartbeat, 1);
}

/* fb_i_serve_due ticks when it is time to. */
FB_FN void fb_i_serve_due(fb_writer *w) { fb_i_serve(w, fb_i_now() - w->ticked >= FB_I_TICK / 2); }

FB_FN void *fb_i_ticker(void *writer) {
  fb_writer *w = (fb_writer *)writer;
  while (!fb_i_load32(&w->stop)) {
    struct timespec t = fb_i_timespec(FB_I_TICK / 2);
    syscall(SYS_futex, &w->stop, 0, 0, &t, NULL, 0);
    pthread_mutex_lock(&w->mutex);
    if (!w->ended) fb_i_serve(w, true);
    pthread_mutex_unlock(&w->mutex);
  }
  return NULL;
}

FB_FN void fb_tick(fb_writer *w) {
  pthread_mutex_lock(&w->mutex);
  if (!w->ended) fb_i_serve(w, true);
  pthread_mutex_unlock(&w->mutex);
}

/* ---- writer: making files (section 16) ---- */

/* fb_i_unnamed makes a file without a name, with all its memory. */
FB_FN fb_status fb_i_unnamed(const fb_writer *w, int dir, uint64_t size, mode_t mode, int *out, fb_error *e) {
  int fd = *out = fb_i_open(dir, ".", FB_I_TMPFILE | O_RDWR, 0600);
  if (fd < 0) return fb_i_fail(e, FB_SYSTEM, errno, "%s: making a file in %.120s", w->place.name, w->place.dir);
  fb_status s = FB_OK;
  if ((w->options.has_group && fchown(fd, (uid_t)-1, w->options.group)) || fchmod(fd, mode))
    s = fb_i_fail(e, FB_SYSTEM, errno, "%s: group and mode of a file", w->place.name);
  long r = 0;
  do {
    if (s == FB_OK) r = syscall(SYS_fallocate, fd, 0, (off_t)0, (off_t)size);
  } while (r && errno == EINTR);
  if (r) {
    bool full = errno == ENOSPC || errno == EFBIG || errno == ENOMEM;
    s = fb_i_fail(e, full ? FB_NO_SPACE : FB_SYSTEM, errno, "%s: %llu bytes in %.120s", w->place.name,
                  (unsigned long long)size, w->place.dir);
  }
  if (s == FB_OK) return FB_OK;
  close(fd);
  *out = -1;
  return s;
}

/* fb_i_link gives a file without a name its name: 1 done, 0 the name exists, -1 errno. */
FB_FN int fb_i_link(int fd, int dir, const char *name) {
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (!linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW)) return 1;
  return errno == EEXIST ? 0 : -1;
}

FB_FN uint64_t fb_i_round(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

/* fb_i_head_plan fills a static header but for identities: false if there is no such segment. */
FB_FN bool fb_i_head_plan(fb_i_static *h, const fb_writer_options *o, uint64_t capacity) {
  memset(h, 0, sizeof *h);
  memcpy(h->magic, "FBRIDGE\n", 8);
  h->major = 1;
  h->header_size = sizeof *h;
  h->kind = o->kind;
  h->cells = o->cells;
  h->slots = o->slots;
  h->capacity = capacity;
  h->meta_capacity = o->meta_capacity;
  h->alignment = o->kind == FB_KIND_VIDEO ? 65536 : 4096;
  h->tail = 64;
  h->dyn_offset = 256;
  h->dyn_size = 1280;
  h->table_offset = h->dyn_offset + h->dyn_size;
  h->table_record = 128;
  h->slot_table = h->table_offset + (h->cells + 1) * h->table_record;
  h->slot_record = (uint32_t)fb_i_round(512 + (uint64_t)h->meta_capacity, 128);
  h->slots_offset = fb_i_round(h->slot_table + (uint64_t)h->slots * h->slot_record, h->alignment);
  if (capacity > (uint64_t)1 << 40) return false;
  h->slot_stride = fb_i_round(capacity + h->tail, h->alignment);
  h->file_size = h->slots_offset + h->slots * h->slot_stride;
  h->backing = 1;
  h->lossless = o->lossless;
  h->flags = (o->live ? FB_I_LIVE : 0) | (o->no_thread ? FB_I_AT_FRAMES : 0) | (o->keep ? FB_I_KEPT : 0);
  return !fb_i_head_wrong(h);
}

/* fb_i_made is a data file that has no name yet, locked. */
typedef struct fb_i_made {
  fb_i_map *map;
  int fd, lock;
} fb_i_made;

FB_FN void fb_i_made_free(fb_i_made *m) {
  if (m->map) fb_i_unmap(m->map);
  if (m->fd >= 0) close(m->fd);
  if (m->lock >= 0) close(m->lock);
}

/* fb_i_make_data makes the data file that a header describes. */
FB_FN fb_status fb_i_make_data(fb_writer *w, int dir, fb_i_static *h, fb_i_made *made, fb_error *e) {
  struct stat st;
  made->map = NULL;
  made->lock = -1;
  fb_status s = fb_i_unnamed(w, dir, h->file_size, w->options.has_group ? 0640 : 0600, &made->fd, e);
  if (s == FB_OK) s = fb_i_random(h->generation, sizeof h->generation, e);
  h->created_wall = fb_i_clock(CLOCK_REALTIME);
  h->created_mono = fb_i_now();
  h->writer_pid = (uint32_t)getpid();
  memcpy(h->name, w->place.name, strlen(w->place.name)); /* 64 at most, and zeros before */
  h->crc = 0;
  h->crc = fb_crc(0, h, sizeof *h);
  if (s == FB_OK && fstat(made->fd, &st)) s = fb_i_fail(e, FB_SYSTEM, errno, "%s", w->place.name);
  if (s == FB_OK && !(made->map = fb_i_map_file(made->fd, h, &st, true, w->place.name, e))) s = FB_SYSTEM;
  if (s == FB_OK) {
    memcpy(made->map->base, h, sizeof *h);
    fb_i_store32(&made->map->dyn->state, FB_STATE_LIVE);
    made->lock = fb_i_again(made->fd, O_RDWR);
    if (made->lock < 0 || fb_i_lock(made->lock, 0) != 1)
      s = fb_i_fail(e, FB_SYSTEM, errno, "%s: taking the writer's lock", w->place.name);
  }
  if (s != FB_OK) fb_i_made_free(made);
  return s;
}

/* fb_i_make_control makes the control file, with a new id, and names it. */
FB_FN fb_status fb_i_make_control(fb_writer *w, int dir, uint32_t cells, uint64_t *id, fb_error *e) {
  uint64_t size = 128 * ((uint64_t)cells + 1);
  int fd;
  fb_status s = fb_i_random(id, sizeof *id, e);
  if (s == FB_OK) s = fb_i_unnamed(w, dir, size, w->options.has_group ? 0660 : 0600, &fd, e);
  if (s != FB_OK) return s;
  fb_i_control c;
  memset(&c, 0, sizeof c);
  memcpy(c.magic, "FBCELLS\n", 8);
  c.major = 1;
  c.cells = cells;
  c.id = *id;
  char name[96];
  fb_i_control_name(name, w->place.name, *id);
  void *base = MAP_FAILED;
  if (pwrite(fd, &c, sizeof c, 0) != (ssize_t)sizeof c ||
      (base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED ||
      (w->control_lock = fb_i_again(fd, O_RDWR)) < 0 || fb_i_lock(w->control_lock, 0) != 1 ||
      fb_i_link(fd, dir, name) != 1)
    s = fb_i_fail(e, FB_SYSTEM, errno, "%s: making the control file", w->place.name);
  close(fd);
  if (base != MAP_FAILED) {
    fb_i_watch(base, size, &w->control_cut, false);
    w->control = (fb_i_control *)base;
  }
  return s;
}

/* ---- writer: taking a name ---- */

/* fb_i_old is a segment that has the name, and nobody who writes it: locked by us. */
typedef struct fb_i_old {
  fb_i_map *map; /* NULL: nothing has the name */
  int lock;
  uint64_t next; /* one above every number in it */
  bool kept, clean;
} fb_i_old;

FB_FN void fb_i_old_free(fb_i_old *o) {
  if (o->map) fb_i_unmap(o->map);
  if (o->lock >= 0) close(o->lock);
  o->map = NULL;
  o->lock = -1;
}

FB_FN uint64_t fb_i_above_all(const fb_i_map *m) {
  uint64_t next = m->head.first_frame, n = fb_i_load(&m->dyn->publish) >> 16;
  if (n > next) next = n;
  n = fb_i_load(&m->dyn->back) >> 16;
  if (n > next) next = n;
  for (uint32_t slot = 0; slot < m->head.slots; slot++) {
    uint64_t sequence = fb_i_load(&fb_i_slot_record(m, slot)->sequence);
    n = sequence / 2 + sequence % 2;
    if (n > next) next = n;
  }
  return next;
}

/* fb_i_take_old locks what has the name. FB_BUSY: somebody writes it. FB_NOT_FOUND: it has changed; look again. FB_OK
 * without a mapping: nothing has the name. */
FB_FN fb_status fb_i_take_old(const fb_i_place *p, int dir, fb_i_old *o, fb_error *e) {
  int fd;
  struct stat st;
  fb_i_static head;
  o->map = NULL;
  o->lock = -1;
  fb_status s = fb_i_file(p, NULL, O_RDWR, &fd, &st, e);
  if (s == FB_NOT_FOUND) return FB_OK;
  if (s != FB_OK) return s;
  s = fb_i_head_read(fd, &st, p->name, &head, e);
  if (s == FB_OK) {
    o->lock = fb_i_again(fd, O_RDWR);
    int got = o->lock < 0 ? -1 : fb_i_lock(o->lock, 0);
    if (got < 0) s = fb_i_fail(e, FB_SYSTEM, errno, "%s: locking it", p->name);
    if (got == 0) s = fb_i_fail(e, FB_BUSY, 0, "%s: another writer has the name", p->name);
    if (got > 0 && !fb_i_named(dir, p->name, st.st_dev, st.st_ino)) s = FB_NOT_FOUND;
  }
  if (s == FB_OK && !(o->map = fb_i_map_file(fd, &head, &st, true, p->name, e))) s = FB_SYSTEM;
  close(fd);
  if (s != FB_OK) {
    fb_i_old_free(o);
    return s;
  }
  o->kept = head.flags & FB_I_KEPT;
  o->clean = fb_i_load32(&o->map->dyn->state) == FB_STATE_ENDED;
  o->next = fb_i_above_all(o->map);
  return FB_OK;
}

/* fb_i_inherit is what a header says of the segment before it. */
FB_FN void fb_i_inherit(fb_i_static *h, const fb_i_old *o) {
  if (!o->map) return;
  h->first_frame = (o->clean && !o->kept) || o->next >= FB_I_NUMBERS ? 0 : o->next;
  if (o->clean) return;
  h->flags |= FB_I_TOOK_OVER;
  memcpy(h->previous, o->map->head.generation, 16);
}

/* fb_i_name gives a new file its name: 1 done, 0 somebody else has it now, -1 errno. */
FB_FN int fb_i_name(const fb_writer *w, int dir, const fb_i_made *made, bool replace) {
  if (!replace) return fb_i_link(made->fd, dir, w->place.name);
  char hidden[120];
  int n = snprintf(hidden, sizeof hidden, ".%s.", w->place.name);
  for (int i = 0; i < 16; i++)
    n += snprintf(hidden + n, sizeof hidden - (size_t)n, "%02x", made->map->head.generation[i]);
  snprintf(hidden + n, sizeof hidden - (size_t)n, ".new");
  int done = fb_i_link(made->fd, dir, hidden);
  if (done == 1 && renameat(dir, hidden, dir, w->place.name)) {
    int saved = errno;
    unlinkat(dir, hidden, 0);
    errno = saved;
    done = -1;
  }
  return done;
}

/* fb_i_bury says in a file that was replaced that its writer is dead, if it did not end, and takes its control file
 * away. */
FB_FN void fb_i_bury(const fb_writer *w, int dir, fb_i_old *o) {
  uint32_t state = fb_i_load32(&o->map->dyn->state);
  if (state != FB_STATE_ENDED && state != FB_STATE_MOVED && state != FB_STATE_DEAD)
    fb_i_store32(&o->map->dyn->state, FB_STATE_DEAD);
  fb_i_ring(&o->map->dyn->event);
  char control[96];
  fb_i_control_name(control, w->place.name, o->map->head.control_id);
  unlinkat(dir, control, 0);
}

/* fb_i_drop_control takes back a control file whose data file got no name. */
FB_FN void fb_i_drop_control(fb_writer *w, int dir, uint64_t id, uint32_t cells) {
  char name[96];
  fb_i_control_name(name, w->place.name, id);
  if (dir >= 0) unlinkat(dir, name, 0);
  fb_i_control_unmap(w->control, cells);
  w->control = NULL;
  if (w->control_lock >= 0) close(w->control_lock);
  w->control_lock = -1;
}

/* fb_i_occupy makes a mapping the one that is written. */
FB_FN void fb_i_occupy(fb_writer *w, fb_i_made *made) {
  if (w->map) fb_i_unmap(w->map);
  if (w->lock >= 0) close(w->lock);
  w->map = made->map;
  w->lock = made->lock;
  w->published = 0;
  w->next = made->map->head.first_frame;
  memset(w->slots, 0, made->map->head.slots * sizeof *w->slots);
}

/* fb_i_filler publishes the first frame into a file that has no name yet: for values. */
typedef fb_status (*fb_i_filler)(fb_writer *w, const fb_i_old *old, void *context, fb_error *e);

/* fb_i_attempt makes the segment and takes the name. FB_NOT_FOUND: the name has changed meanwhile, so try again. */
FB_FN fb_status fb_i_attempt(fb_writer *w, int dir, const fb_i_static *plan, fb_i_filler fill, void *context,
                             fb_error *e) {
  fb_i_static h = *plan;
  fb_i_old old;
  fb_i_made made;
  fb_status s = fb_i_take_old(&w->place, dir, &old, e);
  if (s != FB_OK) return s;
  fb_i_inherit(&h, &old);
  s = fb_i_make_control(w, dir, h.cells, &h.control_id, e);
  if (s == FB_OK) s = fb_i_make_data(w, dir, &h, &made, e);
  if (s == FB_OK) {
    fb_i_occupy(w, &made);
    if (fill) s = fill(w, &old, context, e);
    int named = s == FB_OK ? fb_i_name(w, dir, &made, old.map != NULL) : 0;
    if (named < 0) s = fb_i_fail(e, FB_SYSTEM, errno, "%s: giving the segment its name", w->place.name);
    if (named == 0 && s == FB_OK) s = FB_NOT_FOUND;
    close(made.fd);
  }
  if (s != FB_OK) fb_i_drop_control(w, dir, h.control_id, h.cells);
  else if (old.map) fb_i_bury(w, dir, &old);
  fb_i_old_free(&old);
  return s;
}

FB_FN fb_status fb_i_build(fb_writer *w, const fb_i_static *plan, fb_i_filler fill, void *context, fb_error *e) {
  int dir;
  fb_status s = fb_i_folder(&w->place, &dir, e);
  if (s != FB_OK) return s;
  s = FB_NOT_FOUND;
  for (int tries = 0; s == FB_NOT_FOUND && tries < 100; tries++) s = fb_i_attempt(w, dir, plan, fill, context, e);
  close(dir);
  if (s == FB_NOT_FOUND) s = fb_i_fail(e, FB_BUSY, 0, "%s: others take the name all the time", w->place.name);
  return s;
}

/* ---- writer: creating ---- */

/* fb_i_folder_for makes the folder, if only its last element is missing. */
FB_FN void fb_i_folder_for(const fb_writer *w) {
  if (mkdir(w->place.dir, 0700) || !w->options.has_group) return;
  int fd = fb_i_open(AT_FDCWD, w->place.dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd < 0) return; /* what is wrong with it shows when it is used */
  if (!fchown(fd, (uid_t)-1, w->options.group)) fchmod(fd, 02750);
  close(fd);
}

FB_FN fb_status fb_i_defaults(fb_writer_options *o, const fb_format *f, uint64_t *capacity, fb_error *e) {
  if (!o->kind) o->kind = f->pixels == FB_DATA ? FB_KIND_DATA : FB_KIND_VIDEO;
  bool data = o->kind != FB_KIND_VIDEO;
  uint64_t size = fb_format_size(f);
  if (f->pixels > FB_NV12 || (f->pixels != FB_DATA && !size))
    return fb_i_fail(e, FB_INVALID, 0, "format %u, %u x %u: there is no such picture, or a stride is too small",
                     (unsigned)f->pixels, (unsigned)f->width, (unsigned)f->height);
  if ((f->pixels == FB_DATA) != data || o->kind > FB_KIND_DATA)
    return fb_i_fail(e, FB_INVALID, 0, "kind %u does not go with this format", (unsigned)o->kind);
  if (!o->slots) o->slots = data ? 64 : 4;
  *capacity = o->capacity ? o->capacity : data ? 16384 : size;
  if (*capacity < size)
    return fb_i_fail(e, FB_TOO_LARGE, 0, "a picture has %llu bytes, capacity is %llu", (unsigned long long)size,
                     (unsigned long long)*capacity);
  if (!o->meta_capacity) o->meta_capacity = 1536;
  if (!o->cells) o->cells = 63;
  if (!o->evict_ns) o->evict_ns = 5000000000;
  if (!o->linger_ns) o->linger_ns = 5000000000;
  if (!o->time_base.den) o->time_base = fb_i_ratio(1, 1000000000);
  if ((unsigned)o->lossless > FB_LOSSLESS_REFUSE || o->evict_ns < 0 || o->meta_capacity > (1u << 20))
    return fb_i_fail(e, FB_INVALID, 0, "an option is out of its range: lossless, evict_ns or meta_capacity");
  return FB_OK;
}

FB_FN void fb_i_writer_free(fb_writer *w) {
  if (w->map) fb_i_unmap(w->map);
  if (w->control) fb_i_control_unmap(w->control, w->options.cells);
  if (w->lock >= 0) close(w->lock);
  if (w->control_lock >= 0) close(w->control_lock);
  fb_i_place_free(&w->place);
  pthread_mutex_destroy(&w->mutex);
  free(w->peers);
  free(w->slots);
  free(w);
}

/* fb_i_writer_new makes a writer with a segment, but without its thread. */
FB_FN fb_status fb_i_writer_new(fb_writer **out, const char *name, const fb_format *f, const fb_writer_options *options,
                                fb_i_filler fill, void *context, fb_error *e) {
  fb_i_static plan;
  uint64_t capacity = 0;
  *out = NULL;
  fb_writer *w = (fb_writer *)calloc(1, sizeof *w);
  if (!w) return fb_i_fail(e, FB_SYSTEM, ENOMEM, "create");
  w->lock = w->control_lock = -1;
  w->format = *f;
  if (options) w->options = *options;
  pthread_mutex_init(&w->mutex, NULL);
  fb_status s = fb_i_place_init(&w->place, name, w->options.dir, w->options.trust, w->options.trust_count, false, e);
  w->options.trust = NULL;
  if (s == FB_OK) s = fb_i_defaults(&w->options, f, &capacity, e);
  if (s == FB_OK && !fb_i_head_plan(&plan, &w->options, capacity))
    s = fb_i_fail(e, FB_INVALID, 0, "%s: slots, cells, meta or capacity are out of their range: %s", w->place.name,
                  capacity > (uint64_t)1 << 40 ? "Capacity" : fb_i_head_wrong(&plan));
  if (s == FB_OK) {
    w->peers = (fb_i_peer *)calloc((size_t)plan.cells + 1, sizeof *w->peers);
    w->slots = (uint64_t *)calloc(plan.slots, sizeof *w->slots);
    if (!w->peers || !w->slots) s = fb_i_fail(e, FB_SYSTEM, ENOMEM, "%s", w->place.name);
  }
  if (s == FB_OK) {
    fb_i_folder_for(w);
    w->options.dir = NULL;
    s = fb_i_build(w, &plan, fill, context, e);
  }
  if (s == FB_OK) *out = w;
  else fb_i_writer_free(w);
  return s;
}

/* fb_i_start starts the tick thread, with all signals blocked but those that a fault of its own raises. */
FB_FN fb_status fb_i_start(fb_writer *w, fb_error *e) {
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGFPE);
  sigdelset(&all, SIGILL);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&w->thread, NULL, fb_i_ticker, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed) return fb_i_fail(e, FB_SYSTEM, failed, "%s: starting a thread", w->place.name);
  w->threaded = true;
  return FB_OK;
}

FB_FN fb_writer *fb_create(const char *name, const fb_format *format, const fb_writer_options *options, fb_error *e) {
  fb_writer *w;
  fb_status s = fb_i_writer_new(&w, name, format, options, NULL, NULL, e);
  if (s == FB_OK && !w->options.no_thread && (s = fb_i_start(w, e)) != FB_OK) {
    fb_end(w, 0, NULL);
    fb_destroy(w);
  }
  return s == FB_OK ? w : NULL;
}

/* ---- writer: claiming a slot (section 16) ---- */

/* fb_i_pinned: does a living reader hold a pin on the frame in a slot? It notes the pin held longest. */
FB_FN bool fb_i_pinned(fb_writer *w, uint64_t frame, int64_t *since) {
  bool pinned = false;
  if (w->control_cut) return false;
  for (uint32_t k = 1; k <= w->map->head.cells; k++) {
    fb_i_peer *p = &w->peers[k];
    const fb_i_cell *c = fb_i_cell_at(w->control, k);
    for (int j = 0; j < 6; j++) {
      if (fb_i_load_seq_cst(&c->pins[j]) != frame || p->row >= 3 || !fb_i_alive(w, k)) continue;
      if (p->pins[j].value != frame) { /* since now, as far as the writer knows */
        p->pins[j].value = frame;
        p->pins[j].since = fb_i_now();
        p->pins[j].broken = false;
      }
      if (!pinned || p->pins[j].since < *since) *since = p->pins[j].since;
      pinned = true;
    }
  }
  return pinned;
}

/* fb_i_break counts the pins on a frame that goes away all the same. */
FB_FN void fb_i_break(fb_writer *w, uint64_t frame) {
  for (uint32_t k = 1; k <= w->map->head.cells; k++) {
    fb_i_peer *p = &w->peers[k];
    for (int j = 0; j < 6; j++) {
      fb_i_pin_seen *seen = &p->pins[j];
      if (seen->value != frame || seen->broken) continue;
      if (fb_i_load_seq_cst(&fb_i_cell_at(w->control, k)->pins[j]) != frame) continue; /* let go since */
      seen->broken = true;
      p->row++;
      fb_i_add(&fb_i_answer_to(w->map, k)->broken, 1);
      fb_i_add(&w->map->dyn->broken, 1);
    }
  }
}

/* fb_i_owed is n+1 of the last frame that nobody is owed: later ones have to stay. */
FB_FN uint64_t fb_i_owed(const fb_writer *w) {
  uint64_t done = UINT64_MAX;
  for (uint32_t k = 1; k <= w->map->head.cells; k++)
    if (w->peers[k].lossless && w->peers[k].done < done) done = w->peers[k].done;
  return done;
}

/* fb_i_oldest is the slot to use next: one without a frame, else the one with the oldest frame above `above` and at
 * most `most`. The number of slots: there is none. The published one is never used. */
FB_FN uint32_t fb_i_oldest(const fb_writer *w, uint64_t above, uint64_t most) {
  uint32_t best = w->map->head.slots;
  for (uint32_t slot = 0; slot < w->map->head.slots; slot++) {
    uint64_t frame = w->slots[slot];
    if (!frame) return slot;
    if ((w->published && slot == w->published_slot) || frame <= above || frame > most) continue;
    if (best == w->map->head.slots || frame < w->slots[best]) best = slot;
  }
  return best;
}

/* fb_i_choose claims a slot, if one is free: the oldest that nobody is owed and nobody has pinned, else the one whose
 * pin was held longest. */
FB_FN bool fb_i_choose(fb_writer *w, uint32_t *slot) {
  const uint32_t none = w->map->head.slots;
  uint64_t *back = &w->map->dyn->back, number = (w->next + 1) << 16, most = fb_i_owed(w), tried = 0;
  uint32_t longest = none;
  int64_t held_since = 0;
  for (;;) {
    *slot = fb_i_oldest(w, tried, most);
    if (*slot == none) break;
    int64_t since = 0;
    fb_i_store_seq_cst(back, number | *slot); /* pairs with a reader's pin, then its look at Back */
    if (!w->slots[*slot] || !fb_i_pinned(w, w->slots[*slot], &since)) return true;
    tried = w->slots[*slot];
    if (longest == none || since < held_since) {
      longest = *slot;
      held_since = since;
    }
  }
  if (longest == none) return false;
  *slot = longest;
  fb_i_store_seq_cst(back, number | *slot);
  fb_i_break(w, w->slots[*slot]);
  return true;
}

/* fb_i_blame notes who holds the writer back: those who are owed the oldest frame. */
FB_FN uint32_t fb_i_blame(fb_writer *w, int64_t now) {
  uint32_t slot = fb_i_oldest(w, 0, UINT64_MAX), one = 0;
  for (uint32_t k = 1; slot < w->map->head.slots && k <= w->map->head.cells; k++) {
    fb_i_peer *p = &w->peers[k];
    if (!p->lossless || p->done >= w->slots[slot]) continue;
    if (!p->blocked_since) p->blocked_since = now;
    one = k;
  }
  return one;
}

FB_FN fb_status fb_i_uninterrupted(const fb_writer *w, fb_error *e) {
  if (!__atomic_load_n(&w->interrupted, __ATOMIC_ACQUIRE)) return FB_OK;
  return fb_i_fail(e, FB_INTERRUPTED, 0, "%s: interrupted", w->place.name);
}

/* fb_i_pause gives the mutex up and waits for readers, at most a tick. FB_OK: look again. */
FB_FN fb_status fb_i_pause(fb_writer *w, uint32_t event, int64_t deadline, uint32_t *rounds, fb_error *e) {
  int64_t now = fb_i_now(), longest = FB_I_TICK / 2;
  fb_status s = fb_i_uninterrupted(w, e);
  if (s != FB_OK) return s;
  if (now >= deadline) return fb_i_fail(e, FB_TIMEOUT, 0, "%s: readers hold the writer back", w->place.name);
  if (w->options.lossless == FB_LOSSLESS_EVICT)
    for (uint32_t k = 1; k <= w->map->head.cells; k++) {
      int64_t since = w->peers[k].blocked_since, left = since + w->options.evict_ns - now;
      if (since && left < longest) longest = left;
    }
  if (deadline - now < longest) longest = deadline - now;
  pthread_mutex_unlock(&w->mutex);
  if (++*rounds % 1024 == 0) fb_i_sleep(1000000); /* somebody rings without end */
  fb_i_sleep_on(&w->control->cursor_event, event, longest);
  pthread_mutex_lock(&w->mutex);
  return FB_OK;
}

/* fb_i_claim waits for a slot. The mutex is held, but not while it sleeps. */
FB_FN fb_status fb_i_claim(fb_writer *w, int64_t deadline, uint32_t *slot, fb_error *e) {
  int64_t began = 0;
  uint32_t rounds = 0;
  fb_status s = FB_OK;
  while (s == FB_OK) {
    uint32_t event = fb_i_load32(&w->control->cursor_event); /* before the cursors, or a wake-up is lost */
    fb_i_serve_due(w);
    if (fb_i_choose(w, slot)) break;
    int64_t now = fb_i_now();
    if (!began) began = now;
    uint32_t who = fb_i_blame(w, now);
    s = fb_i_pause(w, event, deadline, &rounds, e);
    if (s == FB_TIMEOUT)
      s = fb_i_fail(e, s, 0, "%s: lossless readers hold all %u slots, among them that of process %u", w->place.name,
                    (unsigned)w->map->head.slots, (unsigned)fb_i_cell_at(w->control, who)->pid);
  }
  if (began) fb_i_add(&w->map->dyn->blocked, (uint64_t)(fb_i_now() - began));
  if (s != FB_OK) return s;
  for (uint32_t k = 1; k <= w->map->head.cells; k++) w->peers[k].blocked_since = 0;
  fb_i_record *r = fb_i_slot_record(w->map, *slot);
  w->slots[*slot] = 0;
  __atomic_store_n(&r->sequence, 2 * w->next + 1, __ATOMIC_RELAXED);
  fb_i_stst();
  return FB_OK;
}

FB_FN fb_status fb_i_may_write(const fb_writer *w, bool claimed, fb_error *e) {
  const char *why = w->ended                              ? "the segment has ended"
                    : w->claimed && !claimed              ? "a slot is claimed already"
                    : !w->claimed && claimed              ? "no slot is claimed"
                    : !claimed && w->next >= FB_I_NUMBERS ? "there are no more numbers for frames"
                                                          : NULL;
  return why ? fb_i_fail(e, FB_INVALID, 0, "%s: %s", w->place.name, why) : FB_OK;
}

FB_FN fb_status fb_begin(fb_writer *w, int64_t timeout_ns, fb_slot *slot, fb_error *e) {
  pthread_mutex_lock(&w->mutex);
  uint32_t at = 0;
  fb_status s = fb_i_may_write(w, false, e);
  if (s == FB_OK && __atomic_load_n(&w->map->cut, __ATOMIC_RELAXED)) s = fb_i_cut(w->place.name, e);
  if (s == FB_OK) s = fb_i_uninterrupted(w, e);
  if (s == FB_OK) s = fb_i_claim(w, fb_i_deadline(timeout_ns), &at, e);
  if (s == FB_OK) {
    w->claimed = true;
    w->claimed_slot = at;
    w->claimed_mono = fb_i_now();
    w->claimed_wall = fb_i_clock(CLOCK_REALTIME);
    memset(slot, 0, sizeof *slot);
    slot->number = w->next;
    memcpy(slot->generation, w->map->head.generation, 16);
    slot->data = fb_i_payload(w->map, at);
    slot->capacity = w->map->head.capacity;
    uint64_t offset[4];
    uint32_t stride[4], rows[4];
    slot->planes = fb_i_plan(&w->format, offset, stride, rows);
    for (uint32_t p = 0; p < slot->planes; p++) {
      slot->plane[p].data = slot->data + offset[p];
      slot->plane[p].stride = stride[p];
      slot->plane[p].rows = rows[p];
    }
  }
  pthread_mutex_unlock(&w->mutex);
  return s;
}

/* ---- writer: publishing ---- */

FB_FN fb_stamp fb_stamp_new(void) {
  fb_stamp s;
  memset(&s, 0, sizeof s);
  s.pts = FB_NO_PTS;
  s.reference.pts = FB_NO_PTS;
  return s;
}

/* fb_i_header_of fills in the header of the claimed frame. */
FB_FN void fb_i_header_of(const fb_writer *w, const fb_stamp *s, uint64_t length, fb_i_header *h) {
  static const char fourcc[8][5] = {"", "AB24", "AR24", "RGB3", "BGR3", "GREY", "YU12", "NV12"};
  const fb_format *f = &w->format;
  memset(h, 0, sizeof *h);
  h->number = w->next;
  if (s->reference.set) {
    h->ref_frame = s->reference.number + 1;
    memcpy(h->ref_generation, s->reference.generation, 8);
    h->ref_pts = s->reference.pts;
  }
  h->pts = s->pts;
  h->duration = s->duration;
  fb_ratio base = s->time_base.den ? s->time_base : w->options.time_base;
  h->time_base_num = base.num;
  h->time_base_den = base.den;
  bool given = s->captured_mono_ns || s->captured_wall_ns;
  h->capture_mono = given ? s->captured_mono_ns : w->claimed_mono;
  h->capture_wall = given ? s->captured_wall_ns : w->claimed_wall;
  h->publish_mono = fb_i_now();
  h->flags = s->flags & (FB_FLAG_KEY | FB_FLAG_DISCONTINUITY | FB_FLAG_PLACEHOLDER);
  h->length = length;
  h->meta_length = s->meta_length;
  h->source_seq = s->source_seq;
  h->timecode = s->timecode;
  h->width = f->width;
  h->height = f->height;
  h->pixel_format = f->pixels;
  memcpy(h->fourcc, fourcc[f->pixels & 7], 4);
  h->bits = f->pixels ? 8 : 0;
  h->range = f->range;
  h->matrix = f->matrix;
  h->primaries = f->primaries;
  h->transfer = f->transfer;
  h->chroma = f->chroma;
  h->alpha = f->alpha;
  h->field_order = f->field_order;
  h->rotation = (uint16_t)f->rotation;
  uint64_t offset[4];
  uint32_t stride[4], rows[4];
  h->planes = fb_i_plan(f, offset, stride, rows);
  for (uint32_t p = 0; p < h->planes; p++) {
    h->plane[p].offset = offset[p];
    h->plane[p].stride = stride[p];
    h->plane[p].rows = rows[p];
  }
  bool known = f->aspect.num && f->aspect.den;
  h->aspect_num = known ? f->aspect.num : 0;
  h->aspect_den = known ? f->aspect.den : 1;
  known = f->rate.num && f->rate.den;
  h->rate_num = known ? f->rate.num : 0;
  h->rate_den = known ? f->rate.den : 1;
  h->crop_left = f->crop_left;
  h->crop_top = f->crop_top;
  h->crop_right = f->crop_right;
  h->crop_bottom = f->crop_bottom;
  h->audio_rate = f->audio_rate;
  h->audio_channels = f->audio_channels;
  h->audio_format = f->audio_format;
  h->audio_layout = f->audio_layout;
  h->audio_samples = s->audio_samples;
}

FB_FN fb_status fb_commit(fb_writer *w, const fb_stamp *stamp, fb_error *e) {
  fb_stamp blank = fb_stamp_new();
  const fb_stamp *s = stamp ? stamp : &blank;
  const fb_i_static *head = &w->map->head; /* only this thread replaces it */
  uint64_t length = w->format.pixels == FB_DATA ? s->length : fb_format_size(&w->format);
  fb_status status = fb_i_may_write(w, true, e);
  if (status != FB_OK) return status;
  if (length > head->capacity || s->meta_length > head->meta_capacity)
    return fb_i_fail(e, FB_TOO_LARGE, 0, "%s: %llu bytes and %u of meta; there is room for %llu and %u", w->place.name,
                     (unsigned long long)length, (unsigned)s->meta_length, (unsigned long long)head->capacity,
                     (unsigned)head->meta_capacity);
  fb_i_record *r = fb_i_slot_record(w->map, w->claimed_slot);
  fb_i_header h;
  fb_i_header_of(w, s, length, &h);
  if (w->options.crc) {
    h.crc = fb_crc(0, fb_i_payload(w->map, w->claimed_slot), length);
    h.flags |= FB_FLAG_CRC;
  }
  memcpy(&r->header, &h, sizeof h);
  if (s->meta_length) memcpy(r + 1, s->meta, s->meta_length);
  pthread_mutex_lock(&w->mutex);
  fb_i_dynamic *d = w->map->dyn;
  fb_i_store(&r->sequence, 2 * w->next + 2);
  fb_i_store(&d->publish, (w->next + 1) << 16 | w->claimed_slot);
  fb_i_add(&d->published, 1);
  fb_i_add(&d->last_frame, 1);
  w->published = w->slots[w->claimed_slot] = ++w->next;
  w->published_slot = w->claimed_slot;
  w->claimed = false;
  pthread_mutex_unlock(&w->mutex);
  fb_i_tell(w);
  return FB_OK;
}

FB_FN void fb_abandon(fb_writer *w) {
  pthread_mutex_lock(&w->mutex);
  if (w->claimed) {
    w->claimed = false; /* the slot stays odd, and is the next one used */
    fb_i_add(&w->map->dyn->abandoned, 1);
  }
  pthread_mutex_unlock(&w->mutex);
}

FB_FN fb_status fb_publish(fb_writer *w, int64_t timeout_ns, const fb_image *from, const fb_stamp *stamp, fb_error *e) {
  const fb_format *f = &w->format;
  fb_stamp s = stamp ? *stamp : fb_stamp_new();
  fb_status status = fb_i_image_fits(from, f->pixels, f->width, f->height, 0, e);
  if (status != FB_OK) return status;
  if (f->pixels == FB_DATA) s.length = from->size;
  if (s.length > w->map->head.capacity || s.meta_length > w->map->head.meta_capacity)
    return fb_i_fail(e, FB_TOO_LARGE, 0, "%s: %llu bytes and %u of meta; there is room for %llu and %u", w->place.name,
                     (unsigned long long)s.length, (unsigned)s.meta_length, (unsigned long long)w->map->head.capacity,
                     (unsigned)w->map->head.meta_capacity);
  fb_slot slot;
  status = fb_begin(w, timeout_ns, &slot, e);
  if (status != FB_OK) return status;
  fb_i_source stays = {NULL, 0};
  if (f->pixels == FB_DATA) fb_i_move(slot.data, from->data[0], from->size, &stays);
  for (uint32_t p = 0; p < slot.planes; p++) {
    uint64_t bytes, rows;
    fb_i_plane_shape(f->pixels, f->width, f->height, p, &bytes, &rows);
    fb_i_rows(slot.plane[p].data, slot.plane[p].stride, from->data[p],
              from->stride[p] ? from->stride[p] : (size_t)bytes, bytes, rows, &stays);
  }
  return fb_commit(w, &s, e);
}

/* ---- writer: moving (sections 14 and 16) ---- */

/* fb_i_arrived: has every lossless reader mapped the current generation? */
FB_FN bool fb_i_arrived(fb_writer *w, int64_t now, bool blame) {
  uint64_t generation;
  bool all = true;
  memcpy(&generation, w->map->head.generation, 8);
  for (uint32_t k = 1; k <= w->map->head.cells; k++) {
    fb_i_peer *p = &w->peers[k];
    if (!p->lossless || w->control_cut || fb_i_load(&fb_i_cell_at(w->control, k)->seen_gen) == generation) continue;
    if (blame && !p->blocked_since) p->blocked_since = now;
    all = false;
  }
  return all;
}

/* fb_i_carry copies what goes on over a move: counters, source, answers to readers. */
FB_FN void fb_i_carry(const fb_i_map *from, fb_i_map *to) {
  size_t at = offsetof(fb_i_dynamic, heartbeat), upto = offsetof(fb_i_dynamic, final);
  memcpy((uint8_t *)to->dyn + at, (uint8_t *)from->dyn + at, upto - at);
  at = offsetof(fb_i_dynamic, published);
  memcpy((uint8_t *)to->dyn + at, (uint8_t *)from->dyn + at, sizeof(fb_i_dynamic) - at);
  for (uint32_t k = 1; k <= to->head.cells; k++)
    memcpy(fb_i_answer_to(to, k), fb_i_answer_to(from, k), sizeof(fb_i_answer));
}

/* fb_i_move_to makes the next generation and ends this one. The mutex is held. */
FB_FN fb_status fb_i_move_to(fb_writer *w, uint64_t capacity, fb_error *e) {
  int dir;
  fb_i_static h;
  const fb_i_static *old = &w->map->head;
  if (!fb_i_head_plan(&h, &w->options, capacity))
    return fb_i_fail(e, FB_TOO_LARGE, 0, "%s: no segment has payloads of %llu bytes", w->place.name,
                     (unsigned long long)capacity);
  h.flags |= old->flags & FB_I_TOOK_OVER;
  h.control_id = old->control_id;
  h.first_frame = w->next;
  memcpy(h.previous, old->generation, 16);
  fb_status s = fb_i_folder(&w->place, &dir, e);
  if (s != FB_OK) return s;
  fb_i_made made;
  s = fb_i_make_data(w, dir, &h, &made, e);
  if (s == FB_OK) {
    fb_i_carry(w->map, made.map);
    if (!fb_i_named(dir, w->place.name, w->map->dev, w->map->ino))
      s = fb_i_fail(e, FB_SYSTEM, 0, "%s: somebody took the segment's name away", w->place.name);
    else if (fb_i_name(w, dir, &made, true) != 1)
      s = fb_i_fail(e, FB_SYSTEM, errno, "%s: giving the larger segment its name", w->place.name);
    if (s != FB_OK) {
      fb_i_made_free(&made);
    } else {
      fb_i_dynamic *d = w->map->dyn;
      memcpy(d->next, h.generation, 16);
      fb_i_store(&d->final, w->published);
      fb_i_store32(&d->state, FB_STATE_MOVED);
      fb_i_tell(w);
      close(made.fd);
      fb_i_occupy(w, &made);
    }
  }
  close(dir);
  return s;
}

FB_FN fb_status fb_grow(fb_writer *w, int64_t timeout_ns, uint64_t capacity, fb_error *e) {
  int64_t deadline = fb_i_deadline(timeout_ns);
  uint32_t rounds = 0;
  pthread_mutex_lock(&w->mutex);
  fb_status s = fb_i_may_write(w, false, e);
  if (s == FB_OK && capacity > w->map->head.capacity) {
    if (w->options.fixed)
      s = fb_i_fail(e, FB_TOO_LARGE, 0, "%s: %llu bytes, and the capacity is fixed at %llu", w->place.name,
                    (unsigned long long)capacity, (unsigned long long)w->map->head.capacity);
    while (s == FB_OK) {
      uint32_t event = fb_i_load32(&w->control->cursor_event);
      fb_i_serve_due(w);
      if (fb_i_arrived(w, fb_i_now(), true)) break;
      s = fb_i_pause(w, event, deadline, &rounds, e);
    }
    for (uint32_t k = 1; k <= w->map->head.cells; k++) w->peers[k].blocked_since = 0;
    if (s == FB_OK) s = fb_i_move_to(w, capacity, e);
  }
  pthread_mutex_unlock(&w->mutex);
  return s;
}

FB_FN fb_status fb_set_format(fb_writer *w, int64_t timeout_ns, const fb_format *f, fb_error *e) {
  uint64_t size = fb_format_size(f);
  if (f->pixels > FB_NV12 || (f->pixels == FB_DATA) != (w->format.pixels == FB_DATA) || (f->pixels != FB_DATA && !size))
    return fb_i_fail(
        e, FB_INVALID, 0,
        "%s: format %u, %u x %u: there is no such picture, or a stride is too small, or the kind is another",
        w->place.name, (unsigned)f->pixels, (unsigned)f->width, (unsigned)f->height);
  fb_status s = fb_grow(w, timeout_ns, size, e);
  if (s == FB_OK) w->format = *f;
  return s;
}

/* ---- writer: the rest ---- */

FB_FN void fb_set_source(fb_writer *w, uint32_t source) {
  pthread_mutex_lock(&w->mutex);
  if (!w->ended) {
    fb_i_store32(&w->map->dyn->source, source);
    fb_i_tell(w);
  }
  pthread_mutex_unlock(&w->mutex);
}

FB_FN void fb_set_error(fb_writer *w, const char *text) {
  pthread_mutex_lock(&w->mutex);
  if (!w->ended) {
    fb_i_dynamic *d = w->map->dyn;
    size_t length = text ? strnlen(text, sizeof d->error) : 0;
    uint32_t seq = d->error_seq;
    __atomic_store_n(&d->error_seq, seq + 1, __ATOMIC_RELAXED);
    fb_i_stst();
    memset(d->error, 0, sizeof d->error);
    if (length) memcpy(d->error, text, length);
    d->error_length = (uint32_t)length;
    fb_i_store32(&d->error_seq, seq + 2);
  }
  pthread_mutex_unlock(&w->mutex);
}

FB_FN void fb_count(fb_writer *w, const fb_counts *add) {
  pthread_mutex_lock(&w->mutex);
  if (!w->ended) {
    fb_i_dynamic *d = w->map->dyn;
    fb_i_add(&d->restarts, add->restarts);
    fb_i_add(&d->stalls, add->stalls);
    fb_i_add(&d->drops[0], add->other);
    fb_i_add(&d->drops[1], add->late);
    fb_i_add(&d->drops[2], add->corrupt);
    fb_i_add(&d->drops[3], add->short_);
    fb_i_add(&d->drops[4], add->merged);
  }
  pthread_mutex_unlock(&w->mutex);
}

FB_FN unsigned fb_i_count_readers(fb_writer *w, bool lossless) {
  unsigned n = 0;
  pthread_mutex_lock(&w->mutex);
  for (uint32_t k = 1; k <= w->map->head.cells; k++)
    if (lossless ? w->peers[k].lossless : w->peers[k].token != 0) n++;
  pthread_mutex_unlock(&w->mutex);
  return n;
}

FB_FN unsigned fb_readers(fb_writer *w) { return fb_i_count_readers(w, false); }
FB_FN unsigned fb_lossless_readers(fb_writer *w) { return fb_i_count_readers(w, true); }
FB_FN uint64_t fb_capacity(const fb_writer *w) { return w->map->head.capacity; }
FB_FN uint64_t fb_next_number(const fb_writer *w) { return w->next; }
FB_FN const uint8_t *fb_writer_generation(const fb_writer *w) { return w->map->head.generation; }

FB_FN void fb_writer_interrupt(fb_writer *w) {
  int saved = errno;
  __atomic_store_n(&w->interrupted, 1, __ATOMIC_RELEASE);
  fb_i_wake(&w->control->cursor_event);
  errno = saved;
}

FB_FN void fb_writer_resume(fb_writer *w) { __atomic_store_n(&w->interrupted, 0, __ATOMIC_RELEASE); }

/* ---- writer: ending (section 16) ---- */

/* fb_i_finished: were there lossless readers, and has every one let go of everything? */
FB_FN bool fb_i_finished(const fb_writer *w) {
  bool all = w->was_lossless;
  for (uint32_t k = 1; k <= w->map->head.cells; k++)
    if (w->peers[k].lossless && w->peers[k].done < w->next) all = false;
  return all;
}

/* fb_i_linger waits for late readers, and for those who have not come to this generation yet. */
FB_FN void fb_i_linger(fb_writer *w, int64_t deadline) {
  int64_t now = fb_i_now(), arrive = now + 5000000000;
  int64_t until = w->options.linger_ns < 0 ? now : now + w->options.linger_ns;
  uint32_t rounds = 0;
  if (until > deadline) until = deadline;
  if (arrive < until) arrive = until;
  if (arrive > deadline) arrive = deadline;
  fb_status s = FB_OK;
  while (s == FB_OK) {
    uint32_t event = fb_i_load32(&w->control->cursor_event);
    fb_i_serve(w, true);
    now = fb_i_now();
    bool arrived = fb_i_arrived(w, now, false);
    if (arrived && (now >= until || fb_i_finished(w))) return;
    s = fb_i_pause(w, event, arrived ? until : arrive, &rounds, NULL);
  }
}

FB_FN void fb_i_stop(fb_writer *w) {
  if (!w->threaded) return;
  fb_i_store32(&w->stop, 1);
  fb_i_wake(&w->stop);
  pthread_join(w->thread, NULL);
  w->threaded = false;
}

FB_FN fb_status fb_end(fb_writer *w, int64_t timeout_ns, fb_error *e) {
  int64_t deadline = fb_i_deadline(timeout_ns);
  if (w->ended) return fb_i_fail(e, FB_INVALID, 0, "%s: it has ended already", w->place.name);
  fb_abandon(w);
  fb_i_stop(w);
  pthread_mutex_lock(&w->mutex);
  w->ended = true;
  fb_i_store(&w->map->dyn->final, w->published);
  fb_i_store32(&w->map->dyn->state, FB_STATE_ENDED);
  fb_i_tell(w);
  int dir;
  if (!w->options.keep) fb_i_linger(w, deadline);
  bool leave = w->options.keep || !fb_i_arrived(w, 0, false); /* the next writer, or a sweep, takes it away */
  if (!leave && fb_i_folder(&w->place, &dir, NULL) == FB_OK) {
    if (fb_i_named(dir, w->place.name, w->map->dev, w->map->ino)) {
      char control[96];
      fb_i_control_name(control, w->place.name, w->map->head.control_id);
      unlinkat(dir, w->place.name, 0);
      unlinkat(dir, control, 0);
    }
    close(dir);
  }
  close(w->lock);
  close(w->control_lock);
  w->lock = w->control_lock = -1;
  pthread_mutex_unlock(&w->mutex);
  return FB_OK;
}

FB_FN void fb_destroy(fb_writer *w) {
  if (!w) return;
  fb_i_stop(w);
  fb_i_writer_free(w);
}

/* ---- values (section 17) ---- */

typedef struct fb_i_change {
  fb_change change;
  void *context;
  uint64_t *number;
} fb_i_change;

/* fb_i_value publishes the new value into a segment that has no name yet. The old one cannot change: its lock is ours.
 */
FB_FN fb_status fb_i_value(fb_writer *w, const fb_i_old *o, void *context, fb_error *e) {
  fb_i_change *c = (fb_i_change *)context;
  const uint8_t *old = NULL;
  uint64_t length = 0, newest = o->map ? fb_i_load(&o->map->dyn->publish) : 0;
  if (o->map && (o->map->head.kind != FB_KIND_DATA || !o->kept))
    return fb_i_fail(e, FB_INVALID, 0, "%s: this is a segment of frames, not a value", w->place.name);
  if (newest) {
    fb_frame f;
    fb_i_source source;
    uint32_t slot = (uint32_t)(newest & 0xFFFF);
    fb_status s = slot < o->map->head.slots ? fb_i_peek(o->map, (newest >> 16) - 1, slot, &source, &f, w->place.name, e)
                                            : FB_OVERRUN;
    if (s == FB_OVERRUN) s = fb_i_fail(e, FB_DAMAGED, 0, "%s: the old value is not whole", w->place.name);
    if (s != FB_OK) return s;
    old = f.data;
    length = f.length;
  }
  fb_slot slot;
  fb_stamp stamp = fb_stamp_new();
  fb_status s = fb_begin(w, 0, &slot, e);
  if (s != FB_OK) return s;
  int64_t made = c->change(c->context, old, length, slot.data, slot.capacity);
  if (made < 0) return fb_i_fail(e, FB_INVALID, 0, "%s: the value stays as it is", w->place.name);
  stamp.length = (uint64_t)made;
  if (c->number) *c->number = slot.number;
  return fb_commit(w, &stamp, e);
}

FB_FN fb_status fb_update(const char *name, const fb_writer_options *options, int64_t timeout_ns, fb_change change,
                          void *context, uint64_t *number, fb_error *e) {
  int64_t deadline = fb_i_deadline(timeout_ns), pause = 200000;
  fb_writer_options o;
  fb_format f;
  fb_i_change c;
  memset(&o, 0, sizeof o);
  memset(&f, 0, sizeof f);
  if (options) o = *options;
  o.kind = FB_KIND_DATA;
  o.slots = 2;
  o.keep = true;
  c.change = change;
  c.context = context;
  c.number = number;
  for (;;) {
    fb_writer *w;
    fb_status s = fb_i_writer_new(&w, name, &f, &o, fb_i_value, &c, e);
    if (s == FB_OK) {
      fb_end(w, 0, NULL);
      fb_destroy(w);
      return FB_OK;
    }
    if (s != FB_BUSY || fb_i_now() >= deadline) return s;
    fb_i_sleep(pause);
    if (pause < 5000000) pause += pause / 2;
  }
}

#endif
