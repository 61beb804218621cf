// When the round trip waits for its partner, and when it does not. No clock and no segment: times in, a decision out.
//
// A partner takes the newest frame, works on it, answers, and takes the newest one again. So how long it works on a
// frame can be told from its answers alone, also from those that come late: from the answer before, or from the offer
// if that was later, until the answer. The rule for a frame that was just offered:
//
//   1. Wait only if the answer is to be expected within the deadline: what is left of the frame that the partner is
//      at, plus one frame's work. A partner of which nothing is known yet is taken for an instant one.
//   2. A wait in vain is followed by none until the partner has answered once more; after a second one in vain until
//      it has answered 3 times, then 7, 15, 31, at most 63. An answer that came in time ends the row.
//
// How long one works is the longest of its last 8 answers. So an answer that is too late is followed by 8 frames at
// least that are not held: a partner that is always too slow costs one deadline in all, one that is slow at times one
// for every 9 answers at most. The second rule is for partners that do not work as described, such as one that leaves
// frames out, or works on many at a time.
#ifndef FRAMEBRIDGE_TRIP_PACE_H
#define FRAMEBRIDGE_TRIP_PACE_H

#include <stdint.h>

enum { PACE_KEPT = 64, PACE_WORKS = 8, PACE_MOST = 63 };

// All zeros is a partner of which nothing is known. Times are in ns of one clock; a frame is counted from 1 here.
typedef struct {
  uint64_t offered;              // the newest frame offered, 0: none
  int64_t offered_at[PACE_KEPT]; // when, of the newest ones
  uint64_t answered;             // the newest frame answered, 0: none
  int64_t answered_at;
  int64_t works[PACE_WORKS];  // how long the partner worked for its last answers
  unsigned answers;           // of them all; the next one goes to works[answers % PACE_WORKS]
  unsigned vain;              // length of the pause after the last wait in vain
  unsigned pause;             // answers until the next wait
} pace;

// pace_when is when a frame was offered, or the oldest time known if that is longer ago.
static inline int64_t pace_when(const pace *p, uint64_t frame) {
  if (p->offered - frame >= PACE_KEPT) frame = p->offered - PACE_KEPT + 1;
  return p->offered_at[frame % PACE_KEPT];
}

static inline void pace_offer(pace *p, int64_t now) { p->offered_at[++p->offered % PACE_KEPT] = now; }

// pace_begun is when the partner began with a frame.
static inline int64_t pace_begun(const pace *p, uint64_t frame) {
  int64_t when = pace_when(p, frame);
  return p->answered && p->answered_at > when ? p->answered_at : when;
}

// pace_answer takes note of the answer to a frame, given at a time; unseen ones came between it and the one before.
static inline void pace_answer(pace *p, uint64_t frame, int64_t at, uint64_t unseen) {
  if (frame <= p->answered) return;  // the same again, or out of order
  int64_t begun = pace_begun(p, frame), took = at > begun ? (at - begun) / (int64_t)(unseen + 1) : 0;
  p->works[p->answers++ % PACE_WORKS] = took;
  p->answered = frame;
  p->answered_at = at;
  if (p->pause > 0) p->pause--;
}

// pace_work is how long the partner works on a frame, as far as is known.
static inline int64_t pace_work(const pace *p) {
  int64_t longest = 0;
  for (int i = 0; i < PACE_WORKS; i++)
    if (p->works[i] > longest) longest = p->works[i];
  return longest;
}

// pace_waits says whether to wait for the answer to the frame just offered.
static inline int pace_waits(const pace *p, int64_t deadline) {
  if (deadline <= 0 || p->pause > 0) return 0;
  int64_t now = pace_when(p, p->offered), work = pace_work(p), free = now;
  if (p->answered && p->answered + 1 < p->offered) free = pace_begun(p, p->answered + 1) + work;
  return (free > now ? free - now : 0) + work <= deadline;
}

// pace_waited takes note of how a wait ended.
static inline void pace_waited(pace *p, int in_vain) {
  p->vain = !in_vain ? 0 : p->vain < PACE_MOST / 2 ? 2 * p->vain + 1 : PACE_MOST;
  p->pause = p->vain;
}

// pace_forget forgets a partner, not what was offered.
static inline void pace_forget(pace *p) {
  for (int i = 0; i < PACE_WORKS; i++) p->works[i] = 0;
  p->answered = 0;
  p->answers = p->vain = p->pause = 0;
}

#endif
