/*
 * Socket table: the numbers by which clients name sockets.
 *
 * A number is a slot and how often the slot was used before, so one that has been closed can't
 * reach its successor.  All clients share the table: whose a socket is, its user has to check.
 * Pure logic; the table owns nothing but the numbers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SOCKET_SLOTS = 1280 };

struct socket_slot {
    void *socket; /* NULL while free */
    uint16_t generation;
    uint16_t next_free; /* slot + 1, 0 ends the list */
};

struct socket_table {
    struct socket_slot slots[SOCKET_SLOTS];
    uint16_t first_free, last_free; /* first in, first out: the longest free is taken */
    uint16_t used;
};

void socket_table_init(struct socket_table *table);

/* A number for `socket`; 0: all slots are taken. */
uint32_t socket_table_add(struct socket_table *table, void *socket);

/* NULL: no such socket, or not any more. */
void *socket_table_find(const struct socket_table *table, uint32_t number);

/* The number, which is in use, is free again. */
void socket_table_remove(struct socket_table *table, uint32_t number);

/* The first socket in a slot from `slot` on, NULL if there is none; `*slot` becomes the next one
 * to ask for. */
void *socket_table_next(const struct socket_table *table, size_t *slot);
