/*
 * Portal: an entry point into a domain, with the stacks that callers run on.
 *
 * The common call and return are assembly (arch/aarch64/vectors.S); everything else is here:
 * waiting for a stack, passing handles, deadlines, and the ways in which a call can end badly.
 *
 * A stack is a record.  While a call runs on it, it is also what the call returns by:
 *
 *     free (cross.thread NULL) --call--> taken (cross.thread set) --return, unwind--> free, or
 *                                                         handed to the next caller that waits
 *
 * Where the call came from is in the thread's frame (struct cross_frame) that names the record.
 *
 * Locking: the kernel lock, but for what the portal path does with cross.thread.
 */
#pragma once

#include "base/path.h"
#include "core/belonging.h"
#include "core/thread.h"

enum record_flag {
    RECORD_FAULT = RECORD_FLAG_FAULT, /* the call is a fault's; its answer is a verdict */
    RECORD_LAZY = RECORD_FLAG_LAZY,   /* cross.deadline_ns is to be armed when the thread leaves */
    RECORD_DEADLINE = 1U << 2,        /* `deadline` is armed */
    RECORD_LATE = 1U << 3,            /* it has passed, `deadline` is when the grace is looked at */
    RECORD_DOOMED = 1U << 4,          /* the thread that comes home by it ends there */
    RECORD_WANTED = 1U << 5,          /* somebody waits for this stack, or to free the portal */
};

/*
 * How much longer a callee may work when a deadline passes while it executes: of the thread's own
 * time, but for a sixteenth.  Cut off at once, or after a time in which others kept it from
 * executing, it would leave its locks held and its data half changed, and whoever may call it could
 * do that to it at any instruction.  After the deadline it is looked at each time so much has
 * passed; one that waits when it is looked at is cut off.
 */
#define PORTAL_GRACE_NS (UINT64_C(3) << 24) /* 50 ms, in one instruction */

struct record {
    _Alignas(64) struct cross_record cross; /* no other CPU's stack in its cache line */
    struct portal *portal;
    struct timeout deadline;
    struct list_node portal_node;
    struct list_node wanted_node; /* in its thread's list, while somebody waits for the stack */
    struct line creditors; /* struct thread, waiter: who is parked and lends to who runs on it */
};

struct portal {
    struct belonging belonging;
    struct cross_portal cross;
    struct list records; /* struct record, portal_node */
    uint32_t record_count;
    struct line waiting;      /* struct thread, waiter */
    uint32_t lent;            /* the priority that those lend to who has a stack */
    bool lingers;             /* the last handle is gone: calls that are inside keep it */
    struct deferred outdated; /* those that it lends to are to hear of a change */
    struct deferred closing;  /* the last handle went, nobody is to wait any more, or a call has
                                 ended since; or a stack is to be offered to who waits */
};
_Static_assert(offsetof(struct portal, cross) == PORTAL_OBJECT_BYTES, "vectors.S");

static inline struct portal *portal_of_object(struct object *object)
{
    return (struct portal *)(void *)object; /* its first member */
}

BOOT_ONLY void portals_init(void);

enum { PORTAL_STACKS_MAX = 16 };

/* Errors: BAD_ARGUMENT, OUT_OF_QUOTA, OUT_OF_MEMORY. */
CHECK_RESULT enum status portal_create(struct domain *domain, uaddr_t entry,
                                       uaddr_t first_stack_top, uint64_t stack_stride,
                                       uint64_t stack_count, uint64_t cookie, struct portal **out);

/*
 * The current thread calls: words, handle and, if `with_handles`, handles and deadline are in its
 * context as abi/syscall.h says.  The context is changed for what the thread does next.
 */
void portal_call(struct thread *thread, bool with_handles);

/* The current thread returns from the portal it is in.  False: it is in none. */
bool portal_return(struct thread *thread, bool with_handles);

/* Call the fault portal of the domain the thread executes in; false if that can't be done. */
bool portal_call_fault(struct thread *thread, struct portal *portal, enum fault_reason reason,
                       uint64_t address, uint64_t esr);

/* Arm the deadlines that the portal path has only written down: `thread` leaves its CPU. */
void portal_arm_lazy(struct thread *thread);

/*
 * Throw the thread out of the innermost portal it is in, and of every further one whose caller
 * has stopped, with `status`.  It must be in one, and in no queue.
 */
void portal_unwind(struct thread *thread, enum status status);

/* Waiting for a stack is over, without one. */
void portal_fail_waiting(struct thread *thread, enum status status);
void portal_forget_waiting(struct thread *thread);

/* Calls ever served. */
uint64_t portal_calls(const struct portal *portal);

/* The thread is to end at home: its way there goes through the slow path, which looks. */
void portal_doom(const struct thread *thread);

/* Portal calls that the thread is inside of. */
static inline uint32_t portal_depth(const struct thread *thread)
{
    return cross_depth(&thread->cross);
}
