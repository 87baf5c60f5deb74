/*
 * Specimen: a domain without a program, as small as one can be.
 *
 * It shares the text of a running child.  Only `bench` asks for some, to measure them or to measure
 * beside them.
 */
#pragma once

#include "supervisor.h"

/* Errors: BAD_STATE (`child` is down), BAD_ARGUMENT (`entry` is not in its text). */
CHECK_RESULT enum status specimen_check(const struct child *child, uaddr_t entry);

/*
 * Make the domain and let it see the text.  Its threads may make `calls` only.
 * Ownership: `*domain` is the caller's, on an error too if it is not 0.
 */
CHECK_RESULT enum status specimen_make(const struct child *child, uint64_t calls,
                                       const struct quota *quota, handle_t *domain);

/* The most urgent priority, which all threads of specimens have. */
uint32_t specimen_priority(void);
