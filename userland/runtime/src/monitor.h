/*
 * The monitor as the runtime's own files use it; programs see rt/monitor.h.
 */
#pragma once

#include "rt/monitor.h"

/*
 * Enter on a portal's stack.  If that very stack holds the monitor already, its last caller was
 * unwound (its deadline passed) inside a handler: the monitor is taken over from it.
 */
void monitor_enter_call(void);
