/*
 * Population: domains that do nothing but exist, so that `bench` can measure among many.
 *
 * They belong to the program that asked for the first one, and go when it does.
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "supervisor.h"

struct population_wish {
    const struct child *owner; /* who asks */
    const struct child *child; /* whose text they share */
    uaddr_t entry;             /* of the thread that each gets; 0: none */
    uint64_t domains;          /* that there shall be */
    uint64_t handles;          /* in each that is made */
};

/*
 * Make or unmake a few domains on the way to what is wished; `*count` is how many there are then.
 * Errors: BUSY (there are some, of another owner), BAD_ARGUMENT (too many; `entry`), BAD_STATE,
 * whatever the kernel says.  What was made stays.
 */
CHECK_RESULT enum status population_step(const struct population_wish *wish, uint64_t *count);

/* `owner` is gone: so are its domains. */
void population_withdraw(const struct child *owner);
