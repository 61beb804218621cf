/* empty.c: a source that uses nothing of the header. */
#include "framebridge.h"

extern int nothing;
int nothing = 0;
