/*
 * Heap: the allocator behind malloc(), over one run of memory.
 *
 * Two-level segregated fit: free blocks hang in lists by size class (a power of two, cut into 16),
 * two levels of bitmaps find a list that surely fits, so allocating and freeing take a bounded
 * number of steps whatever the heap looks like.  Blocks know their neighbours in memory, and two
 * free ones never lie next to each other.
 *
 * Idea: M. Masmano et al., "TLSF: a new dynamic memory allocator for real-time systems", 2004.
 * Pure logic, no lock of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAP_ALIGNMENT = 16,
    HEAP_CLASSES = 32, /* powers of two, from 256 bytes up; the first is linear below that */
    HEAP_SUBCLASSES = 16,
};

struct heap_block {
    struct heap_block *before; /* in memory; NULL for the first */
    size_t size_and_use;       /* payload bytes, a multiple of 16; bit 0: in use */
    /* payload; while free: */
    struct heap_block *next_free, *previous_free;
};

struct heap {
    uint32_t classes;                  /* bit: some subclass has a free block */
    uint32_t subclasses[HEAP_CLASSES]; /* bit: the list is not empty */
    struct heap_block *list[HEAP_CLASSES][HEAP_SUBCLASSES];
    size_t total_bytes; /* payload that could be had */
    size_t used_bytes;  /* payload in use */
};

/* Set up `h`, which is zeroed, over the memory from `start` to `end`; false if it is too small. */
bool heap_setup(struct heap *h, void *start, void *end);

/* NULL when nothing fits.  The memory is not cleared. */
void *heap_allocate(struct heap *h, size_t bytes);

/* `alignment` is a power of two. */
void *heap_allocate_aligned(struct heap *h, size_t alignment, size_t bytes);

/* Give back what heap_allocate() gave.  False: that block isn't in use (freed twice). */
bool heap_release(struct heap *h, void *payload);

/* Grow or shrink in place; false if there is no room (nothing has changed). */
bool heap_resize(struct heap *h, void *payload, size_t bytes);

/* Payload bytes of a block in use, at least what was asked for. */
size_t heap_size(const void *payload);
