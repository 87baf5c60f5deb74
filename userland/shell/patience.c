/*
 * Waiting in the event loop.
 */
#include "patience.h"

#include "rt/loop.h"
#include "rt/time.h"

static void on_time(void *context, struct loop_timer *timer)
{
    (void)context;
    (void)timer;
    loop_stop();
}

void patience_end(void)
{
    loop_stop();
}

bool patience_wait(const bool *done, nsec_t deadline_ns)
{
    struct loop_timer timer = {.on_time = on_time};

    while (!*done && (deadline_ns == DEADLINE_NEVER || time_now_ns() < deadline_ns)) {
        if (deadline_ns != DEADLINE_NEVER)
            loop_timer_start(&timer, deadline_ns);
        loop_run();
        loop_timer_stop(&timer);
    }
    return *done;
}
