/*
 * Names of the reasons for which a thread is stopped.
 */
#include "abi/fault.h"

static const char *const texts[FAULT_REASON_COUNT] = {
    [FAULT_NONE] = "no fault",
    [FAULT_READ] = "forbidden read",
    [FAULT_WRITE] = "forbidden write",
    [FAULT_EXECUTE] = "forbidden execution",
    [FAULT_ALIGNMENT] = "unaligned access",
    [FAULT_UNDEFINED] = "undefined instruction",
    [FAULT_BREAKPOINT] = "breakpoint",
    [FAULT_STACK_OVERFLOW] = "stack overflow",
    [FAULT_DENIED_CALL] = "denied system call",
    [FAULT_BAD_RETURN] = "return from no portal",
    [FAULT_BUS] = "bus error",
};

const char *fault_reason_text(enum fault_reason reason)
{
    return (unsigned)reason < FAULT_REASON_COUNT ? texts[(unsigned)reason] : "unknown fault";
}
