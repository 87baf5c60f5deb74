/*
 * The end of a pass, and what lwIP asks of its system: the time, sequence numbers, a last word.
 */
#include "stack.h"

#include "chance.h"
#include "client.h"
#include "clockwork.h"
#include "endpoint.h"
#include "handshake.h"
#include "hooks.h"
#include "interface.h"
#include "link_port.h"
#include "lwip/sys.h"
#include "lwip_address.h"
#include "rt/log.h"
#include "rt/time.h"
#include "status_service.h"
#include "udp_service.h"

enum { SETTLE_ROUNDS = 4 };

void stack_assertion_failed(const char *message, const char *file, int line)
{
    log_die("lwIP: %s (%s, line %d)", message, file, line);
}

u32_t sys_now(void)
{
    return (u32_t)(time_now_ns() / NS_PER_MS);
}

u32_t isn_of_connection(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
                        u16_t remote_port)
{
    struct net_address from = address_from_lwip(local);
    struct net_address to = address_from_lwip(remote);
    uint32_t cookie;

    if (handshake_sequence_number(&cookie))
        return cookie;
    return chance_sequence_number(from.bytes, local_port, to.bytes, remote_port, time_now_ns());
}

void stack_settle(void)
{
    /* Packets to this machine itself come back here, and their answers after them. */
    for (unsigned i = 0; i < SETTLE_ROUNDS; i++) {
        endpoint_settle_touched();
        if (interface_netif()->loop_first == NULL)
            break;
        netif_poll(interface_netif());
    }
    udp_service_settle();
    status_service_settle();
    link_port_settle();
    client_flush_all();
    clockwork_wind();
}
