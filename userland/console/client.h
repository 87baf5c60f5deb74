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

enum {
    CLIENTS_MAX = 64,
    CLIENTS_OF_A_DOMAIN_MAX = CLIENTS_MAX / 4,
};

struct client {
    uint64_t badge; /* 0: the place is free */
    uint64_t used;  /* when it last called, in calls of all; who has no events goes by this */
    handle_t event[CLIENT_EVENTS]; /* owned; 0: none */
    bool is_room_awaited;
    unsigned length;
    uint8_t line[SCREEN_LINE_BYTES];
};

/*
 * The clients that are known, by the badge they call with.
 *
 * A client without events can die unnoticed; so a full table forgets the one of those
 * that hasn't called for the longest time.  No domain has more than its share of the places: one
 * loses its own oldest client for one more.
 */
struct client_table {
    struct client clients[CLIENTS_MAX];
    uint64_t calls;
    unsigned death_bit; /* of the loop's event: some client with events may have died */
};

/* The client with this badge, a new one if it hasn't called before.  NULL: no place for its domain
 * but those of clients with events.  Ownership: borrowed until client_forget(). */
struct client *client_find(struct client_table *table, uint64_t badge, struct screen *screen);

/* Print what is left of its line, and close the events. */
void client_forget(struct client *client, struct screen *screen);

/* Exchange the events, and watch for the client's death.  Ownership: takes over the handles.
 * Errors: those of domain_watch(). */
CHECK_RESULT enum status client_events_set(struct client_table *table, struct client *client,
                                           const handle_t event[CLIENT_EVENTS]);

bool client_has_events(const struct client *client);

/* False if its domain is gone; true as well if there is no way to know. */
bool client_lives(const struct client *client);

void client_signal(const struct client *client, enum client_event which);

/* Output from the background: returns how many bytes were taken, fewer than `length` only if the
 * screen has no room. */
size_t client_write(struct client *client, const uint8_t *bytes, size_t length,
                    struct screen *screen);

/* Show an unfinished line, newline added. */
void client_flush(struct client *client, struct screen *screen);
