/*
 * impostor: asks the launcher for what is others', as often as it likes.
 *
 * The argument says what: `offers`, others' names and its own; `steers`, to launch, stop and
 * restart others; `flood`, everything over and over; `nameless`, without saying for what; `hoard`,
 * all the connections that it gets, and keeps them; `rings`, rings by each connection that it gets,
 * whose handle it closes before it asks for the next; `oversteps`, the kernel, for what its mask
 * lacks.  `asks` and `waits` are honest: for services that are down.  tests/e2e/impostor_test.py
 * looks at what the launcher answers and notes.
 */
#include "rt/app.h"
#include "rt/connection.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/portal.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STACK_BYTES = 4096,
    FLOOD_TIMES = 1000, /* of each kind */
    HOARD_MAX = 64,
    RINGS_TRIED = 20,
    OVERSTEPS = 3,
    FILLERS = 1000, /* handles of another kind, for the launcher to look through */
};

#define CLOCK_SERVICE  "rtc:Clock"
#define IDLER_SERVICE  "test:Idler"
#define OWN_SERVICE    "test:Own"
#define LEAVER_SERVICE "test:Leaver"
#define DIER_SERVICE   "test:Dier"

static const char *const others_services[] = {CLOCK_SERVICE, "app:App",   "app:Inspect",
                                              "test:Dier",   "uart:Port", "no:Body"};
static const char *const others[] = {"pl031", "web", "launcher", "dier", "nobody"};

enum { SERVICES = sizeof others_services / sizeof others_services[0] };
enum { OTHERS = sizeof others / sizeof others[0] };

static handle_t portal;

/* Who calls this was led to the wrong one. */
static void on_call(void *context, uint64_t badge, struct portal_message *m)
{
    (void)context;
    log_line("WRONG: serves somebody of domain %" PRIu32, app_badge_domain(badge));
    m->word[0] = STATUS_BAD_DATA;
}

static void say(const char *what, const char *name, enum status s)
{
    log_line("%s %s: %s", what, name, status_text(s));
}

static void offer_all(void)
{
    for (unsigned i = 0; i < SERVICES; i++)
        say("offer", others_services[i], app_offer(others_services[i], portal));
    say("offer", OWN_SERVICE, app_offer(OWN_SERVICE, portal));
}

static void steer_all(void)
{
    for (unsigned i = 0; i < OTHERS; i++) {
        say("launch", others[i], app_launch(others[i], NULL, 0, NULL, NULL));
        say("stop", others[i], app_stop(others[i]));
        say("restart", others[i], app_restart(others[i]));
    }
    say("switch off", "the machine", app_power_off());
}

static void launch_poor(void)
{
    for (unsigned i = 0; i < 3; i++)
        say("launch", "poor", app_launch("poor", NULL, 0, NULL, NULL));
}

/* Words that hold no name: no terminator. */
static enum status ask_without_name(enum app_operation operation)
{
    struct portal_message m = {.word = {operation}};

    memset(&m.word[1], 'x', 4 * sizeof m.word[1]);
    const enum status s = portal_call_with(startup_get()->app_portal, &m, DEADLINE_NEVER);
    return s == STATUS_OK ? (enum status)m.word[0] : s;
}

static void flood(void)
{
    unsigned refused = 0;
    handle_t got;
    char name[16];

    for (unsigned i = 0; i < FLOOD_TIMES; i++) {
        refused += app_connect_try("uart:Port", 0, &got) == STATUS_DENIED;
        refused += app_offer(CLOCK_SERVICE, portal) == STATUS_DENIED;
        refused += app_stop("pl031") == STATUS_DENIED;
        (void)snprintf(name, sizeof name, "made:Up%u", i);
        refused += app_connect_try(name, 0, &got) == STATUS_NOT_FOUND;
        refused += app_offer(name, portal) == STATUS_DENIED;
        refused += app_launch(name, NULL, 0, NULL, NULL) == STATUS_DENIED;
        refused += app_power_off() == STATUS_DENIED;
        refused += ask_without_name(APP_OFFER) == STATUS_BAD_ARGUMENT;
    }
    log_line("was refused %u times", refused);
}

/* Ask until it is refused; how many were given. */
static unsigned take_all(handle_t got[HOARD_MAX], unsigned count, enum status *why)
{
    while (count < HOARD_MAX
           && (*why = app_connect_try(CLOCK_SERVICE, 0, &got[count])) == STATUS_OK)
        count++;
    return count;
}

static void hoard(void)
{
    static handle_t got[HOARD_MAX];
    handle_t filler;
    enum status s = STATUS_OK;
    unsigned count;

    for (unsigned i = 0; i < FILLERS; i++) {
        if (handle_duplicate(portal, RIGHT_CALL, 0, &filler) != STATUS_OK)
            log_die("no room for handle %u", i);
    }
    count = take_all(got, 0, &s);
    log_line("has %u connections, then: %s", count, status_text(s));
    if (count == 0 || handle_close(got[--count]) != STATUS_OK)
        log_die("can't close one");
    count = take_all(got, count, &s);
    log_line("has %u again, then: %s", count, status_text(s));

    const nsec_t begin = time_now_ns();
    for (unsigned i = 0; i < FLOOD_TIMES; i++)
        s = app_connect_try(CLOCK_SERVICE, 0, &got[count]);
    log_line("%u more refusals took %" PRIu64 " us each", FLOOD_TIMES,
             (time_now_ns() - begin) / FLOOD_TIMES / 1000);
}

/* Rings live on without the handle. */
static void hoard_rings(void)
{
    static struct connection held[RINGS_TRIED];
    static const struct connection_config config = {.capacity = 2};
    static const struct connection_ops ops;
    enum status s = STATUS_OK;
    unsigned opened = 0;

    while (opened < RINGS_TRIED && s == STATUS_OK) {
        s = connection_open(&held[opened], CLOCK_SERVICE, &config, &ops, NULL);
        if (s == STATUS_OK && handle_close(held[opened++].portal) != STATUS_OK)
            log_die("can't close one");
    }
    log_line("has opened rings %u times of %u: %s", opened, RINGS_TRIED, status_text(s));
}

static void overstep(void)
{
    char text[16];
    struct log_chunk chunk;

    for (unsigned i = 0; i < OVERSTEPS; i++)
        say("read", "the log", log_read(0, text, sizeof text, &chunk));
}

static void ask(void)
{
    handle_t got;

    say("connect", CLOCK_SERVICE, app_connect_try(CLOCK_SERVICE, 0, &got));
    say("connect", LEAVER_SERVICE, app_connect_try(LEAVER_SERVICE, 0, &got));
}

static void wait(void)
{
    handle_t got;

    for (unsigned i = 0; i < 3; i++)
        say("waited for", IDLER_SERVICE, app_connect(IDLER_SERVICE, &got));
    log_line("waits from now on");
    say("waited for", DIER_SERVICE, app_connect(DIER_SERVICE, &got));
}

int main(void)
{
    const char *argument = startup_get()->argument;

    if (portal_serve(on_call, NULL, STACK_BYTES, 1, &portal) != STATUS_OK)
        log_die("no portal");
    if (strcmp(argument, "offers") == 0)
        offer_all();
    else if (strcmp(argument, "steers") == 0)
        steer_all();
    else if (strcmp(argument, "poor") == 0)
        launch_poor();
    else if (strcmp(argument, "flood") == 0)
        flood();
    else if (strcmp(argument, "nameless") == 0)
        say("offer", "nothing", ask_without_name(APP_OFFER));
    else if (strcmp(argument, "hoard") == 0)
        hoard();
    else if (strcmp(argument, "rings") == 0)
        hoard_rings();
    else if (strcmp(argument, "oversteps") == 0)
        overstep();
    else if (strcmp(argument, "asks") == 0)
        ask();
    else if (strcmp(argument, "waits") == 0)
        wait();
    else
        log_die("no such deed: \"%s\"", argument);
    log_line("is done with %s", argument);
    loop_run();
    return 0;
}
