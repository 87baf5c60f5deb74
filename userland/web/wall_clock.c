/*
 * Wall clock: asked until its answer is precise, then never again.  If it dies before that, its
 * successor is asked.
 */
#include "wall_clock.h"

#include "rt/app.h"
#include "rt/loop.h"
#include "rt/syscall.h"
#include "rt/time.h"
#include "rtc/clock.h"

static handle_t service;
static handle_t up_event; /* the launcher signals it when the service may be tried again */
static struct loop_timer again;
static struct clock_reading reading;
static bool is_known;

/* WOULD_BLOCK: on_up comes when there is a clock. */
static enum status clock_connect(void)
{
    if (service != 0)
        (void)!handle_close(service);
    service = 0;
    return app_connect_try(CLOCK_SERVICE, up_event, &service);
}

static void read_again(void *context, struct loop_timer *t)
{
    enum status s = clock_read(service, &reading);

    (void)context;
    if (s == STATUS_PEER_DEAD) {
        s = clock_connect();
        if (s == STATUS_OK)
            s = clock_read(service, &reading);
    }
    if (s == STATUS_OK)
        is_known = true;
    if (s == STATUS_PEER_DEAD || (s == STATUS_OK && !reading.is_precise))
        loop_timer_start(t, time_after_ns(NS_PER_S));
}

static void on_up(void *context)
{
    (void)context;
    if (clock_connect() == STATUS_OK)
        read_again(NULL, &again);
}

void wall_clock_open(void)
{
    unsigned bit;

    again.on_time = read_again;
    if (loop_bit_allocate(on_up, NULL, &bit) != STATUS_OK
        || loop_signal_handle(bit, &up_event) != STATUS_OK)
        return;
    on_up(NULL);
}

uint64_t wall_clock_seconds(nsec_t now_ns)
{
    return is_known ? (now_ns + reading.offset_ns) / NS_PER_S : 0;
}
