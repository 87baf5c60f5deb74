#include "core/log_watchers.h"

enum { PLACES = 8 };

static struct log_watcher {
    struct event *event; /* NULL: free */
    uint64_t bits;
} watchers[PLACES];

enum status log_watchers_add(struct event *event, uint64_t bits)
{
    /* Its own place first, else one that is free. */
    for (unsigned i = 0; i < 2 * PLACES; i++) {
        struct log_watcher *at = &watchers[i % PLACES];
        if (at->event != (i < PLACES ? event : NULL))
            continue;
        at->event = event;
        at->bits = bits;
        return STATUS_OK;
    }
    return STATUS_BUSY;
}

void log_watchers_forget(const struct event *event)
{
    for (struct log_watcher *at = watchers; at < &watchers[PLACES]; at++)
        if (at->event == event)
            at->event = NULL;
}

void log_watchers_signal(void)
{
    for (struct log_watcher *at = watchers; at < &watchers[PLACES]; at++)
        if (at->event != NULL)
            event_signal(at->event, at->bits);
}
