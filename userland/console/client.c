/*
 * Clients in the background write by whole lines.
 */
#include "client.h"

#include <stdlib.h>

#include "rt/syscall.h"

struct client *client_create(void)
{
    return calloc(1, sizeof(struct client));
}

void client_destroy(struct client *client, struct screen *screen)
{
    static const handle_t none[CLIENT_EVENTS];

    client_flush(client, screen);
    client_events_set(client, none);
    free(client);
}

void client_events_set(struct client *client, const handle_t event[CLIENT_EVENTS])
{
    for (unsigned i = 0; i < CLIENT_EVENTS; i++) {
        if (client->event[i] != 0)
            (void)!handle_close(client->event[i]);
        client->event[i] = event[i];
    }
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
