#include "core/log_watchers.h"

enum { PLACES = 8 };

static struct log_watcher {
    struct event *event; /* NULL: free */
    uint64_t bits;
} watchers[PLACES];

/* Of an event, or of nobody: one that is free. */
static OUT_OF_LINE struct log_watcher *place_of(const struct event *event)
{
    struct log_watcher *at = watchers;

    while (at != &watchers[PLACES] && at->event != event)
        at++;
    return at != &watchers[PLACES] ? at : NULL;
}

enum status log_watchers_add(struct event *event, uint64_t bits)
{
    struct log_watcher *at = place_of(event);

    if (event->belonging.domain == NULL)
        return STATUS_PEER_DEAD;
    if (at == NULL)
        at = place_of(NULL);
    if (at == NULL)
        return STATUS_BUSY;
    at->event = event;
    at->bits = bits;
    return STATUS_OK;
}

void log_watchers_forget(const struct event *event)
{
    struct log_watcher *at = place_of(event);

    if (at != NULL)
        at->event = NULL;
}

void log_watchers_signal(void)
{
    for (struct log_watcher *at = watchers; at < &watchers[PLACES]; at++)
        if (at->event != NULL)
            event_signal(at->event, at->bits);
}
