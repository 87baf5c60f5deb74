/*
 * lwIP's netif, its addresses from DHCP, routers or the manifest, and lines in the log about them.
 */
#include "interface.h"

#include <string.h>

#include "link_port.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/nd6.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip_address.h"
#include "netif/ethernet.h"
#include "rt/log.h"

enum { MTU_DEFAULT = 1500 };

static struct netif netif;
static struct configuration config;
/* Addresses that the log knows, in netif's order: IPv4 first. */
static struct net_address reported[1 + LWIP_IPV6_NUM_ADDRESSES];

static err_t init(struct netif *n)
{
    n->name[0] = 'e';
    n->name[1] = 'n';
    n->hwaddr_len = ETH_HWADDR_LEN;
    n->mtu = MTU_DEFAULT;
    n->mtu6 = MTU_DEFAULT;
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
    n->output = etharp_output;
    n->output_ip6 = ethip6_output;
    n->linkoutput = link_port_output;
    n->hostname = config.hostname;
    return ERR_OK;
}

/* Of packets that wait for a neighbour's hardware address only the last is kept: know it soon. */
static void find_gateway(struct netif *n)
{
    struct eth_addr *hardware;
    const ip4_addr_t *address;

    if (!ip4_addr_isany(netif_ip4_gw(n)) && !ip4_addr_isany(netif_ip4_addr(n))
        && etharp_find_addr(n, netif_ip4_gw(n), &hardware, &address) < 0)
        (void)etharp_request(n, netif_ip4_gw(n));
}

static void on_status(struct netif *n)
{
    find_gateway(n);
    interface_report();
}

void interface_init(const struct configuration *configuration)
{
    config = *configuration;
    (void)netif_add_noaddr(&netif, NULL, init, ethernet_input);
    netif_set_status_callback(&netif, on_status);
    netif_set_default(&netif);
}

static void start_static_v4(void)
{
    ip_addr_t address = address_to_lwip(&config.address);
    ip_addr_t gateway = address_to_lwip(&config.gateway);
    uint32_t bits = config.prefix_bits == 0 ? 0 : UINT32_MAX << (32 - config.prefix_bits);
    ip4_addr_t mask = {.addr = lwip_htonl(bits)};
    bool has_gateway = !net_address_is_any(&config.gateway);

    netif_set_addr(&netif, ip_2_ip4(&address), &mask,
                   has_gateway ? ip_2_ip4(&gateway) : IP4_ADDR_ANY4);
}

static void start_dns(void)
{
    for (u8_t i = 0; i < NET_DNS_SERVERS; i++) {
        ip_addr_t server = address_to_lwip(&config.dns[i]);
        if (!net_address_is_any(&config.dns[i]))
            dns_setserver(i, &server);
    }
}

void interface_start(void)
{
    netif_set_up(&netif);
    netif.ip6_autoconfig_enabled = !config.is_slaac_off;
    if (!net_address_is_any(&config.address))
        start_static_v4();
    else if (dhcp_start(&netif) != ERR_OK)
        log_line("no memory for DHCP");
    start_dns();
}

struct netif *interface_netif(void)
{
    return &netif;
}

static void add_static_v6(void)
{
    ip_addr_t address = address_to_lwip(&config.address6);
    s8_t index;

    if (net_address_is_any(&config.address6))
        return;
    if (netif_add_ip6_address(&netif, ip_2_ip6(&address), &index) != ERR_OK)
        log_line("no room for the static IPv6 address");
}

void interface_on_driver(const uint8_t hardware[6], uint32_t mtu_bytes)
{
    bool is_first = memcmp(netif.hwaddr, hardware, ETH_HWADDR_LEN) != 0;

    if (mtu_bytes >= IP6_MIN_MTU_LENGTH && mtu_bytes < MTU_DEFAULT) {
        netif.mtu = (u16_t)mtu_bytes;
        netif.mtu6 = (u16_t)mtu_bytes;
    }
    if (!is_first)
        return;
    memcpy(netif.hwaddr, hardware, ETH_HWADDR_LEN);
    netif_create_ip6_linklocal_address(&netif, 1);
    add_static_v6();
}

void interface_on_link(bool is_up)
{
    if (is_up == netif_is_link_up(&netif))
        return;
    log_line(is_up ? "the link is up" : "the link is down");
    if (is_up)
        netif_set_link_up(&netif);
    else
        netif_set_link_down(&netif);
}

void interface_ask_again(void)
{
    if (netif_dhcp_data(&netif) != NULL && !dhcp_supplied_address(&netif))
        dhcp_network_changed_link_up(&netif);
}

static enum net_address_origin origin_v6(u8_t index)
{
    const ip6_addr_t *address = netif_ip6_addr(&netif, index);

    if (ip6_addr_islinklocal(address))
        return NET_ORIGIN_LINK_LOCAL;
    return memcmp(address->addr, config.address6.bytes, sizeof address->addr) == 0
               ? NET_ORIGIN_STATIC
               : NET_ORIGIN_ROUTER;
}

static struct net_interface_address address_v4(void)
{
    struct net_interface_address out = {0};

    if (ip4_addr_isany(netif_ip4_addr(&netif)))
        return out;
    out.address = address_from_lwip(netif_ip_addr4(&netif));
    out.origin = dhcp_supplied_address(&netif) ? NET_ORIGIN_DHCP : NET_ORIGIN_STATIC;
    out.prefix_bits = (uint32_t)__builtin_popcount(ip4_addr_get_u32(netif_ip4_netmask(&netif)));
    return out;
}

static struct net_interface_address address_v6(u8_t index)
{
    struct net_interface_address out = {0};

    if (ip6_addr_isinvalid(netif_ip6_addr_state(&netif, index)))
        return out;
    out.address = address_from_lwip(netif_ip_addr6(&netif, index));
    out.origin = (uint16_t)origin_v6(index);
    out.prefix_bits = out.origin == NET_ORIGIN_STATIC ? config.prefix6_bits : 64;
    out.is_tentative = ip6_addr_istentative(netif_ip6_addr_state(&netif, index)) != 0;
    return out;
}

static void report(struct net_address *known, const struct net_interface_address *now)
{
    static const char *const origins[] = {
        [NET_ORIGIN_STATIC] = "as configured",
        [NET_ORIGIN_DHCP] = "by DHCP",
        [NET_ORIGIN_LINK_LOCAL] = "of this link",
        [NET_ORIGIN_ROUTER] = "from a router",
    };
    char text[NET_ADDRESS_TEXT_BYTES];

    if (now->is_tentative || memcmp(known, &now->address, sizeof *known) == 0)
        return;
    if (now->origin == NET_ORIGIN_NONE) {
        net_address_format(known, text);
        log_line("address %s is gone", text);
    } else {
        net_address_format(&now->address, text);
        log_line("address %s/%u %s", text, now->prefix_bits, origins[now->origin]);
    }
    *known = now->address;
}

void interface_report(void)
{
    struct net_interface_address now = address_v4();

    report(&reported[0], &now);
    for (u8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        now = address_v6(i);
        report(&reported[1 + i], &now);
    }
}

static struct net_address router_v6(void)
{
    for (size_t i = 0; i < LWIP_ND6_NUM_ROUTERS; i++) {
        const struct nd6_neighbor_cache_entry *n = default_router_list[i].neighbor_entry;
        ip_addr_t address;
        if (n == NULL)
            continue;
        ip_addr_copy_from_ip6(address, n->next_hop_address);
        return address_from_lwip(&address);
    }
    return (struct net_address){{0}};
}

void interface_record_fill(struct net_interface_record *out)
{
    struct link_port_counters link;

    link_port_counters_read(&link);
    *out = (struct net_interface_record){
        .has_driver = link.has_driver,
        .is_up = link.is_up,
        .mtu_bytes = netif.mtu,
        .checksum_offload = link.features,
        .driver_losses = link.driver_losses,
        .gateway_v4 = address_from_lwip(netif_ip_gw4(&netif)),
        .gateway_v6 = router_v6(),
    };
    memcpy(out->hardware, netif.hwaddr, sizeof out->hardware);
    out->addresses[0] = address_v4();
    for (u8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
        out->addresses[NET_INTERFACE_ADDRESSES + i] = address_v6(i);
    for (u8_t i = 0; i < NET_DNS_SERVERS; i++)
        out->dns[i] = address_from_lwip(dns_getserver(i));
}
