/*
 * A failed try may also come back as on_close, when connection_restart() had to put it off: then
 * reopening begins again, and goes on.
 */
#include "reopening.h"

#include "rt/log.h"
#include "rt/time.h"

#define REOPENING_PAUSE_NS (100 * NS_PER_MS)

static void reopening_try(struct reopening *r)
{
    enum status s = connection_restart(r->connection);

    if (s == STATUS_OK)
        return;
    if (log_is_worth(++r->failures))
        log_line("no way to the network stack: %s, %u times in a row", status_text(s), r->failures);
    loop_timer_start(&r->timer, time_after_ns(REOPENING_PAUSE_NS));
}

static void on_reopening_time(void *context, struct loop_timer *timer)
{
    struct reopening *r = context;

    (void)timer;
    if (r->connection->state != CONNECTION_WAITING && r->connection->state != CONNECTION_OPENED)
        reopening_try(r);
}

void reopening_begin(struct reopening *r, struct connection *c, enum status why)
{
    if (!r->is_begun)
        log_line("lost the network stack: %s", status_text(why));
    r->is_begun = true;
    r->connection = c;
    r->timer.on_time = on_reopening_time;
    r->timer.context = r;
    reopening_try(r);
}

void reopening_end(struct reopening *r)
{
    r->is_begun = false;
    r->failures = 0;
    loop_timer_stop(&r->timer);
}
