/*
 * The words that kernel and userland exchange.
 *
 * Every domain sees the same addresses, so an address proves nothing: inside the
 * kernel one that came from a domain is a `uaddr_t` until the checked copy has
 * tried it with the domain's own rights.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint64_t handle_t; /* slot number in the low half, generation in the high; 0 is none */
typedef uint32_t rights_t; /* a set of enum right */
typedef uint64_t paddr_t;  /* physical address */
typedef uint64_t uaddr_t;  /* address in the shared space, unchecked */
typedef uint64_t nsec_t;   /* nanoseconds; as a point in time: since the counter's zero */
typedef uint16_t asid_t;

enum {
    PAGE_BYTES = 4096,
    PAGE_SHIFT = 12,
    SLOT_SHIFT = 21,     /* segments start at multiples of 2 MiB */
    NAME_BYTES = 16,     /* names of domains and labels, zero-padded, not always terminated */
    PRIORITY_COUNT = 64, /* 63 is the most urgent */
    PORTAL_WORDS = 8,
    PORTAL_HANDLES = 4,
};

#define SLOT_BYTES     (UINT64_C(1) << SLOT_SHIFT)
#define DEADLINE_NEVER UINT64_C(0)

#define CHECK_RESULT __attribute__((warn_unused_result))

struct name {
    char text[NAME_BYTES];
};
_Static_assert(sizeof(struct name) == 16, "a name travels in two registers");
