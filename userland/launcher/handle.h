/*
 * Handle: letting go of one, where nothing more can be done if that fails.
 *
 * A handle that came from another domain, or that belongs to one, can be gone at any
 * time: its owner has ended, or has taken it back.  Closing it then fails, and that is
 * as good as success.
 */
#pragma once

#include "rt/syscall.h"

/* Close `h`; 0 is no handle. */
static inline void handle_drop(handle_t h)
{
    if (h == 0)
        return;
    const enum status s = handle_close(h);
    (void)s;
}

/* Close `h` and everything that was made from it, in all domains; 0 is no handle. */
static inline void handle_withdraw(handle_t h)
{
    if (h == 0)
        return;
    const enum status s = handle_revoke(h);
    (void)s;
    handle_drop(h);
}
