/*
 * The monitor: one lock per domain, held while any of its callbacks runs.
 *
 * main(), loop callbacks and portal handlers all run inside it, so a service's own data needs no
 * further locking.  The loop leaves it while it waits.  Threads that a program starts itself begin
 * outside and may enter.  Never make a blocking call to a service that may call back from inside.
 */
#pragma once

void monitor_enter(void);
void monitor_leave(void);
