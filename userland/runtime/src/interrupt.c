/*
 * The end of an interrupt's service.
 */
#include "rt/interrupt.h"

#include "rt/log.h"
#include "rt/syscall.h"

void interrupt_done(handle_t interrupt)
{
    const enum status s = interrupt_ack(interrupt);

    if (s != STATUS_OK)
        log_die("can't acknowledge its interrupt (%#llx): %s", (unsigned long long)interrupt,
                status_text(s));
}
