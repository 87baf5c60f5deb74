/*
 * System calls: how a handler takes its arguments and gives its results.
 *
 * A handler is a function of x0..x7.  It returns status and first result in registers; further
 * results, and everything a blocked or restarted call needs, go through the thread's context.
 */
#pragma once

#include "core/thread.h"
#include "domains/handle.h"

struct sysret {
    uint64_t status; /* enum status */
    uint64_t value;
};

typedef struct sysret syscall_fn(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                 uint64_t, uint64_t);

static inline struct sysret sysret(enum status status)
{
    return (struct sysret){.status = status, .value = 0};
}

static inline struct sysret sysret_value(uint64_t value)
{
    return (struct sysret){.status = STATUS_OK, .value = value};
}

/* Results x2 and x3 beside x1. */
struct sysret sysret_more(uint64_t x1, uint64_t x2, uint64_t x3);

/*
 * Make the call again, with these arguments: a preemption point.  Progress is in the objects.
 * `arguments` are x0..x7, `number` x8.
 */
struct sysret sysret_restart(enum syscall number, const uint64_t arguments[8]);

/* The same for a call with two arguments, or fewer. */
struct sysret sysret_again(enum syscall number, uint64_t x0, uint64_t x1);

/* A handle to a new object for the caller: caller_insert(), and its result. */
struct sysret sysret_handle(struct object *object, rights_t rights);

/* The domain that makes the call. */
static inline struct domain *caller_domain(void)
{
    return thread_domain(thread_current());
}

/* handle_lookup() in the caller's table, straight to the object. */
CHECK_RESULT enum status caller_lookup(handle_t h, enum object_type type, rights_t need,
                                       struct object **out);

/* The domain that `h` names, or the caller's own if it is 0. */
CHECK_RESULT enum status caller_lookup_domain(handle_t h, rights_t need, struct domain **out);

/*
 * An event that things are bound to: with MANAGE, which its owner keeps when it lends, since
 * who revokes the handle doesn't take back what is bound.
 */
CHECK_RESULT enum status caller_lookup_own_event(handle_t h, struct object **out);

/* Give the caller a handle to a new object, whose one reference goes with it; or put the object. */
CHECK_RESULT enum status caller_insert(struct object *object, rights_t rights, handle_t *out);

/* The factory: only its holder may do what only the launcher does. */
CHECK_RESULT enum status caller_has_factory(handle_t factory);

/* Every general right that a new object's first handle has. */
enum { RIGHTS_OWNER = RIGHT_MANAGE | RIGHT_INSPECT | RIGHT_DUPLICATE | RIGHT_TRANSFER };

/* The handlers, by noun; the table is in core/syscall.c. */
syscall_fn sys_handle_close, sys_handle_duplicate, sys_handle_revoke, sys_handle_info,
    sys_handle_narrow;
syscall_fn sys_segment_create, sys_segment_grant, sys_segment_revoke, sys_segment_info,
    sys_segment_dma_address, sys_segment_create_device, sys_segment_create_alias,
    sys_segment_create_behind, sys_segment_open, sys_segment_assign;
syscall_fn sys_domain_create, sys_domain_give, sys_domain_stop, sys_domain_destroy,
    sys_domain_watch, sys_domain_info, sys_domain_set_fault_portal, sys_domain_narrow_mask;
syscall_fn sys_thread_create, sys_thread_exit, sys_thread_destroy, sys_thread_yield,
    sys_thread_sleep, sys_thread_park, sys_thread_unpark, sys_thread_set_priority,
    sys_thread_set_affinity, sys_thread_set_budget;
syscall_fn sys_portal_create, sys_event_create, sys_event_signal, sys_event_wait;
syscall_fn sys_interrupt_create, sys_interrupt_bind, sys_interrupt_ack, sys_clock_create,
    sys_clock_set;
syscall_fn sys_log_write, sys_log_read, sys_log_watch, sys_system_control, sys_system_info;

/*
 * The badge of a duplicate: that of its source, or `badge` if the source has none.
 * Errors: BAD_ARGUMENT (the source has another one).
 */
CHECK_RESULT enum status handle_badge_derive(const struct handle_slot *source, uint64_t badge,
                                             uint64_t *out);
