/*
 * Wall clock: asked until its answer is precise, then never again.
 */
#include "wall_clock.h"

#include "rt/app.h"
#include "rt/loop.h"
#include "rt/time.h"
#include "rtc/clock.h"

static handle_t service;
static handle_t up_event; /* the launcher signals it when the service may be tried again */
static struct loop_timer again;
static struct clock_reading reading;
static bool is_known;

static void read_again(void *context, struct loop_timer *t)
{
    (void)context;
    if (clock_read(service, &reading) != STATUS_OK)
        return;
    is_known = true;
    if (!reading.is_precise)
        loop_timer_start(t, time_after_ns(NS_PER_S));
}

static void on_up(void *context)
{
    (void)context;
    if (app_connect_try(CLOCK_SERVICE, up_event, &service) == STATUS_OK)
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
