/*
 * Network addresses as services exchange them.
 *
 * One form for both families: 16 bytes in network order, an IPv4 address written as the
 * IPv4-mapped IPv6 address ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).  All zero means "any".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_address {
    uint8_t bytes[16];
};
_Static_assert(sizeof(struct net_address) == 16, "an address fills half a message");

enum { NET_ADDRESS_TEXT_BYTES = 46 }; /* the longest text of an address, with its final zero */

static inline struct net_address net_address_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct net_address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

static inline bool net_address_is_any(const struct net_address *address)
{
    uint8_t all = 0;

    for (size_t i = 0; i < sizeof address->bytes; i++)
        all |= address->bytes[i];
    return all == 0;
}

static inline bool net_address_is_v4(const struct net_address *address)
{
    uint8_t zeros = 0;

    for (size_t i = 0; i < 10; i++)
        zeros |= address->bytes[i];
    return zeros == 0 && address->bytes[10] == 0xff && address->bytes[11] == 0xff;
}

/* Write `address` as text ("10.0.2.15", "fe80::1"), always terminated.  From net_client. */
void net_address_format(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES]);

/* Read an address in the usual notation of either family; false leaves *out untouched. */
bool net_address_parse(const char *text, struct net_address *out);
