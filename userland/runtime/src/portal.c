/*
 * Portals: creating them, and the C half of their entry (portal_entry.S).
 */
#include "rt/portal.h"

#include <stdbool.h>
#include <stdlib.h>

#include "rt/syscall.h"

#include "monitor.h"
#include "stack.h"

struct portal_server {
    void (*handler)(void *context, uint64_t badge, struct portal_message *m);
    void *context;
};

/* What this stack's caller brought, while it waits for the monitor. */
static _Thread_local handle_t waiting[PORTAL_HANDLES];
static _Thread_local bool is_waiting;

void portal_entry(void);

/* Called by portal_entry; says whether handles go back. */
uint64_t portal_dispatch(const struct portal_server *server, uint64_t badge,
                         struct portal_message *m);

/*
 * A caller whose deadline passes while it waits for the monitor is gone at once.  What it brought
 * stays in our table until the next one that waits with something on this stack: or callers could
 * fill the table.
 */
__attribute__((noinline)) static void wait_with(const handle_t received[PORTAL_HANDLES])
{
    for (unsigned i = 0; is_waiting && i < PORTAL_HANDLES; i++)
        if (waiting[i] != 0)
            (void)!handle_close(waiting[i]);
    __builtin_memcpy(waiting, received, sizeof waiting);
    is_waiting = true;
    monitor_wait();
    is_waiting = false;
}

uint64_t portal_dispatch(const struct portal_server *server, uint64_t badge,
                         struct portal_message *m)
{
    const bool brings = (m->handle[0] | m->handle[1] | m->handle[2] | m->handle[3]) != 0;
    handle_t received[PORTAL_HANDLES];

    if (brings)
        __builtin_memcpy(received, m->handle, sizeof received);
    if (!monitor_try_call()) {
        if (brings)
            wait_with(received);
        else
            monitor_wait();
    }
    server->handler(server->context, badge, m);
    monitor_leave();
    if ((m->handle[0] | m->handle[1] | m->handle[2] | m->handle[3]) == 0)
        return 0;

    /* What the handler didn't want leaves our table, or a caller could fill it. */
    for (unsigned i = 0; brings && i < PORTAL_HANDLES; i++)
        if (m->handle[i] != 0 && m->handle[i] == received[i])
            m->handle[i] |= HANDLE_MOVE;
    return 1;
}

enum status portal_request(handle_t portal, struct portal_message *m)
{
    bool has_handles = (m->handle[0] | m->handle[1] | m->handle[2] | m->handle[3]) != 0;
    enum status s =
        has_handles ? portal_call_with(portal, m, DEADLINE_NEVER) : portal_call(portal, m);

    return s == STATUS_OK ? (enum status)m->word[0] : s;
}

enum status portal_serve_raw(void (*entry)(void), uint64_t cookie, size_t stack_bytes,
                             unsigned stack_count, handle_t *portal)
{
    struct stacks stacks;
    enum status s = stacks_create(stack_bytes, stack_count, "portal stacks", &stacks);

    if (s != STATUS_OK)
        return s;
    s = portal_create((uaddr_t)(uintptr_t)entry, stacks.first_top, stacks.stride_bytes,
                      stacks.count, cookie, portal);
    if (s != STATUS_OK)
        stacks_give_back(&stacks);
    return s;
}

enum status portal_serve(void (*handler)(void *context, uint64_t badge, struct portal_message *m),
                         void *context, size_t stack_bytes, unsigned stack_count, handle_t *portal)
{
    struct portal_server *server = malloc(sizeof *server);

    if (server == NULL)
        return STATUS_OUT_OF_QUOTA;
    *server = (struct portal_server){.handler = handler, .context = context};

    enum status s = portal_serve_raw(portal_entry, (uint64_t)(uintptr_t)server, stack_bytes,
                                     stack_count, portal);

    if (s != STATUS_OK)
        free(server);
    return s;
}
