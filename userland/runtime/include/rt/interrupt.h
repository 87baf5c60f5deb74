/*
 * Interrupts, for drivers.
 *
 * The kernel delivers one as a bit of the domain's event, and keeps the line silent until it is
 * acknowledged.
 */
#pragma once

#include "rt/handle.h"

/*
 * The device has been served, it may interrupt again.
 *
 * Who can't acknowledge would never hear of its device again, and answer heartbeats all the same.
 * So the program ends, with a line in the log, and its restart policy decides.
 */
void interrupt_done(handle_t interrupt);
