/*
 * The event loop.
 *
 * The pending word lies in this program's data segment, where the kernel sets bits and we take them
 * with one atomic exchange.  All other state here belongs to whoever is inside the monitor.
 */
#include "rt/loop.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "rt/app.h"
#include "rt/log.h"
#include "rt/monitor.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include "program.h"

struct loop_source {
    void (*on_bit)(void *context);
    void *context;
};

static _Atomic uint64_t pending; /* the kernel's and ours; every access is atomic */

static handle_t event;
enum {
    WAKE_BIT = LOOP_BITS - 1,  /* no callback: it only ends a wait */
    HEART_BIT = LOOP_BITS - 2, /* the launcher asks whether we come round */
};

static uint64_t allocated = UINT64_C(1) << WAKE_BIT | UINT64_C(1) << HEART_BIT; /* bits in use */
static uint64_t looks;    /* bits that are served whenever the launcher asks */
static uint64_t retained; /* bits taken from `pending` while waiting for another one */
static struct loop_source source[LOOP_BITS];
static uintptr_t source_sum; /* of what `source` should be */
static struct timer_queue timers;
static bool is_stopped;
static bool is_asleep;
static nsec_t sleep_deadline_ns; /* while asleep; DEADLINE_NEVER: none */
static struct loop_counters counters;

static uintptr_t sum_of(const struct loop_source *s)
{
    return (uintptr_t)s->on_bit + (uintptr_t)s->context;
}

/* Who calls what isn't its callback, or nothing, answers well and doesn't do its work. */
static void source_check(void)
{
    uintptr_t sum = 0;

    for (unsigned bit = 0; bit < LOOP_BITS; bit++)
        sum += sum_of(&source[bit]);
    if (sum != source_sum)
        log_crash("the loop's callbacks are damaged");
}

static void source_set(unsigned bit, struct loop_source s)
{
    source_sum += sum_of(&s) - sum_of(&source[bit]);
    source[bit] = s;
}

static void heart_answer(void)
{
    source_check();
    (void)event_signal(startup_get()->heartbeat, UINT64_MAX);
}

/* All callbacks of this round have returned: the bit is behind theirs. */
static void loop_on_heart(void *context)
{
    (void)context;
    heart_answer();
    retained |= looks;
}

static void loop_offer_heart(void)
{
    handle_t heart = 0;

    loop_on_bit(HEART_BIT, loop_on_heart, NULL);
    enum status s = loop_signal_handle(HEART_BIT, &heart);

    if (s == STATUS_OK)
        s = app_heartbeat(heart);
    if (s != STATUS_OK)
        log_die("no heartbeat: %s", status_text(s));
}

void loop_init(void)
{
    const struct startup_segment *data = &startup_get()->data;
    uint64_t offset = (uint64_t)(uintptr_t)&pending - data->address;
    enum status s = event_create(data->handle, offset, &event);

    if (s != STATUS_OK)
        log_die("no event for the loop: %s", status_text(s));
    if (startup_get()->heartbeat != 0)
        loop_offer_heart();
}

handle_t loop_event(void)
{
    return event;
}

enum status loop_bit_allocate(void (*on_bit)(void *context), void *context, unsigned *bit)
{
    if (~allocated == 0)
        return STATUS_OUT_OF_QUOTA;

    unsigned free_bit = (unsigned)__builtin_ctzll(~allocated);

    allocated |= UINT64_C(1) << free_bit;
    loop_on_bit(free_bit, on_bit, context);
    *bit = free_bit;
    return STATUS_OK;
}

void loop_bit_free(unsigned bit)
{
    allocated &= ~(UINT64_C(1) << bit);
    looks &= ~(UINT64_C(1) << bit);
    retained &= ~(UINT64_C(1) << bit);
    source_set(bit, (struct loop_source){0});
}

void loop_on_bit(unsigned bit, void (*on_bit)(void *context), void *context)
{
    source_set(bit, (struct loop_source){.on_bit = on_bit, .context = context});
}

void loop_bit_look(unsigned bit)
{
    looks |= UINT64_C(1) << bit;
}

enum status loop_signal_handle(unsigned bit, handle_t *out)
{
    return handle_duplicate(event, RIGHT_SIGNAL | RIGHT_INSPECT | RIGHT_DUPLICATE | RIGHT_TRANSFER,
                            UINT64_C(1) << bit, out);
}

void loop_raise(unsigned bit)
{
    (void)event_signal(event, UINT64_C(1) << bit);
}

/* Sleep until something is pending or `deadline_ns`; the monitor is free meanwhile. */
static enum status loop_sleep(nsec_t deadline_ns)
{
    counters.waits++;
    is_asleep = true;
    sleep_deadline_ns = deadline_ns;
    monitor_leave();

    enum status s = event_wait(event, deadline_ns);

    monitor_enter();
    is_asleep = false;
    return s;
}

static uint64_t loop_take(void)
{
    if (atomic_load_explicit(&pending, memory_order_relaxed) == 0)
        return 0;
    return atomic_exchange_explicit(&pending, 0, memory_order_acquire);
}

enum status loop_wait(unsigned bit, nsec_t deadline_ns)
{
    uint64_t mask = UINT64_C(1) << bit;

    for (;;) {
        retained |= loop_take();
        /* Who waits here does what it should. */
        if ((retained & UINT64_C(1) << HEART_BIT) != 0) {
            retained &= ~(UINT64_C(1) << HEART_BIT);
            heart_answer();
        }
        if ((retained & mask) != 0) {
            retained &= ~mask;
            return STATUS_OK;
        }

        enum status s = loop_sleep(deadline_ns);

        if (s != STATUS_OK)
            return s;
    }
}

void loop_timer_start(struct loop_timer *t, nsec_t deadline_ns)
{
    nsec_t effective_ns = deadline_ns == 0 ? 1 : deadline_ns;

    timer_queue_insert(&timers, &t->timer, effective_ns);
    /* From a portal handler, while the loop's thread sleeps too long for this one. */
    if (is_asleep && (sleep_deadline_ns == DEADLINE_NEVER || effective_ns < sleep_deadline_ns))
        loop_raise(WAKE_BIT);
}

void loop_timer_stop(struct loop_timer *t)
{
    timer_queue_remove(&timers, &t->timer);
}

static void loop_serve_timers(void)
{
    if (timers.first == NULL)
        return;

    nsec_t now_ns = time_now_ns();
    struct timer *t;

    while ((t = timer_queue_expire(&timers, now_ns)) != NULL) {
        struct loop_timer *owner = (struct loop_timer *)(void *)t;

        counters.timers++;
        owner->on_time(owner->context, owner);
    }
}

static void loop_serve_bits(uint64_t bits)
{
    while (bits != 0) {
        unsigned bit = (unsigned)__builtin_ctzll(bits);
        struct loop_source s = source[bit];

        bits &= bits - 1;
        counters.bits++;
        /* A bit without a callback was freed while it was under way. */
        if (s.on_bit != NULL)
            s.on_bit(s.context);
    }
}

/*
 * False: it is to stop.  Not inlined, so that no register keeps an address from one round to the
 * next: one in which a bit flips is forgotten with the round.
 */
__attribute__((noinline)) static bool loop_round(void)
{
    uint64_t bits = retained | loop_take();
    enum status s = STATUS_OK;

    retained = 0;
    loop_serve_bits(bits);
    loop_serve_timers();
    if (bits == 0 && retained == 0 && !is_stopped)
        s = loop_sleep(timers.first == NULL ? DEADLINE_NEVER : timers.first->deadline_ns);
    /* Going round for ever, and answering the launcher each time, is worse than ending. */
    if (s != STATUS_OK && s != STATUS_TIMED_OUT)
        log_crash("the loop can't wait: %s", status_text(s));
    return !is_stopped;
}

void loop_run(void)
{
    is_stopped = false;
    while (loop_round())
        continue;
}

void loop_stop(void)
{
    is_stopped = true;
    if (is_asleep)
        loop_raise(WAKE_BIT);
}

void loop_counters_read(struct loop_counters *out)
{
    *out = counters;
}
