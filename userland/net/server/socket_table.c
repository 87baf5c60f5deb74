/*
 * Numbers are generation << 16 | slot + 1, so that 0 is never one.
 */
#include "socket_table.h"

static void append_free(struct socket_table *table, uint16_t place)
{
    table->slots[place - 1].next_free = 0;
    if (table->first_free == 0)
        table->first_free = place;
    else
        table->slots[table->last_free - 1].next_free = place;
    table->last_free = place;
}

void socket_table_init(struct socket_table *table)
{
    *table = (struct socket_table){0};
    for (uint16_t place = 1; place <= SOCKET_SLOTS; place++)
        append_free(table, place);
}

uint32_t socket_table_add(struct socket_table *table, void *socket)
{
    uint16_t place = table->first_free;

    if (place == 0)
        return 0;

    struct socket_slot *slot = &table->slots[place - 1];
    table->first_free = slot->next_free;
    slot->socket = socket;
    table->used++;
    return (uint32_t)slot->generation << 16 | place;
}

void *socket_table_find(const struct socket_table *table, uint32_t number)
{
    uint32_t place = number & 0xffff;

    if (place == 0 || place > SOCKET_SLOTS)
        return NULL;

    const struct socket_slot *slot = &table->slots[place - 1];
    return slot->generation == number >> 16 ? slot->socket : NULL;
}

void socket_table_remove(struct socket_table *table, uint32_t number)
{
    uint16_t place = (uint16_t)(number & 0xffff);
    struct socket_slot *slot = &table->slots[place - 1];

    slot->socket = NULL;
    slot->generation++;
    table->used--;
    append_free(table, place);
}

void *socket_table_next(const struct socket_table *table, size_t *slot)
{
    while (*slot < SOCKET_SLOTS) {
        void *socket = table->slots[(*slot)++].socket;
        if (socket != NULL)
            return socket;
    }
    return NULL;
}
