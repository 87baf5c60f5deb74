/*
 * Worst load: one domain does what it may, in a way that is as long for the kernel as its quotas
 * allow.
 *
 *   a portal with all its stacks taken by sleepers of different priorities, and as many callers in
 *   line, each more urgent than those before; then the portal's last handle goes
 *   many sleepers on other words, and many that say they wait for one thread, which is ended
 *   INFO of a domain with many threads, objects and free handles; of all interrupts
 *
 * All of it is less urgent than the thread that measures.
 */
#pragma once

#include "abi/status.h"

#include <stdbool.h>

/* A thread does all that a given number of times, and is done. */
CHECK_RESULT enum status worst_start(void);

/* Whether it is; then `*s` says how it went. */
bool worst_is_done(enum status *s);
