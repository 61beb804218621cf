// The round trip's rule of waiting, played through: a graph, a partner that takes the newest frame each time, and a
// clock that is a number.
//
//   pace FRAMES INTERVAL COST DEADLINE WORK[,WORK…]
//
// All times are in ms. INTERVAL: a frame comes from the source at most so often. COST: what the graph works on a frame
// besides. WORK: how long the partner works on its first frame, its second, …, the last one for all others; "0" is an
// instant partner, "-" one that never answers again, and "5*20+200" is twenty times 5 and then 200, over and over.
//
// It prints: frames annotated, those after the middle, waits, waits in vain, ms waited in vain, ms until the last
// frame was through.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../trip_pace.h"

static const int64_t ms = 1000000, never = INT64_MAX;

static struct {
  int64_t works[64];
  int count, repeats, at;
} work;

static void parse(const char *text) {
  while (*text && work.count < 64) {
    char *end = (char *)text + 1;
    int64_t w = *text == '-' ? never : (int64_t)(strtod(text, &end) * 1e6);
    long times = 1;
    if (*end == '*') times = strtol(end + 1, &end, 10);
    for (; times > 0 && work.count < 64; times--) work.works[work.count++] = w;
    if (*end == '+') work.repeats = 1;
    text = *end ? end + 1 : end;
  }
}

static int64_t next_work(void) {
  if (work.repeats) return work.works[work.at++ % work.count];
  return work.works[work.at < work.count - 1 ? work.at++ : work.count - 1];
}

// The partner: the frame it is at (0: none), when that is done, the newest offered and answered, and answers that
// nobody has seen.
static uint64_t job, newest, answered, unseen;
static int64_t done, at;

static void begin(int64_t now) {
  if (job || newest == answered) return;
  int64_t w = next_work();
  job = newest;
  done = w == never ? never : now + w;
}

// advance plays the partner up to a time.
static void advance(int64_t to) {
  while (job && done <= to) {
    answered = job;
    at = done;
    unseen++;
    job = 0;
    begin(at);
    if (job && done == at) break;  // an instant one: it has caught up
  }
}

static void look(pace *p) {
  if (!unseen) return;
  pace_answer(p, answered, at, unseen - 1);
  unseen = 0;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  long frames = atol(argv[1]), annotated = 0, late_half = 0, waits = 0, vain = 0;
  int64_t interval = (int64_t)(atof(argv[2]) * 1e6), cost = (int64_t)(atof(argv[3]) * 1e6);
  int64_t deadline = (int64_t)(atof(argv[4]) * 1e6);
  parse(argv[5]);
  pace p;
  memset(&p, 0, sizeof p);
  int64_t now = ms, lost = 0, start = now;
  for (long n = 0; n < frames; n++) {
    if (now < start + n * interval) now = start + n * interval;
    advance(now);
    look(&p);
    pace_offer(&p, now);
    newest = p.offered;
    begin(now);
    if (pace_waits(&p, deadline)) {
      int64_t until = now + deadline, from = now;
      waits++;
      while (p.answered < p.offered && job && done <= until) {
        now = done;
        advance(now);
        look(&p);
      }
      int in_vain = p.answered < p.offered;
      if (in_vain) {
        now = until;
        vain++;
        lost += now - from;
      } else {
        annotated++;
        late_half += n >= frames / 2;
      }
      pace_waited(&p, in_vain);
    }
    now += cost;
  }
  printf("%ld %ld %ld %ld %ld %ld\n", annotated, late_half, waits, vain, (long)(lost / ms), (long)((now - start) / ms));
  return 0;
}
