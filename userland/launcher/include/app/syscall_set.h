/*
 * Sets of system calls: what the manifest's `system-calls` words stand for, for the launcher, which
 * reads them, and for who shows masks (rotunda_inspect_client has it).
 *
 * A word is one call ("segment_create") or one of three sets that grow out of each
 * other: "application" for programs that use services, "service" for those that also
 * serve portals, "driver" for those that also own a device.  The calls that only the
 * launcher can make have no word: without the factory they would be refused anyway.
 */
#pragma once

#include "abi/status.h"

#include <stdint.h>

/* The mask that `word` stands for.  Errors: NOT_FOUND. */
CHECK_RESULT enum status syscall_set_find(const char *word, uint64_t *out);

/* The word of one call; NULL if it has none. */
const char *syscall_set_word(uint64_t number);

/*
 * The word for the most calls of `*mask`, which loses them: again and again, the fewest words that
 * say what is in it.  NULL: none of those that are left has a word.
 */
const char *syscall_set_take(uint64_t *mask);
