/*
 * Stacks: a segment cut into equal strides, each with a guard page at its low end and a block of
 * thread-local storage at its high end.
 */
#pragma once

#include "abi/status.h"

struct stacks {
    handle_t segment;
    uaddr_t first_top;     /* of the first stack; also its TPIDR_EL0 */
    uint64_t stride_bytes; /* from one top to the next */
    unsigned count;
};

/* Make `count` stacks of at least `bytes` each. */
CHECK_RESULT enum status stacks_create(size_t bytes, unsigned count, const char *label,
                                       struct stacks *out);

/* Give them back, which is for who has found no use for them: no thread has been on them. */
void stacks_give_back(struct stacks *stacks);
