/*
 * The client's half of app:App; the protocol stands in rt/app.h.
 */
#include "rt/app.h"

#include <string.h>

#include "rt/loop.h"
#include "rt/portal.h"
#include "rt/service_name.h"
#include "rt/startup.h"
#include "rt/syscall.h"

enum { APP_ARGUMENT_BYTES = 24 };

/* Send `m` with the operation and the name filled in; OK only if the launcher said so. */
static enum status app_request(enum app_operation operation, const char *name,
                               struct portal_message *m)
{
    struct service_name packed;

    if (!service_name_pack(name, &packed))
        return STATUS_BAD_ARGUMENT;
    m->word[0] = operation;
    memcpy(&m->word[1], packed.word, sizeof packed.word);

    enum status s = portal_call_with(startup_get()->app_portal, m, DEADLINE_NEVER);

    return s == STATUS_OK ? (enum status)m->word[0] : s;
}

enum status app_connect_try(const char *service, handle_t event, handle_t *portal)
{
    struct portal_message m = {.handle = {event}};
    enum status s = app_request(APP_CONNECT, service, &m);

    if (s == STATUS_OK)
        *portal = m.word[1];
    return s;
}

enum status app_connect(const char *service, handle_t *portal)
{
    unsigned bit;
    handle_t event;
    enum status s = loop_bit_allocate(NULL, NULL, &bit);

    if (s != STATUS_OK)
        return s;
    s = loop_signal_handle(bit, &event);
    if (s != STATUS_OK) {
        loop_bit_free(bit);
        return s;
    }
    while ((s = app_connect_try(service, event, portal)) == STATUS_WOULD_BLOCK) {
        s = loop_wait(bit, DEADLINE_NEVER);
        if (s != STATUS_OK)
            break;
    }
    (void)handle_close(event);
    loop_bit_free(bit);
    return s;
}

enum status app_offer(const char *service, handle_t portal)
{
    struct portal_message m = {.handle = {portal}};

    return app_request(APP_OFFER, service, &m);
}

enum status app_launch(const char *program, const char *argument, handle_t on_end,
                       uint32_t *domain_id, handle_t *domain)
{
    struct portal_message m = {.handle = {on_end}};
    size_t length = argument == NULL ? 0 : strlen(argument);

    if (length >= APP_ARGUMENT_BYTES)
        return STATUS_BAD_ARGUMENT;
    if (length != 0)
        memcpy(&m.word[5], argument, length);

    enum status s = app_request(APP_LAUNCH, program, &m);

    if (s != STATUS_OK)
        return s;
    if (domain_id != NULL)
        *domain_id = (uint32_t)m.word[1];
    if (domain != NULL)
        *domain = m.handle[0];
    else if (m.handle[0] != 0)
        s = handle_close(m.handle[0]);
    return s;
}

enum status app_stop(const char *program)
{
    struct portal_message m = {.word = {0}};

    return app_request(APP_STOP, program, &m);
}

enum status app_restart(const char *program)
{
    struct portal_message m = {.word = {0}};

    return app_request(APP_RESTART, program, &m);
}

enum status app_power_off(void)
{
    struct portal_message m = {.word = {APP_POWER_OFF}};
    const enum status s = portal_call_with(startup_get()->app_portal, &m, DEADLINE_NEVER);

    return s == STATUS_OK ? (enum status)m.word[0] : s;
}

enum status app_heartbeat(handle_t event)
{
    struct portal_message m = {.word = {APP_HEARTBEAT}, .handle = {event | HANDLE_MOVE}};
    const enum status s = portal_call_with(startup_get()->app_portal, &m, DEADLINE_NEVER);

    return s == STATUS_OK ? (enum status)m.word[0] : s;
}

void app_exit(int code)
{
    const struct startup *startup = startup_get();
    struct portal_message m = {.word = {APP_EXIT, (uint64_t)(unsigned)code}};

    /* Should the launcher not end us, then we do it; failing that, this thread at least ends. */
    enum status s = portal_call_with(startup->app_portal, &m, DEADLINE_NEVER);

    s = domain_stop(startup->own_domain);
    (void)s;
    thread_exit();
}
