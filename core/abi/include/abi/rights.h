/*
 * Kinds of kernel objects, and what a handle may allow its holder to do.
 */
#pragma once

#include "abi/types.h"

enum object_type {
    OBJECT_NONE = 0,
    OBJECT_DOMAIN = 1,
    OBJECT_THREAD = 2,
    OBJECT_PORTAL = 3,
    OBJECT_EVENT = 4,
    OBJECT_SEGMENT = 5,
    OBJECT_INTERRUPT = 6,
    OBJECT_CLOCK = 7,
    OBJECT_FACTORY = 8,
    OBJECT_TYPE_COUNT,
};

enum right {
    RIGHT_READ = 1U << 0,      /* segment: map readable */
    RIGHT_WRITE = 1U << 1,     /* segment: map writable */
    RIGHT_EXECUTE = 1U << 2,   /* segment: map executable (never together with write) */
    RIGHT_DMA = 1U << 3,       /* segment: learn physical addresses */
    RIGHT_CALL = 1U << 4,      /* portal: call it */
    RIGHT_SIGNAL = 1U << 5,    /* event: set the bits of the handle's badge */
    RIGHT_WAIT = 1U << 6,      /* event: wait on it; bind sources to it */
    RIGHT_MANAGE = 1U << 7,    /* domain, thread: start, stop, give; others: use, or take back */
    RIGHT_INSPECT = 1U << 8,   /* domain: read its records; portal, domain: watch for its death */
    RIGHT_DUPLICATE = 1U << 9, /* any: make further handles from this one */
    RIGHT_TRANSFER = 1U << 10, /* any: pass it through a portal call */
    RIGHT_ALL = (1U << 11) - 1U,
};

/* Rights to memory, as a view can grant them. */
enum { RIGHTS_MEMORY = RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE };
