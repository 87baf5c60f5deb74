/*
 * Request: how other domains' calls reach the launcher's one thread.
 *
 * A portal call brings the caller's own thread in here, and that thread can vanish at
 * any instruction: its deadline passes, its domain is stopped.  So it touches nothing
 * of the launcher but the mailbox that belongs to the stack it runs on: it posts the
 * words, rings the launcher's bell and sleeps until the answer is there.  Everything
 * else of the launcher runs on the event loop and needs no lock.
 *
 *      IDLE --caller--> WRITING --caller--> POSTED --loop--> TAKING --loop--> IDLE
 *                          ^------- next caller, if the last one vanished ------'
 *
 * Requests are numbered.  A caller that vanished leaves its number behind; the next
 * thread on that stack posts the next one, and never takes the answer to another for
 * its own.  Handles that were left on the way, in either direction, are closed by
 * whoever finds them.
 */
#pragma once

#include "rt/portal.h"

enum request_kind {
    REQUEST_APP = 0,
    REQUEST_INSPECT = 1,
    REQUEST_KINDS,
};

/*
 * Answer one request: `m` comes as it was sent and goes back as it is left.
 * Ownership: received handles are the handler's; handles left in `m` go back and must all carry
 * HANDLE_MOVE.  Context: the loop's thread.
 */
typedef void request_handler(uint64_t badge, struct portal_message *m);

/*
 * Create the portals, one for each kind, with badge 0 and all rights.
 * Errors: whatever the kernel says.
 */
CHECK_RESULT enum status request_init(request_handler *const handlers[REQUEST_KINDS],
                                      handle_t portals[REQUEST_KINDS]);
