/*
 * The event loop: the one place where a program waits.
 *
 * A domain has one event, a word of 64 pending bits; interrupts, doorbells, deaths and wake-ups of
 * services all arrive as bits of it.  A bit is allocated to one purpose, has one callback, and the
 * handle that others get to signal it can set that bit and no other.  Timers are kept in the loop.
 * Callbacks run one at a time on the loop's thread, inside the monitor, and never wait.
 */
#pragma once

#include "abi/status.h"

#include "rt/timer.h"

enum { LOOP_BITS = 64 };

/* The domain's event, all bits.  For binding sources: interrupt_bind(), domain_watch(). */
handle_t loop_event(void);

/* Take a free bit, with the callback for when it is set.  Errors: OUT_OF_QUOTA (all in use). */
CHECK_RESULT enum status loop_bit_allocate(void (*on_bit)(void *context), void *context,
                                           unsigned *bit);

/* Give it back.  Who has a handle to it can still set it, so a callback may come for nothing to
 * whoever has it next. */
void loop_bit_free(unsigned bit);

/*
 * Serve the bit, too, whenever the launcher asks whether the loop comes round: its callback looks at
 * something that it might not have been told of, as when a doorbell or an interrupt is lost.
 */
void loop_bit_look(unsigned bit);

/* Change the callback of an allocated bit. */
void loop_on_bit(unsigned bit, void (*on_bit)(void *context), void *context);

/* A handle that can set just this bit, to be passed to somebody (SIGNAL, INSPECT, TRANSFER). */
CHECK_RESULT enum status loop_signal_handle(unsigned bit, handle_t *out);

/* Set a bit oneself, from anywhere in the domain: its callback runs soon, on the loop's thread. */
void loop_raise(unsigned bit);

/*
 * Wait for one bit and clear it, leaving all others pending; its callback doesn't run.
 * Context: the loop's thread, in main() or a callback.  The monitor is left meanwhile.
 * Errors: TIMED_OUT.
 */
CHECK_RESULT enum status loop_wait(unsigned bit, nsec_t deadline_ns);

struct loop_timer {
    struct timer timer;
    void (*on_time)(void *context, struct loop_timer *t);
    void *context;
};

/* Have t->on_time called at `deadline_ns` (absolute; started again, it moves).  Borrows `t`. */
void loop_timer_start(struct loop_timer *t, nsec_t deadline_ns);
void loop_timer_stop(struct loop_timer *t);

/* Serve until loop_stop(); the usual end of main(). */
void loop_run(void);
void loop_stop(void);

/* How often the loop waited in the kernel, and how many bits it served. */
struct loop_counters {
    uint64_t waits;
    uint64_t bits;
    uint64_t timers;
};
void loop_counters_read(struct loop_counters *out);
