/*
 * warden: has twelve neighbours touch each other's memory, each all the others', and looks whether
 * just the one that does it is stopped for it, with the right report.
 *
 *     IDLE --begin--> ORDERING --touch sent--> TOUCHED --it died--> JUDGING --restarted--> ORDERING
 *      ^                 |                                             (until all are here again)
 *      `----checked------` CHECKING, once all have touched all of one victim
 *
 * tests/e2e/neighbours_runs.py says by a call of `neighbour begin=...` whose turn it is to be
 * touched, since where its tables are is known outside only, and looks at memory from there in
 * between.
 */
#include "neighbour.h"

#include "inspect_client.h"
#include "rt/log.h"
#include "rt/service.h"
#include "rt/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMPLAINTS_MAX = 20,
    LOOKS_MAX = 1000, /* for a death in the list */
    LOOK_US = 200,
    PRESENT = (1 << WARD_OWN_PLACES) - 1,
};

enum state { IDLE, ORDERING, TOUCHED, JUDGING, CHECKING };

static struct neighbour {
    char name[NAME_BYTES];
    struct connection *connection;
    uint64_t address[WARD_PLACES];
    unsigned present; /* a bit for each place whose address it has told in this life */
} neighbours[WARD_NEIGHBOURS];

/* What is to be tried next, or is being tried. */
static struct {
    enum state state;
    unsigned victim, offender, place, how;
    unsigned looks, checked;
    uint64_t device; /* registers of the victim, or of a driver in its place */
    uint64_t deaths; /* of the whole system, until now */
    unsigned tried, complaints;
} now;

/* Whose registers are touched instead of those of a neighbour that has none. */
static const char *const drivers[] = {"pl011", "pl031", "pl061", "virtio-net", "virtio-rng"};
enum { DRIVERS = sizeof drivers / sizeof drivers[0] };

static struct inspect inspect;
static struct loop_timer look_timer;
static unsigned step_bit;

static const char *const places[] = {"text", "data",   "heap",   "stack",
                                     "ring", "device", "kernel", "tables"};
static const char *const touches[] = {"read", "write", "execute"};

static struct neighbour *offender(void)
{
    return &neighbours[now.offender];
}

static struct neighbour *victim(void)
{
    return &neighbours[now.victim];
}

/* Whose the address is. */
static const char *owner(void)
{
    if (now.place >= WARD_OWN_PLACES)
        return "kernel";
    if (now.place == WARD_DEVICE && victim()->address[WARD_DEVICE] == 0)
        return drivers[now.victim % DRIVERS];
    return victim()->name;
}

static void complain(const char *what, uint64_t value)
{
    if (now.complaints++ < COMPLAINTS_MAX)
        log_line("WRONG: %s, %s, %s's %s: %s 0x%" PRIx64, offender()->name, touches[now.how],
                 victim()->name, places[now.place], what, value);
}

static uint64_t registers_of(const char *driver)
{
    struct inspect_records records;
    uint64_t cursor = 0;

    do {
        if (inspect_list(&inspect, INSPECT_VIEW, driver, &cursor, &records) != STATUS_OK)
            break;
        for (uint32_t i = 0; i < records.count; i++) {
            const struct info_view *view = inspect_record(&records, i);
            if (view->is_device != 0)
                return view->address;
        }
    } while (cursor != 0);
    log_die("%s has no registers", driver);
}

/* The address of the place that is tried. */
static uint64_t target(void)
{
    if (now.place == WARD_KERNEL)
        return now.offender % 2 == 0 ? WARD_KERNEL_IMAGE : WARD_KERNEL_MEMORY;
    return now.place == WARD_DEVICE ? now.device : victim()->address[now.place];
}

/* ---- the report ---- */

static const char *label(char *out, size_t bytes)
{
    static const char *const kinds[] = {"text", "data", "data", "stack"};

    if (now.place <= WARD_STACK)
        (void)snprintf(out, bytes, "in \"%s.%s\" of %s,", victim()->name, kinds[now.place],
                       victim()->name);
    else if (now.place == WARD_RING)
        (void)snprintf(out, bytes, "in \"ring " WARD_SERVICE "\" of %s,", victim()->name);
    else if (now.place == WARD_DEVICE)
        (void)snprintf(out, bytes, "in \"registers\" of %s,", owner());
    else
        (void)snprintf(out, bytes, "the kernel's, no domain sees it");
    return out;
}

static void judge_report(const struct inspect_crash *crash)
{
    static const char *const deeds[] = {"read where it may not read",
                                        "wrote where it may not write",
                                        "jumped where it may not execute"};
    char text[96];

    (void)snprintf(text, sizeof text, "fault: %s %s\n", offender()->name, deeds[now.how]);
    if (strncmp(crash->report, text, strlen(text)) != 0)
        complain("its report begins otherwise", crash->code);
    if (strstr(crash->report, label(text, sizeof text)) == NULL)
        complain("its report names another owner", crash->address);
    (void)snprintf(text, sizeof text, "%s may do nothing there", offender()->name);
    if (now.place < WARD_OWN_PLACES && strstr(crash->report, text) == NULL)
        complain("its report says that it may do something there", crash->address);
}

static void judge(const struct inspect_crash *crash)
{
    static const uint32_t reasons[] = {FAULT_READ, FAULT_WRITE, FAULT_EXECUTE};

    if (strncmp(crash->domain.text, offender()->name, NAME_BYTES) != 0)
        complain("another one died, with address", crash->address);
    if (crash->cause != INSPECT_CAUSE_FAULT || crash->code != reasons[now.how])
        complain("it died of reason", crash->code);
    if (crash->address != target())
        complain("it died at address", crash->address);
    if (strncmp(crash->owner.text, owner(), NAME_BYTES) != 0)
        complain("the address belongs to another", crash->address);
    judge_report(crash);
}

/* ---- order, death, judgement ---- */

static bool are_all_present(void)
{
    for (unsigned i = 0; i < WARD_NEIGHBOURS; i++)
        if (neighbours[i].connection == NULL || neighbours[i].present != PRESENT)
            return false;
    return true;
}

static void send(const struct neighbour *to, const struct ring_message *m)
{
    if (!connection_send(to->connection, m))
        log_die("no room for an order");
    connection_flush(to->connection);
}

static void check_all(void)
{
    now.state = CHECKING;
    now.checked = 0;
    for (unsigned i = 0; i < WARD_NEIGHBOURS; i++)
        send(&neighbours[i], &(struct ring_message){{WARD_CHECK}});
}

/* False: all has been tried on this victim. */
static bool advance(void)
{
    now.how = (now.how + 1) % WARD_TOUCHES;
    if (now.how == 0)
        now.place = (now.place + 1) % WARD_PLACES;
    if (now.how == 0 && now.place == 0)
        now.offender += now.offender + 1 == now.victim ? 2 : 1;
    return now.offender < WARD_NEIGHBOURS;
}

static void order(void)
{
    now.state = TOUCHED;
    now.tried++;
    send(offender(), &(struct ring_message){{WARD_TOUCH, now.how, target()}});
}

static void on_step(void *context)
{
    (void)context;
    if (now.state != ORDERING || !are_all_present())
        return;
    if (now.offender < WARD_NEIGHBOURS)
        order();
    else
        check_all();
}

/* All deaths since the last one; there is to be just one. */
static void look(void)
{
    uint64_t cursor = now.deaths + 1;
    struct inspect_records records;
    const enum status s = inspect_list(&inspect, INSPECT_CRASHES, NULL, &cursor, &records);

    if (s != STATUS_OK)
        log_die("no list of deaths: %s", status_text(s));
    if (records.count == 0) {
        if (now.looks++ == LOOKS_MAX)
            log_die("%s has died, but is not in the list of deaths", offender()->name);
        loop_timer_start(&look_timer, time_after_ns(LOOK_US * UINT64_C(1000)));
        return;
    }
    const struct inspect_crash *crash = inspect_record(&records, 0);
    if (records.count != 1 || crash->number != now.deaths + 1)
        complain("so many died", records.count);
    judge(crash);
    now.deaths += records.count;
    const char *name = offender()->name;
    const bool goes_on = advance();
    if (inspect_restart(&inspect, name) != STATUS_OK)
        log_die("%s can't be started again", name);
    now.state = ORDERING;
    if (!goes_on)
        now.offender = WARD_NEIGHBOURS;
}

static void on_look(void *context, struct loop_timer *t)
{
    (void)context;
    (void)t;
    look();
}

/* ---- what neighbours say ---- */

static void on_checked(const struct neighbour *from, uint64_t dead)
{
    if (dead != 0)
        log_line("WRONG: %s: %" PRIu64 " words of its canaries changed", from->name, dead);
    now.complaints += dead != 0;
    if (++now.checked < WARD_NEIGHBOURS)
        return;
    now.state = IDLE;
    log_line("%s was touched: %u tried, %u wrong", victim()->name, now.tried, now.complaints);
}

static void on_here(struct connection *c, const struct ring_message *m)
{
    if (m->word[1] >= WARD_NEIGHBOURS || m->word[2] >= WARD_OWN_PLACES)
        log_die("nobody is number %" PRIu64, m->word[1]);
    struct neighbour *neighbour = &neighbours[m->word[1]];
    neighbour->connection = c;
    neighbour->address[m->word[2]] = m->word[3];
    neighbour->present |= 1U << m->word[2];
    c->user = neighbour;
    if (are_all_present() && now.state == IDLE)
        log_line("all are here");
    loop_raise(step_bit);
}

static void on_messages(void *context, struct connection *c)
{
    struct ring_message m;

    (void)context;
    while (connection_receive(c, &m)) {
        if (m.word[0] == WARD_HERE)
            on_here(c, &m);
        else if (m.word[0] == WARD_CHECKED && c->user != NULL)
            on_checked(c->user, m.word[1]);
        else if (m.word[0] == WARD_SURVIVED)
            log_die("WRONG: %s, %s, %s's %s: it survived", offender()->name, touches[now.how],
                    victim()->name, places[now.place]);
    }
}

static void on_close(void *context, struct connection *c, enum status why)
{
    struct neighbour *neighbour = c->user;

    (void)context;
    if (neighbour == NULL)
        return;
    neighbour->connection = NULL;
    neighbour->present = 0;
    if (now.state != TOUCHED || neighbour != offender() || why != STATUS_PEER_DEAD)
        log_die("WRONG: %s has gone, which wasn't told to: %s", neighbour->name, status_text(why));
    now.state = JUDGING;
    now.looks = 0;
    look();
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    (void)c;
    if (m->word[0] != WARD_BEGIN || m->word[1] >= WARD_NEIGHBOURS || now.state != IDLE) {
        m->word[0] = STATUS_BAD_STATE;
        return;
    }
    now.victim = (unsigned)m->word[1];
    now.offender = now.victim == 0 ? 1 : 0;
    now.place = 0;
    now.how = 0;
    victim()->address[WARD_TABLES] = m->word[2];
    now.device = victim()->address[WARD_DEVICE];
    if (now.device == 0)
        now.device = registers_of(drivers[now.victim % DRIVERS]);
    now.state = ORDERING;
    loop_raise(step_bit);
    m->word[0] = STATUS_OK;
}

int main(void)
{
    static const struct service_config config = {.connection = {.capacity = WARD_RING_CAPACITY}};
    static const struct connection_ops ops = {
        .on_messages = on_messages, .on_call = on_call, .on_close = on_close};
    static struct service service;

    for (unsigned i = 0; i < WARD_NEIGHBOURS; i++)
        (void)snprintf(neighbours[i].name, sizeof neighbours[i].name, "n%u", i);
    look_timer.on_time = on_look;
    enum status s = inspect_open(&inspect);
    if (s == STATUS_OK)
        s = loop_bit_allocate(on_step, NULL, &step_bit);
    if (s == STATUS_OK)
        s = service_offer(WARD_SERVICE, &config, &ops, NULL, &service);
    if (s != STATUS_OK)
        log_die("cannot begin: %s", status_text(s));
    loop_run();
    return 0;
}
