/*
 * The monitor as the runtime's own files use it; programs see rt/monitor.h.
 */
#pragma once

#include <stdbool.h>

#include "rt/monitor.h"

/*
 * Enter on a portal's stack, if it is free.  If that very stack holds the monitor already, its last
 * caller was unwound (its deadline passed) inside a handler: the monitor is taken over from it.
 * False: monitor_wait() enters.
 */
bool monitor_try_call(void);
void monitor_wait(void);
