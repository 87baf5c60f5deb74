#include "partner.h"

#include "doorbell.h"

#include "rt/startup.h"
#include "rt/thread.h"

#include <stdbool.h>
#include <stdlib.h>

enum { STACK_BYTES = 16384 };

struct partner {
    struct doorbell doorbell;
    handle_t answer; /* event to ring in return; 0: none */
};

/* Spinners compare it with what it was when they started: a change sends them home. */
static _Atomic uint32_t rests;

static void partner_run(void *context)
{
    const struct partner *partner = context;

    while (doorbell_wait(&partner->doorbell) == STATUS_OK)
        if (partner->answer != 0)
            (void)event_signal(partner->answer, 1);
}

static enum status partner_start(handle_t answer, uint32_t priority, handle_t *signal)
{
    struct partner *partner = calloc(1, sizeof *partner);

    if (partner == NULL)
        return STATUS_OUT_OF_MEMORY;
    partner->answer = answer;
    enum status s = doorbell_create(&partner->doorbell);
    if (s == STATUS_OK)
        s = thread_start(partner_run, partner, STACK_BYTES, priority, NULL);
    if (s == STATUS_OK)
        *signal = partner->doorbell.signal;
    return s;
}

enum status partner_wait(handle_t *signal)
{
    return partner_start(0, startup_get()->highest_priority, signal);
}

enum status partner_on_pong(struct portal_message *m)
{
    handle_t signal;
    const enum status s = partner_start(m->handle[0], (uint32_t)m->word[1], &signal);

    if (s == STATUS_OK)
        m->handle[0] = signal | HANDLE_MOVE;
    return s;
}

/* One at a time. */
static struct {
    uint32_t rests_before;
    nsec_t budget_ns, period_ns;
} spinner;

static void spin(void *context)
{
    const uint32_t before = spinner.rests_before;

    (void)context;
    if (spinner.budget_ns != 0
        && thread_set_budget(0, spinner.budget_ns, spinner.period_ns) != STATUS_OK)
        return;
    while (atomic_load_explicit(&rests, memory_order_relaxed) == before) {
    }
}

enum status partner_on_spin(struct portal_message *m)
{
    spinner.rests_before = atomic_load_explicit(&rests, memory_order_relaxed);
    spinner.budget_ns = m->word[2];
    spinner.period_ns = m->word[3];
    return thread_start(spin, NULL, STACK_BYTES, (uint32_t)m->word[1], NULL);
}

enum status partner_on_rest(struct portal_message *m)
{
    (void)m;
    atomic_fetch_add_explicit(&rests, 1, memory_order_relaxed);
    return STATUS_OK;
}
