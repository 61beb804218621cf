#include "textflag.h"

// The operand of DMB is the CRm field: 9 is ISHLD, 10 is ISHST
// (Arm Architecture Reference Manual, C6.2, DMB).

// func LoadFence()
TEXT ·LoadFence(SB), NOSPLIT, $0-0
	DMB $9
	RET

// func StoreFence()
TEXT ·StoreFence(SB), NOSPLIT, $0-0
	DMB $10
	RET
