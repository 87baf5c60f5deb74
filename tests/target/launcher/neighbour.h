/*
 * What neighbours and their warden say to each other, over the rings of test:Ward.
 */
#pragma once

#include "abi/types.h"

#define WARD_SERVICE "test:Ward"

enum {
    WARD_NEIGHBOURS = 12,
    WARD_CANARY_WORDS = 256,
    WARD_RING_CAPACITY = 256,
    WARD_RING_CANARIES = 8, /* messages at the ring's end that nobody comes to */
};

/* What a domain has that another may want to touch. */
enum ward_place {
    WARD_TEXT = 0,
    WARD_DATA = 1,
    WARD_HEAP = 2,
    WARD_STACK = 3,
    WARD_RING = 4,
    WARD_DEVICE = 5,
    WARD_OWN_PLACES = 6,
    WARD_KERNEL = 6, /* these two are the machine's */
    WARD_TABLES = 7, /* the translation tables of the domain */
    WARD_PLACES = 8,
};

enum ward_touch { WARD_READ = 0, WARD_WRITE = 1, WARD_EXECUTE = 2, WARD_TOUCHES = 3 };

/* Word 0 of a message. */
enum ward_message {
    WARD_HERE = 1,     /* neighbour: word 1 its number, word 2 a place, word 3 the address */
    WARD_TOUCH = 2,    /* warden: word 1 how, word 2 the address */
    WARD_SURVIVED = 3, /* neighbour: the touch had no consequences */
    WARD_CHECK = 4,    /* warden: are your canaries alive? */
    WARD_CHECKED = 5,  /* neighbour: word 1 how many words of them are not */
    WARD_BEGIN = 6,    /* a portal call: word 1 a victim, word 2 the address of its tables */
};

/* Where the kernel is linked, and where it has all memory once more. */
#define WARD_KERNEL_IMAGE  UINT64_C(0xffffffff80001000)
#define WARD_KERNEL_MEMORY UINT64_C(0xffff000040000000)

/* What a word at this address holds that must not change. */
static inline uint64_t ward_canary(uint64_t address)
{
    return address * UINT64_C(0x9e3779b97f4a7c15) + 1;
}
