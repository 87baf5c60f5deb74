/*
 * Lifecycle: how a domain comes to be, stops, and is taken apart.
 *
 *     create --> CREATED --first thread--> RUNNING --fault, stop--> STOPPED --destroy--> DYING
 *
 * A stopped domain executes nothing, is executed in by nobody and has no handles, but keeps its
 * memory for whoever wants to find out why.  Destroying gives everything back, in bounded steps;
 * the object itself stays until the last handle to it is closed.  If that comes first, whatever it
 * is doing, it is destroyed then.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "abi/syscall.h"
#include "base/path.h"
#include "domains/domain.h"
#include "domains/segment.h"

struct event;
struct thread;

BOOT_ONLY void lifecycle_init(void);

enum { DOMAIN_ID_LAUNCHER = 1 }; /* the first */

/*
 * An empty domain.  `stop_event`, borrowed, may be NULL.  Ownership: one reference, the caller's.
 * Errors: OUT_OF_MEMORY, OUT_OF_QUOTA (its own limit doesn't hold a view).
 */
CHECK_RESULT enum status domain_create(const struct domain_attributes *attributes,
                                       struct event *stop_event, struct domain **out);

/*
 * Nothing executes in it from here on.  Everybody who waits for it or watches it is told when the
 * kernel is left, in bounded steps.
 * Context: any.  What goes on in it, or has called it, is left alone: that may be who is asking.
 */
void domain_stop(struct domain *domain);

/*
 * The same, and a step of the rest at once; returns whether that was the last.
 * Context: not from a system call of a thread that executes in it.
 */
COLD bool domain_stop_some(struct domain *domain);

/* The thread, which is in no queue, executes in a domain that has stopped: it leaves, or ends. */
void domain_evict(struct thread *thread);

/* Take some more of a stopped domain apart; returns whether it is done. */
bool domain_destroy_some(struct domain *domain);

/*
 * Take the segment out of some more views, but not out of `keeper`'s or the launcher's; returns
 * whether nobody else has it.
 */
COLD bool segment_withdraw_some(struct segment *segment, const struct domain *keeper);

/*
 * Do a bounded part of what is outstanding: domains to be stopped, those that nobody has a handle
 * to, segments to be torn down.
 */
void teardown_some(void);

/* Whether any of that, or anything deferred (core/deferred.h), is outstanding. */
bool work_is_pending(void);
