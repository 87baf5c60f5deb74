/*
 * Clients in the background write by whole lines.
 */
#include "client.h"

#include "rt/app.h"
#include "rt/handle.h"
#include "rt/loop.h"
#include "rt/syscall.h"

static void events_close(struct client *client)
{
    for (unsigned i = 0; i < CLIENT_EVENTS; i++) {
        enum status s = client->event[i] == 0 ? STATUS_OK : handle_close(client->event[i]);

        (void)s; /* one that is gone already is as good as closed */
        client->event[i] = 0;
    }
}

bool client_has_events(const struct client *client)
{
    return client->event[CLIENT_ON_INPUT] != 0 || client->event[CLIENT_ON_ROOM] != 0
           || client->event[CLIENT_ON_INTERRUPT] != 0;
}

static bool is_of_domain(const struct client *client, uint64_t badge)
{
    return client->badge != 0 && app_badge_domain(client->badge) == app_badge_domain(badge);
}

static unsigned domain_count(const struct client_table *table, uint64_t badge)
{
    unsigned count = 0;

    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        count += is_of_domain(&table->clients[i], badge);
    return count;
}

struct client *client_find(struct client_table *table, uint64_t badge, struct screen *screen)
{
    const bool is_crowded = domain_count(table, badge) >= CLIENTS_OF_A_DOMAIN_MAX;
    struct client *oldest = NULL;

    table->calls++;
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &table->clients[i];

        if (client->badge == badge) {
            client->used = table->calls;
            return client;
        }
        if (is_crowded && !is_of_domain(client, badge))
            continue;
        if (!client_has_events(client) && (oldest == NULL || client->used < oldest->used))
            oldest = client;
    }
    if (oldest != NULL) {
        client_forget(oldest, screen);
        oldest->badge = badge;
        oldest->used = table->calls;
    }
    return oldest;
}

void client_forget(struct client *client, struct screen *screen)
{
    client_flush(client, screen);
    events_close(client);
    *client = (struct client){.badge = 0};
}

/* Of the client's domain they have to be, since they tell whether it lives. */
static enum status events_watch(const struct client *client, uint64_t death_bits)
{
    handle_t any = 0;

    for (unsigned i = 0; i < CLIENT_EVENTS; i++) {
        const handle_t event = client->event[i];
        if (event == 0)
            continue;
        if (handle_owner(event, OBJECT_EVENT) != app_badge_domain(client->badge))
            return STATUS_DENIED;
        any = event;
    }
    return any == 0 ? STATUS_OK : domain_watch(any, loop_event(), death_bits);
}

enum status client_events_set(struct client_table *table, struct client *client,
                              const handle_t event[CLIENT_EVENTS])
{
    events_close(client);
    for (unsigned i = 0; i < CLIENT_EVENTS; i++)
        client->event[i] = event[i];
    const enum status s = events_watch(client, UINT64_C(1) << table->death_bit);
    if (s != STATUS_OK)
        events_close(client);
    return s;
}

bool client_lives(const struct client *client)
{
    for (unsigned i = 0; i < CLIENT_EVENTS; i++)
        if (client->event[i] != 0)
            return event_signal(client->event[i], 0) == STATUS_OK;
    return true;
}

void client_signal(const struct client *client, enum client_event which)
{
    /* The handle's badge says which bits; a client that is gone doesn't matter. */
    if (client->event[which] != 0)
        (void)event_signal(client->event[which], UINT64_MAX);
}

void client_flush(struct client *client, struct screen *screen)
{
    if (client->length > 0)
        screen_print(screen, client->line, client->length);
    client->length = 0;
}

size_t client_write(struct client *client, const uint8_t *bytes, size_t length,
                    struct screen *screen)
{
    for (size_t i = 0; i < length; i++) {
        bool is_end = bytes[i] == '\n';

        if (!is_end && client->length < SCREEN_LINE_BYTES) {
            client->line[client->length++] = bytes[i];
            continue;
        }
        if (screen_room(screen) == 0)
            return i;
        screen_print(screen, client->line, client->length);
        client->length = 0;
        if (!is_end)
            client->line[client->length++] = bytes[i];
    }
    return length;
}
