/*
 * Interrupts as bits of the loop.
 */
#include "rt/interrupt.h"

#include "rt/log.h"
#include "rt/loop.h"
#include "rt/syscall.h"

enum status interrupt_serve(handle_t interrupt, void (*on_interrupt)(void *context), void *context)
{
    unsigned bit;
    enum status s = loop_bit_allocate(on_interrupt, context, &bit);

    if (s != STATUS_OK)
        return s;
    s = interrupt_bind(interrupt, loop_event(), UINT64_C(1) << bit);
    if (s == STATUS_OK)
        loop_bit_look(bit);
    else
        loop_bit_free(bit);
    return s;
}

void interrupt_done(handle_t interrupt)
{
    const enum status s = interrupt_ack(interrupt);

    if (s != STATUS_OK)
        log_crash("can't acknowledge its interrupt (%#llx): %s", (unsigned long long)interrupt,
                  status_text(s));
}
