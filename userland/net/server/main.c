/*
 * The network stack: lwIP in a domain of its own, between a driver (net:Link) and the programs
 * that use net:Tcp, net:Udp and net:Status.
 *
 * Everything runs in one event loop; lwIP is called from nowhere else and needs no locks.
 */
#include <string.h>

#include "chance.h"
#include "clockwork.h"
#include "configuration.h"
#include "interface.h"
#include "link_port.h"
#include "lwip/init.h"
#include "rng/entropy.h"
#include "rt/app.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"
#include "status_service.h"
#include "tcp_service.h"
#include "udp_service.h"

enum {
    ENTROPY_LIVES = 8,
    ENTROPY_TRIES = 200,
    ENTROPY_PAUSE_NS = 1000000,
    ENTROPY_SERVICE_WAIT_NS = 1000000000,
};

/* --- the secret --- */

/* Wait a while for the service to come up; it may be that this machine has no such device. */
static enum status connect_entropy(handle_t *portal)
{
    unsigned bit;
    handle_t event;
    enum status s = loop_bit_allocate(NULL, NULL, &bit);

    if (s != STATUS_OK)
        return s;
    s = loop_signal_handle(bit, &event);
    if (s == STATUS_OK) {
        s = app_connect_try(ENTROPY_SERVICE, event, portal);
        if (s == STATUS_WOULD_BLOCK) {
            s = loop_wait(bit, time_after_ns(ENTROPY_SERVICE_WAIT_NS));
            if (s == STATUS_OK)
                s = app_connect_try(ENTROPY_SERVICE, 0, portal);
        }
        (void)!handle_close(event);
    }
    loop_bit_free(bit);
    return s;
}

/* From one driver. */
static enum status read_secret_once(uint8_t secret[CHANCE_SECRET_BYTES])
{
    handle_t portal;
    enum status s = connect_entropy(&portal);

    if (s != STATUS_OK)
        return s;
    for (unsigned i = 0; i < ENTROPY_TRIES; i++) {
        s = entropy_read(portal, secret, CHANCE_SECRET_BYTES);
        if (s != STATUS_WOULD_BLOCK)
            break;
        (void)thread_sleep(time_after_ns(ENTROPY_PAUSE_NS));
    }
    (void)!handle_close(portal);
    return s;
}

/* A driver that dies over it has a successor. */
static enum status read_secret(uint8_t secret[CHANCE_SECRET_BYTES])
{
    enum status s = STATUS_PEER_DEAD;

    for (unsigned i = 0; i < ENTROPY_LIVES && s == STATUS_PEER_DEAD; i++)
        s = read_secret_once(secret);
    return s;
}

static void seed(void)
{
    uint8_t secret[CHANCE_SECRET_BYTES];
    enum status s = read_secret(secret);

    _Static_assert(sizeof startup_get()->random == CHANCE_SECRET_BYTES,
                   "one is as long as the other");
    if (s != STATUS_OK) {
        log_line("WARNING: no entropy source (%s): TCP sequence numbers and ports come from a weak "
                 "seed and may be guessed",
                 status_text(s));
        memcpy(secret, startup_get()->random, sizeof secret);
    }
    chance_init(secret);
    memset(secret, 0, sizeof secret);
}

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
    seed();
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
