/*
 * Interrupts, for drivers.
 *
 * The kernel delivers one as a bit of the domain's event, and keeps the line silent until it is
 * acknowledged.
 */
#pragma once

#include "abi/rights.h"
#include "abi/status.h"

/*
 * Call `on_interrupt` for each one, on the loop's thread; it ends with interrupt_done().
 *
 * It is called whenever the launcher asks whether the loop comes round, too, so that one whose bit
 * got lost is served all the same; it looks at the device for whether there is something to do.
 * Errors: OUT_OF_QUOTA (no bit of the loop is free), those of interrupt_bind().
 */
CHECK_RESULT enum status interrupt_serve(handle_t interrupt, void (*on_interrupt)(void *context),
                                         void *context);

/*
 * The device has been served, it may interrupt again.
 *
 * Who can't acknowledge would never hear of its device again, and answer heartbeats all the same.
 * So the program crashes, with a line in the log, and its restart policy decides.
 */
void interrupt_done(handle_t interrupt);
