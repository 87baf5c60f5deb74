/*
 * app:App, the launcher, as every program sees it.
 *
 * A program can do nothing to another one but through a connection, and it gets connections here.
 * The portal in `startup_get()->app_portal` carries a badge that tells the launcher which domain is
 * calling; the manifest decides the rest.
 *
 * Protocol.  A request is one portal call, word 0 the operation.  The answer has enum status in
 * word 0 and what the operation says in the rest; unused words are zero.
 *
 *   operation     request                                      answer
 *   APP_CONNECT   words 1-4 service name                       word 1: a handle that the caller has
 *                 handle 0: event (SIGNAL; may be none)        now, to a portal, with CALL, INSPECT
 *                                                              and its own badge
 *   APP_OFFER     words 1-4 service name                       -
 *                 handle 0: portal (CALL, INSPECT, DUPLICATE,
 *                 TRANSFER; badge 0)
 *   APP_LAUNCH    words 1-4 program name                       word 1: domain id
 *                 words 5-7 argument, up to 23 bytes, packed   handle 0: domain (INSPECT)
 *                 as names are (empty is allowed)
 *                 handle 0: event (SIGNAL; may be none)
 *   APP_STOP      words 1-4 program name                       -
 *   APP_RESTART   words 1-4 program name                       -
 *   APP_EXIT      word 1: exit code                            never answers: the domain ends
 *   APP_POWER_OFF                                              never answers: the machine is off
 *   APP_HEARTBEAT handle 0: event (SIGNAL), to be asked by     -
 *
 * APP_CONNECT: NOT_FOUND no program in the manifest offers that name; DENIED the manifest doesn't
 * let the caller connect (the log says why); WOULD_BLOCK it may, but the service is not up: the
 * launcher keeps the event and signals it once when it may be tried again; PEER_DEAD likewise, but
 * its domain has failed, was stopped or has ended, and nothing starts it again before a person
 * does, or a domain that may; OUT_OF_QUOTA the caller has `quota-connections` of them, or no place
 * for the handle.  Each answer with OK is a new connection, with a badge (never 0) that no other
 * to a service has whose handle is open; by it a service tells its clients apart, and
 * app_badge_domain() which of them are of one domain.  It can't be passed on (no TRANSFER): who
 * talks to whom is the manifest's business.
 *
 * APP_OFFER: DENIED where the manifest doesn't let the caller offer the name.  Offering again
 * replaces the portal.  The offer ends with the domain.
 *
 * APP_LAUNCH: DENIED where the manifest has no permission; BUSY if the program runs and the
 * manifest allows one instance; the event is signalled once when that domain has ended.
 * APP_STOP, APP_RESTART: DENIED without the manifest's permission; a stopped program isn't started
 * again by its restart policy.
 *
 * Death of a peer: SYS_DOMAIN_WATCH on the portal handle that APP_CONNECT gave (it has INSPECT)
 * sets bits of an event of one's own when the service's domain stops; every later call through
 * that handle fails with STATUS_PEER_DEAD.  rt/connection.h does all this.
 */
#pragma once

#include "abi/status.h"

enum app_operation {
    APP_CONNECT = 1,
    APP_OFFER = 2,
    APP_LAUNCH = 3,
    APP_STOP = 4,
    APP_RESTART = 5,
    APP_EXIT = 6,
    APP_POWER_OFF = 7,
    APP_HEARTBEAT = 8,
};

enum { APP_BADGE_DOMAIN_SHIFT = 32 };

/*
 * The code of a program that this machine has no use for: it isn't started again, whatever its
 * restart policy, since another life would find the same.
 */
enum { APP_EXIT_NO_USE = 69 };

/* The id of the domain whose connection has this badge. */
static inline uint32_t app_badge_domain(uint64_t badge)
{
    return (uint32_t)(badge >> APP_BADGE_DOMAIN_SHIFT);
}

/* Ask once.  `event` is signalled when after WOULD_BLOCK or PEER_DEAD another try is worth it; 0:
 * it isn't wanted. */
CHECK_RESULT enum status app_connect_try(const char *service, handle_t event, handle_t *portal);

/* Connect to `service`, waiting until it is up.  Context: the loop's thread (rt/loop.h).
 * Blocks, and serves no other bit meanwhile.  Errors: DENIED, NOT_FOUND, BAD_ARGUMENT,
 * PEER_DEAD (its domain has failed and stays down). */
CHECK_RESULT enum status app_connect(const char *service, handle_t *portal);

/* Offer `portal` (from rt/portal.h) under a name.  Borrows it: the launcher gets a duplicate. */
CHECK_RESULT enum status app_offer(const char *service, handle_t portal);

/* Start a program.  `on_end` (an event handle, may be 0) is signalled when it has ended; `domain`
 * may be NULL if its handle isn't wanted. */
CHECK_RESULT enum status app_launch(const char *program, const char *argument, handle_t on_end,
                                    uint32_t *domain_id, handle_t *domain);
CHECK_RESULT enum status app_stop(const char *program);
CHECK_RESULT enum status app_restart(const char *program);

/* Switch the machine off.  Errors: DENIED (the manifest entry has no `may-power-off`). */
CHECK_RESULT enum status app_power_off(void);

/* Have the launcher ask by `event` whether the loop comes round; the runtime does this.
 * Ownership: takes over `event`.  Errors: BAD_STATE (the manifest entry has no `heartbeat-ms`). */
CHECK_RESULT enum status app_heartbeat(handle_t event);

/* End this program; the restart policy sees `code`, 0 being success. */
_Noreturn void app_exit(int code);
