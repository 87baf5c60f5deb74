/*
 * The stack's argument in the manifest, as a record.
 *
 * Words of "name=value" separated by spaces; an empty text means DHCP and SLAAC:
 *   address=10.0.2.15/24   a static IPv4 address, no DHCP
 *   gateway=10.0.2.2       its router
 *   dns=10.0.2.3           a name server, of either family; up to two
 *   address6=fec0::5/64    a static IPv6 address, beside those that routers announce
 *   slaac=off              take no addresses from routers
 *   hostname=rotunda       what DHCP servers are told
 */
#pragma once

#include "abi/status.h"
#include "net/address.h"
#include "net/status.h"

enum { CONFIGURATION_HOSTNAME_BYTES = 32 };

struct configuration {
    struct net_address address; /* any: ask DHCP */
    uint32_t prefix_bits;
    struct net_address gateway;
    struct net_address address6; /* any: none */
    uint32_t prefix6_bits;
    struct net_address dns[NET_DNS_SERVERS];
    bool is_slaac_off;
    char hostname[CONFIGURATION_HOSTNAME_BYTES];
};

/* Errors: BAD_ARGUMENT, with *bad pointing at the word that can't be understood. */
CHECK_RESULT enum status configuration_parse(const char *text, struct configuration *out,
                                             const char **bad);
