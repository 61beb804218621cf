/* fences.c: each order of loads and stores in a function of its own, to be looked at in the object code. */
#include "framebridge.h"

uint64_t look(const uint64_t *word);
bool holds(const fb_i_source *source);
uint64_t pin(uint64_t *pin, const uint64_t *back, uint64_t frame);
void mark(uint64_t *sequence, uint64_t odd, uint64_t *payload);
void publish(uint64_t *sequence, uint64_t even);

uint64_t look(const uint64_t *word) { return fb_i_load(word); }

bool holds(const fb_i_source *source) { return fb_i_holds(source); }

uint64_t pin(uint64_t *pin, const uint64_t *back, uint64_t frame) {
  fb_i_store_seq_cst(pin, frame);
  return fb_i_load_seq_cst(back);
}

void mark(uint64_t *sequence, uint64_t odd, uint64_t *payload) {
  __atomic_store_n(sequence, odd, __ATOMIC_RELAXED);
  fb_i_stst();
  *payload = odd;
}

void publish(uint64_t *sequence, uint64_t even) { fb_i_store(sequence, even); }
