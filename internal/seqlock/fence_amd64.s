#include "textflag.h"

// func LoadFence()
TEXT ·LoadFence(SB), NOSPLIT, $0-0
	RET

// func StoreFence()
TEXT ·StoreFence(SB), NOSPLIT, $0-0
	RET
