/*
 * Both forms keep the bytes in network order, so this is copying.
 */
#include "lwip_address.h"

#include <string.h>

#include "interface.h"
#include "lwip/ip6_zone.h"

struct net_address address_from_lwip(const ip_addr_t *address)
{
    struct net_address out = net_address_v4(0, 0, 0, 0);

    if (IP_IS_V4_VAL(*address)) {
        if (ip_addr_isany_val(*address))
            return (struct net_address){{0}};
        memcpy(out.bytes + 12, &ip_2_ip4(address)->addr, 4);
    } else {
        memcpy(out.bytes, ip_2_ip6(address)->addr, sizeof out.bytes);
    }
    return out;
}

ip_addr_t address_to_lwip(const struct net_address *address)
{
    ip_addr_t out = {0};

    if (net_address_is_v4(address)) {
        IP_SET_TYPE_VAL(out, IPADDR_TYPE_V4);
        memcpy(&ip_2_ip4(&out)->addr, address->bytes + 12, 4);
        return out;
    }
    IP_SET_TYPE_VAL(out, IPADDR_TYPE_V6);
    memcpy(ip_2_ip6(&out)->addr, address->bytes, sizeof address->bytes);
    ip6_addr_assign_zone(ip_2_ip6(&out), IP6_UNKNOWN, interface_netif());
    return out;
}
