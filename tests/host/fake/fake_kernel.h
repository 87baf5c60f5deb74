/*
 * A kernel and a launcher for host tests of the runtime, in one process.
 *
 * All domains are played by the test: handles are one table, segments are malloc'd, a portal call
 * is a function call, and event_wait() runs what the test has planned for when nobody has work.
 */
#pragma once

#include <stdbool.h>

#include "rt/portal.h"
#include "rt/startup.h"

/* Forget everything, and start with this startup record. */
void fake_reset(void);

/* How many handles are open. */
unsigned fake_handles(void);

/* How many kernel objects exist; a segment also lives while a view shows it. */
unsigned fake_objects(void);

/* How many calls of event_signal() set a bit. */
unsigned fake_signals(void);

/* How many lines were logged, ever. */
unsigned fake_lines(void);

/* The domain that serves what `h` names is dead: uses of h fail, watches on h fire. */
void fake_bury(handle_t h);

/* Whether app:App has this service; what CONNECT answers. */
void fake_service_up(bool is_up);
void fake_connect_answer(enum status s);

/*
 * The domain that acts from now on: connections' badges say so, and what it makes is its own.  In
 * the beginning it is FAKE_SERVER.
 */
enum { FAKE_SERVER = 99 };
void fake_connect_as(uint32_t domain_id);

/* The launcher hasn't noticed yet that the service is dead: connecting gives a dead portal. */
void fake_service_dead(bool is_dead);

/* Called by event_wait() when nothing is pending; must make something pending or stop the loop. */
void fake_on_idle(void (*idle)(void));

/* event_wait() ends with this, once. */
void fake_wait_answer(enum status s);

/*
 * Called by log_die() and log_crash(), which have no last words here: it mustn't return.  NULL: the
 * test aborts.
 */
void fake_on_die(void (*die)(void));

/* Signals get lost: who sends one hears that all is well, and no bit is set. */
void fake_lose_signals(bool are_lost);

/* The launcher asks whether the loop comes round; whether that was answered since. */
void fake_ask(void);
bool fake_has_answered(void);

void fake_time(nsec_t now_ns);

/* Time goes on by waiting for deadlines, but not past this; what waits longer is idle.  0: it goes
 * on for ever. */
void fake_time_limit(nsec_t limit_ns);
