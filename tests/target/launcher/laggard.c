/*
 * laggard: on request, holds up its event loop as no program should, or nearly so.
 *
 * tests/e2e/supervision_test.py looks at what becomes of it.
 */
#include "rt/app.h"
#include "rt/connection.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/portal.h"
#include "rt/service.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <string.h>

enum {
    SLOW_MS = 250,   /* of work at a time: long, but less than it may be silent for */
    SLOW_TIMES = 12, /* together much longer */
    HOG_MS = 2500,
    TICK_MS = 20,
    DOOMED_STARTS = 3,
};

#define TRAP_SERVICE "test:Trap"
#define DOOR_SERVICE "test:Door"
#define DOOM_SERVICE "test:Doom"

static volatile bool is_over; /* never */

static void work_until(nsec_t end_ns)
{
    while (time_now_ns() < end_ns) {
    }
}

__attribute__((noinline)) static void spin_for_ever(void)
{
    log_line("spins from now on");
    while (!is_over) {
    }
    log_line("has come to its senses");
}

__attribute__((noinline)) static void on_spin(void *context)
{
    (void)context;
    spin_for_ever();
    log_line("goes on");
}

static void on_park(void *context)
{
    static _Atomic uint32_t word;

    (void)context;
    log_line("parks from now on");
    const enum status s = thread_park(&word, 0, DEADLINE_NEVER);
    log_line("was woken: %s", status_text(s));
}

/* Have the loop call it, and run. */
static void run_with(void (*on_bit)(void *context))
{
    unsigned bit;

    if (loop_bit_allocate(on_bit, NULL, &bit) != STATUS_OK)
        log_die("no bit");
    loop_raise(bit);
    loop_run();
}

static void deed_spin(void)
{
    run_with(on_spin);
}

static void deed_park(void)
{
    run_with(on_park);
}

/* ---- slow, but not for ever ---- */

static void on_slow(void *context, struct loop_timer *t)
{
    static unsigned times;

    (void)context;
    work_until(time_now_ns() + SLOW_MS * NS_PER_MS);
    if (++times == SLOW_TIMES)
        log_line("has done all its work");
    else
        loop_timer_start(t, time_now_ns()); /* due in the next round, not in this one */
}

static void deed_slow(void)
{
    static struct loop_timer timer = {.on_time = on_slow};

    loop_timer_start(&timer, 0);
    loop_run();
}

/* ---- more urgent than others, and never in its loop ---- */

static void deed_hog(void)
{
    log_line("hogs the processor from now on");
    work_until(time_now_ns() + HOG_MS * NS_PER_MS);
    log_line("lets go");
}

static void on_tick(void *context, struct loop_timer *t)
{
    (void)context;
    loop_timer_start(t, time_after_ns(TICK_MS * NS_PER_MS));
}

static void deed_tick(void)
{
    static struct loop_timer timer = {.on_time = on_tick};

    loop_timer_start(&timer, 0);
    loop_run();
}

/* ---- a service that loops on its client's thread ---- */

__attribute__((noinline)) static void on_trap_call(void *context, struct connection *c,
                                                   struct portal_message *m)
{
    (void)context;
    (void)c;
    spin_for_ever();
    m->word[0] = STATUS_OK;
}

static void deed_trap(void)
{
    static const struct connection_ops ops = {.on_call = on_trap_call};
    static struct service service;

    const enum status s = service_offer(TRAP_SERVICE, NULL, &ops, NULL, &service);
    if (s != STATUS_OK)
        log_die("cannot offer: %s", status_text(s));
    loop_run();
}

/* Calls the one above: as a client, or as a service that others wait for meanwhile. */
static void trap_call(void)
{
    struct portal_message m = {.word = {1}};
    handle_t portal;
    enum status s = app_connect(TRAP_SERVICE, &portal);

    if (s != STATUS_OK)
        log_die("cannot connect: %s", status_text(s));
    log_line("calls");
    s = portal_call(portal, &m);
    log_line("its call ended: %s", status_text(s));
    s = handle_close(portal);
    (void)s;
}

static void on_visit(void *context)
{
    (void)context;
    trap_call();
}

static void on_door_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    (void)c;
    m->word[0] = STATUS_OK;
}

static void deed_visit(void)
{
    static const struct connection_ops ops = {.on_call = on_door_call};
    static struct service service;

    const enum status s = service_offer(DOOR_SERVICE, NULL, &ops, NULL, &service);
    if (s != STATUS_OK)
        log_die("cannot offer: %s", status_text(s));
    run_with(on_visit);
}

/* A client of the client, which has to wait until that one is back. */
static void on_queue(void *context)
{
    struct portal_message m = {.word = {1}};
    handle_t portal;
    enum status s = app_connect(DOOR_SERVICE, &portal);

    (void)context;
    if (s == STATUS_OK)
        s = portal_request(portal, &m);
    log_line("was served: %s", status_text(s));
}

static void deed_queue(void)
{
    run_with(on_queue);
}

/* ---- a service that fails at its first starts, and one that depends on it ---- */

static void deed_doom(void)
{
    static const struct connection_ops ops = {.on_call = on_door_call};
    static struct service service;

    if (startup_get()->restarts < DOOMED_STARTS)
        __builtin_trap();
    const enum status s = service_offer(DOOM_SERVICE, NULL, &ops, NULL, &service);
    if (s != STATUS_OK)
        log_die("cannot offer: %s", status_text(s));
    loop_run();
}

static enum status on_doom_open(void *context, struct connection *c,
                                struct connection_config *config)
{
    (void)context;
    (void)c;
    (void)config;
    log_line("is connected");
    return STATUS_OK;
}

static void deed_depend(void)
{
    static const struct connection_config config = {.capacity = 16};
    static const struct connection_ops ops = {.on_open = on_doom_open};
    static struct connection connection;

    const enum status s = connection_start(&connection, DOOM_SERVICE, &config, &ops, NULL);
    if (s != STATUS_OK)
        log_die("cannot connect: %s", status_text(s));
    loop_run();
}

static void deed_ask(void)
{
    handle_t portal;

    log_line("asked for it, was told: %s", status_text(app_connect(DOOM_SERVICE, &portal)));
}

struct deed {
    const char *word;
    void (*run)(void);
};

static const struct deed deeds[] = {
    {"spin", deed_spin}, {"park", deed_park},     {"slow", deed_slow},   {"hog", deed_hog},
    {"tick", deed_tick}, {"trap", deed_trap},     {"visit", deed_visit}, {"queue", deed_queue},
    {"doom", deed_doom}, {"depend", deed_depend}, {"ask", deed_ask},
};

int main(void)
{
    const char *argument = startup_get()->argument;

    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(deeds[i].word, argument) == 0) {
            deeds[i].run();
            return 0;
        }
    }
    log_line("no such deed: \"%s\"", argument);
    return 1;
}
