/*
 * A client of console:Tty: its unfinished line, and the events it wants to hear by.
 */
#pragma once

#include <stdbool.h>

#include "rt/portal.h"
#include "screen.h"

enum client_event {
    CLIENT_ON_INPUT = 0, /* in the order of TTY_OPEN's handles */
    CLIENT_ON_ROOM = 1,
    CLIENT_ON_INTERRUPT = 2,
    CLIENT_EVENTS = 3,
};

struct client {
    handle_t event[CLIENT_EVENTS]; /* owned; 0: none */
    bool is_room_awaited;
    unsigned length;
    uint8_t line[SCREEN_LINE_BYTES];
};

/* A new client, without events; NULL if there is no memory. */
struct client *client_create(void);

/* Prints what is left of its line, and closes the events. */
void client_destroy(struct client *client, struct screen *screen);

/* Exchange the events.  Ownership: takes over the handles. */
void client_events_set(struct client *client, const handle_t event[CLIENT_EVENTS]);

void client_signal(const struct client *client, enum client_event which);

/* Output from the background: returns how many bytes were taken, fewer than `length` only if the
 * screen has no room. */
size_t client_write(struct client *client, const uint8_t *bytes, size_t length,
                    struct screen *screen);

/* Show an unfinished line, newline added. */
void client_flush(struct client *client, struct screen *screen);
