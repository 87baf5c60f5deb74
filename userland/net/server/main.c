/*
 * The network stack: lwIP in a domain of its own, between a driver (net:Link) and the programs
 * that use net:Tcp, net:Udp and net:Status.
 *
 * Everything runs in one event loop; lwIP is called from nowhere else and needs no locks.
 */
#include "clockwork.h"
#include "configuration.h"
#include "interface.h"
#include "link_port.h"
#include "lwip/init.h"
#include "rt/app.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/startup.h"
#include "secret.h"
#include "status_service.h"
#include "tcp_service.h"
#include "udp_service.h"

static void configure(void)
{
    struct configuration configuration;
    const char *bad;

    if (configuration_parse(startup_get()->argument, &configuration, &bad) != STATUS_OK)
        log_die("the manifest's argument makes no sense from here on: %s", bad);
    interface_init(&configuration);
}

static void insist(enum status s, const char *what)
{
    if (s != STATUS_OK)
        log_die("%s: %s", what, status_text(s));
}

int main(void)
{
    secret_seed();
    lwip_init();
    configure();
    const enum status linked = link_port_start(interface_netif());
    if (linked == STATUS_NOT_SUPPORTED) {
        log_line("this machine has no network device: nothing to do");
        return APP_EXIT_NO_USE;
    }
    insist(linked, "net:Link");
    interface_start();
    insist(tcp_service_start(), "net:Tcp");
    insist(udp_service_start(), "net:Udp");
    insist(status_service_start(), "net:Status");
    clockwork_start();
    loop_run();
    return 0;
}
