/*
 * A table of wheels.  A wheel that starts to be needed turns first after one period, as lwIP's own
 * timers would.
 */
#include "clockwork.h"

#include <stdbool.h>

#include "endpoint.h"
#include "interface.h"
#include "link_port.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/priv/tcp_priv.h"
#include "pinger.h"
#include "rt/loop.h"
#include "rt/time.h"
#include "stack.h"

enum { MLD_DELAYING_MEMBER = 1 }; /* mld6.c keeps its name for this state to itself */

struct wheel {
    uint32_t period_ms;
    bool (*is_needed)(void);
    void (*turn)(void);
    nsec_t due_ns; /* 0: resting */
};

static bool always(void)
{
    return true;
}

static bool tcp_is_needed(void)
{
    return tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL;
}

static bool dhcp_is_waiting(void)
{
    const struct dhcp *dhcp = netif_dhcp_data(interface_netif());

    return dhcp != NULL && dhcp->request_timeout != 0;
}

static bool mld_is_delaying(void)
{
    for (const struct mld_group *g = netif_mld6_data(interface_netif()); g != NULL; g = g->next) {
        if (g->group_state == MLD_DELAYING_MEMBER)
            return true;
    }
    return false;
}

/* lwIP counts all of these in whole seconds. */
static void turn_second(void)
{
    etharp_tmr();
    nd6_tmr();
    dns_tmr();
    ip_reass_tmr();
    ip6_reass_tmr();
    interface_report();
    endpoint_relieve();
}

static struct wheel wheels[] = {
    {.period_ms = TCP_TMR_INTERVAL, .is_needed = tcp_is_needed, .turn = tcp_tmr},
    {.period_ms = TCP_TMR_INTERVAL, .is_needed = link_port_awaits_report, .turn = link_port_poke},
    {.period_ms = 250, .is_needed = pinger_is_busy, .turn = pinger_expire},
    {.period_ms = DHCP_FINE_TIMER_MSECS, .is_needed = dhcp_is_waiting, .turn = dhcp_fine_tmr},
    {.period_ms = MLD6_TMR_INTERVAL, .is_needed = mld_is_delaying, .turn = mld6_tmr},
    {.period_ms = 1000, .is_needed = always, .turn = turn_second},
    {.period_ms = DHCP_COARSE_TIMER_MSECS, .is_needed = always, .turn = dhcp_coarse_tmr},
};

enum { WHEEL_COUNT = sizeof wheels / sizeof wheels[0] };

static struct loop_timer alarm_timer;
static nsec_t alarm_ns; /* what it is set to; 0: off */

/* Give every wheel that is needed a due time, every other none; returns the earliest. */
static nsec_t schedule(nsec_t now_ns)
{
    nsec_t earliest = 0;

    for (struct wheel *w = wheels; w < wheels + WHEEL_COUNT; w++) {
        if (!w->is_needed())
            w->due_ns = 0;
        else if (w->due_ns == 0)
            w->due_ns = now_ns + w->period_ms * NS_PER_MS;
        if (w->due_ns != 0 && (earliest == 0 || w->due_ns < earliest))
            earliest = w->due_ns;
    }
    return earliest;
}

nsec_t clockwork_run(nsec_t now_ns)
{
    for (struct wheel *w = wheels; w < wheels + WHEEL_COUNT; w++) {
        if (w->due_ns == 0 || now_ns < w->due_ns)
            continue;
        /* After a long pause one turn has to do: catching up would fire retransmissions. */
        w->due_ns += w->period_ms * NS_PER_MS;
        if (w->due_ns <= now_ns)
            w->due_ns = now_ns + w->period_ms * NS_PER_MS;
        w->turn();
    }
    return schedule(now_ns);
}

static void set_alarm(nsec_t deadline_ns)
{
    alarm_ns = deadline_ns;
    loop_timer_start(&alarm_timer, deadline_ns);
}

static void on_alarm(void *context, struct loop_timer *timer)
{
    (void)context;
    (void)timer;
    alarm_ns = 0;

    nsec_t next = clockwork_run(time_now_ns());
    set_alarm(next);
    stack_settle();
}

void clockwork_wind(void)
{
    nsec_t next = schedule(time_now_ns());

    /* Early is enough: an alarm that finds nothing due sets the next one. */
    if (alarm_ns == 0 || next < alarm_ns)
        set_alarm(next);
}

void clockwork_start(void)
{
    alarm_timer.on_time = on_alarm; /* and nothing else: a driver that was up has wound it */
    clockwork_wind();
}
