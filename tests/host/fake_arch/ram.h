/*
 * RAM: a small machine's memory, and the frame allocator that ships, over it.
 */
#pragma once

#include "domains/frame.h"

#include <stdbool.h>

#define RAM_BASE UINT64_C(0x40000000)

/* A machine of `pages` pages, all of them free frames, none of them zero. */
void ram_start(uint64_t pages);

/* Whether every frame has come back. */
bool ram_end(void);

/* Numbers that are the same each time; restarted by ram_start(). */
uint64_t ram_random(void);

/* One of 0 to `count` - 1. */
static inline uint32_t ram_choice(uint32_t count)
{
    return (uint32_t)(ram_random() % count);
}
