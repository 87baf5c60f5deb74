/*
 * Faults: what the kernel reports when a thread does what its domain may not.
 *
 * The default is to stop the domain, to fail every call that is inside it, and to
 * keep this record for the launcher.  A fault portal comes first where one is set:
 * it is called with x0 enum fault_reason, x1 address, x2 pc, x3 domain id, x4 thread
 * id, x5 ESR_EL1 and answers in x0 an enum fault_verdict.
 */
#pragma once

#include "abi/types.h"

enum fault_reason {
    FAULT_NONE = 0,
    FAULT_READ = 1, /* load from an address that the view doesn't let it read */
    FAULT_WRITE = 2,
    FAULT_EXECUTE = 3,
    FAULT_ALIGNMENT = 4, /* unaligned pc, sp or exclusive/device access */
    FAULT_UNDEFINED = 5, /* undefined or privileged instruction */
    FAULT_BREAKPOINT = 6,
    FAULT_STACK_OVERFLOW = 7, /* a load or store in a guard page */
    FAULT_DENIED_CALL = 8,    /* a system call outside the mask of a strict domain */
    FAULT_BAD_RETURN = 9,     /* portal return with nothing to return from */
    FAULT_BUS = 10,           /* external abort */
    FAULT_REASON_COUNT,
};

enum fault_verdict {
    FAULT_STOP = 0,    /* stop the domain */
    FAULT_RESTART = 1, /* try the instruction again */
    FAULT_SKIP = 2,    /* go on behind it */
};

enum { FAULT_BACKTRACE_DEPTH = 16 };

struct fault_record {
    uint32_t reason; /* enum fault_reason */
    uint32_t thread_id;
    uint32_t domain_id;      /* where it happened */
    uint32_t home_domain_id; /* whose thread it was */
    uint64_t address;        /* FAR_EL1 where the reason has one, else 0 */
    uint64_t esr;
    uint64_t pc, sp, pstate;
    uint64_t x[31];
    uint64_t owner_address;   /* start of the segment that owns `address`; 0: nobody does */
    uint32_t owner_domain_id; /* who made that segment; 0: the kernel or nobody */
    uint32_t owner_rights;    /* what the faulting view allows there */
    struct name owner_label;
    uint32_t backtrace_count;
    uint32_t reserved;
    uint64_t backtrace[FAULT_BACKTRACE_DEPTH]; /* pc first, then return addresses */
};

const char *fault_reason_text(enum fault_reason reason);
