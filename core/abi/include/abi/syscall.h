/*
 * The system calls: numbers, registers, limits.
 *
 * `svc #SVC_CALL`      portal call.  In: x0..x7 words, x8 portal handle.
 *                      Out: x0..x7 words, x8 enum status.
 * `svc #SVC_RETURN`    return from a portal.  In: x0..x7 words.
 * `svc #SVC_SYSTEM`    everything else.  In: x8 number, x0..x7 arguments.
 *                      Out: x0 enum status, x1..x7 results (lost where the call names none).
 * `svc #SVC_CALL_WITH` portal call as above, and x9..x12 handles to pass (0: none; the flag
 *                      HANDLE_MOVE moves instead of duplicating), x13 deadline (0: never).
 *                      Out: as SVC_CALL, and x9..x12 the handles that came back.
 * `svc #SVC_RETURN_WITH` return, and x9..x12 handles to pass back.
 *
 * A portal's entry finds: x0..x7 the caller's words, x8 the badge of the handle that was used,
 * x9..x12 the received handles (0: none), sp at the top of one of the portal's stacks, x13 the
 * portal's cookie, x14..x17 zero, flags zero, FP/SIMD registers zero.  x18..x30 come from the
 * caller's stub and mean nothing.
 *
 * The register contract of every svc: x18..x30 and sp are kept for the caller.  x9..x17 (but for
 * the handles above) and flags are lost: they come back zero or, from SVC_SYSTEM, as they were.
 * FP/SIMD registers and FPSR are kept by SVC_SYSTEM and lost (read as zero) across a portal call.
 * Across a *portal call* x18..x30 are not kept: they hold what the callee's stub left there, so the
 * caller's stub saves what it needs on its own stack, and each stub scrubs what it doesn't want
 * seen.  TPIDR_EL0 belongs to the stubs as well.
 */
#pragma once

#include "abi/types.h"

enum {
    SVC_CALL = 0,
    SVC_RETURN = 1,
    SVC_SYSTEM = 2,
    SVC_CALL_WITH = 3,
    SVC_RETURN_WITH = 4,
};

/* Set in a handle word that is passed: the sender's own handle is closed. */
#define HANDLE_MOVE (UINT64_C(1) << 63)

enum { UNPARK_MAX = 8 }; /* so that the call is short, however many sleep */

enum syscall {
    SYS_NULL = 0, /* nothing; what entering the kernel costs */

    /* (h) */
    SYS_HANDLE_CLOSE = 1,
    /* (h, rights, badge) -> x1 new handle.  Rights are intersected.  A badge of 0 keeps the
     * source's; a source with a badge other than 0 can't be given another (WRONG: BAD_ARGUMENT),
     * but an event's badge may lose bits.  Needs DUPLICATE. */
    SYS_HANDLE_DUPLICATE = 2,
    /* (h): closes every descendant of h, in all domains; h stays.  A segment, if h has MANAGE, is
     * then taken out of all views but the caller's; when the call returns nobody sees it but who
     * has other handles. */
    SYS_HANDLE_REVOKE = 3,
    /* (h) -> x1 object type, x2 rights, x3 badge */
    SYS_HANDLE_INFO = 4,

    /* (length_bytes, rights, flags, guard_stride_bytes, label0, label1) -> x1 handle, x2 address.
     * The new segment is zeroed and in no view; the handle has `rights` & (R|W|X|DMA) and all
     * general rights.  X with W is BAD_ARGUMENT.  Each page at a multiple of the stride is a hole;
     * it is 0, for none, or two pages to 2 MiB.  OUT_OF_QUOTA at once: for more times 2 MiB than
     * the quota has frames. */
    SYS_SEGMENT_CREATE = 5,
    /* (segment, domain, rights): put it into the view of `domain` (0: the caller's own; else
     * MANAGE) with `rights`, which the segment handle must carry.  Granting again changes the
     * rights.  W with X is BAD_ARGUMENT. */
    SYS_SEGMENT_GRANT = 6,
    /* (segment, domain): take it out of that view; when the call returns no access is left. */
    SYS_SEGMENT_REVOKE = 7,
    /* (segment) -> x1 address, x2 length_bytes, x3 rights in the caller's view (0: not in it) */
    SYS_SEGMENT_INFO = 8,
    /* (segment, offset) -> x1 physical address, x2 bytes contiguous from there.  Needs DMA. */
    SYS_SEGMENT_DMA_ADDRESS = 9,
    /* (factory, physical, length_bytes, label0, label1) -> x1 handle, x2 address: device
     * registers, R and W, Device-nGnRE.  Refuses RAM and the interrupt controller. */
    SYS_SEGMENT_CREATE_DEVICE = 10,
    /* (factory, source, offset, length_bytes, execute_bytes, reserve_bytes, label0, label1)
     * -> x1 handle, x2 address.  A second segment over the same frames: the first
     * execute_bytes r-x, the rest r--.  reserve_bytes keeps address space behind it for
     * SEGMENT_CREATE_BEHIND.  The program loader's tool. */
    SYS_SEGMENT_CREATE_ALIAS = 11,
    /* (factory, in_front, offset, length_bytes, label0, label1) -> x1 handle, x2 address: a
     * read-write segment at in_front's address + offset, within what in_front reserved. */
    SYS_SEGMENT_CREATE_BEHIND = 12,
    /* (factory, address) -> x1 handle (R and INSPECT) of the segment that owns the address */
    SYS_SEGMENT_OPEN = 13,

    /* (factory, attributes) -> x1 handle.  See struct domain_attributes. */
    SYS_DOMAIN_CREATE = 14,
    /* (domain, h, rights, badge) -> x1 the handle's value inside that domain.  As a duplicate. */
    SYS_DOMAIN_GIVE = 15,
    /* (domain): no thread runs in it any more, callers inside are unwound; memory stays. */
    SYS_DOMAIN_STOP = 16,
    /* (domain): stop, and give back everything it had. */
    SYS_DOMAIN_DESTROY = 17,
    /* (h, event, bits): set `bits` when the domain that serves h (a domain, portal or event)
     * stops or dies.  At once if it has already.  Needs INSPECT of h; WAIT and MANAGE of the
     * event.
     * WOULD_BLOCK: an interrupt came first; call again. */
    SYS_DOMAIN_WATCH = 18,
    /* (domain, enum info, index, out, out_bytes) -> x1 next index (0: that was the last).
     * Domain 0 is the caller's own.  See info.h. */
    SYS_DOMAIN_INFO = 19,
    /* (domain, portal): faults of its threads call `portal` (see fault.h) before they stop it.
     * Needs CALL and MANAGE of it.  Portal 0 takes it back. */
    SYS_DOMAIN_SET_FAULT_PORTAL = 20,
    /* (domain, mask): the system-call mask loses the bits that are not in `mask`. */
    SYS_DOMAIN_NARROW_MASK = 21,

    /* (domain, entry, stack_top, argument, priority) -> x1 handle.  Domain 0 is the caller's
     * own.  Starts at once with x0 = argument. */
    SYS_THREAD_CREATE = 22,
    SYS_THREAD_EXIT = 23,
    SYS_THREAD_DESTROY = 24, /* (thread) */
    SYS_THREAD_YIELD = 25,
    SYS_THREAD_SLEEP = 26, /* (deadline_ns) */
    /* (word, expected, deadline_ns, owner): sleeps if the 32-bit word still holds `expected` until
     * an unpark of that word by a thread of the same domain.  WOULD_BLOCK: it held another value,
     * or an interrupt came first: look at it again.
     * `owner`: an address in the stack of whoever is to do that, a thread's or a portal's of this
     * domain, which inherits the sleeper's priority meanwhile; 0: nobody does. */
    SYS_THREAD_PARK = 27,
    /* (word, count) -> x1 how many were woken, the most urgent first: at most UNPARK_MAX a call */
    SYS_THREAD_UNPARK = 28,
    /* (thread, priority): at most the domain's highest.  Thread 0: the calling one, if this is its
     * home; DENIED to a portal that it called. */
    SYS_THREAD_SET_PRIORITY = 29,

    /* (entry, first_stack_top, stack_stride_bytes, stack_count, cookie) -> x1 handle */
    SYS_PORTAL_CREATE = 30,

    /* (segment, offset) -> x1 handle.  The 64-bit pending word is at segment + offset, 8-byte
     * aligned; the segment handle needs R and W.  In memory that isn't the caller's own, which its
     * maker may want back: BAD_ARGUMENT. */
    SYS_EVENT_CREATE = 31,
    /* (event, bits): sets the bits that the handle's badge allows (badge 0 on the creator's own
     * handle: all). */
    SYS_EVENT_SIGNAL = 32,
    /* (event, deadline_ns): returns when the pending word is not zero.  The caller takes the
     * bits itself, by an atomic exchange with 0.  One waiter at a time: BUSY. */
    SYS_EVENT_WAIT = 33,

    /* (factory, number, flags) -> x1 handle.  `number` as the GIC counts; flags: enum
     * interrupt_flag. */
    SYS_INTERRUPT_CREATE = 34,
    SYS_INTERRUPT_BIND = 35, /* (interrupt, event, bits): deliver as these bits, and enable */
    SYS_INTERRUPT_ACK = 36,  /* (interrupt): the driver has handled it, the next may come */

    SYS_CLOCK_CREATE = 37, /* (event: WAIT, MANAGE; bits) -> x1 handle */
    SYS_CLOCK_SET = 38,    /* (clock, deadline_ns): 0 stops it */

    SYS_LOG_WRITE = 39, /* (text, length): one or more lines into the kernel log */
    /* (cursor, out, out_bytes) -> x1 bytes, x2 next cursor, x3 bytes lost to overwriting.
     * Cursor 0: the oldest line; UINT64_MAX: where SYSTEM_LOG_RELEASE stopped the console. */
    SYS_LOG_READ = 40,
    SYS_LOG_WATCH = 41, /* (event: WAIT, MANAGE; bits): set when the log has grown */

    SYS_SYSTEM_CONTROL = 42, /* (factory, enum system_control) */
    SYS_SYSTEM_INFO = 43,    /* (enum info, index, out, out_bytes) -> x1 next index */

    /* (h, rights): the handle itself loses the rights that are not in `rights`. */
    SYS_HANDLE_NARROW = 44,

    /* (segment, domain): `domain` (MANAGE) owns the segment (MANAGE) from now on, and pays for it:
     * what the launcher makes for a program is the program's. */
    SYS_SEGMENT_ASSIGN = 45,

    /* (thread, cpus): it runs on CPUs whose bits (INFO_CPUS, number) are set, and on no others.
     * Thread 0 as in SET_PRIORITY.  A new thread has its creator's.  BAD_ARGUMENT: none is in
     * use. */
    SYS_THREAD_SET_AFFINITY = 46,

    /* (thread, budget_ns, period_ns): in each period it may run for `budget_ns` at its priority,
     * and goes on at priority 0 when that is used up.  0 and 0: no such bound.  Thread 0 as in
     * SET_PRIORITY.  Not more than its domain has. */
    SYS_THREAD_SET_BUDGET = 47,

    SYS_COUNT = 48,
};
_Static_assert(SYS_COUNT <= 64, "the system-call mask is one word");

/* "handle_close", as the manifest, the log and the shell say it. */
enum { SYSCALL_NAME_BYTES = 24 };
extern const char syscall_names[SYS_COUNT][SYSCALL_NAME_BYTES];

enum segment_flag {
    SEGMENT_CONTIGUOUS = 1U << 0, /* physically one run, for DMA */
    SEGMENT_FLAGS_ALL = 1U,
};

enum interrupt_flag {
    INTERRUPT_EDGE = 1U << 0, /* else level-sensitive */
    INTERRUPT_FLAGS_ALL = 1U,
};

enum system_control {
    SYSTEM_POWEROFF = 0,
    SYSTEM_REBOOT = 1,
    SYSTEM_LOG_RELEASE = 2, /* the kernel stops writing log lines to the early console */
};

struct quota {
    uint32_t frames; /* 4 KiB frames: memory, tables and kernel objects */
    uint32_t handles;
    uint32_t threads;
    uint32_t objects;   /* portals, events, segments, interrupts, clocks */
    uint32_t log_bytes; /* that the log gets of it in each LOG_WINDOW_NS, and one line more */
};

#define LOG_WINDOW_NS (UINT64_C(1) << 30) /* a second, and a little more */

struct domain_attributes {
    struct name name;
    uint64_t syscall_mask;
    struct quota quota;
    uint32_t highest_priority;
    uint64_t flags; /* enum domain_flag */
    handle_t event; /* signalled with `event_bits` when the domain stops; 0: none */
    uint64_t event_bits;
    nsec_t budget_ns; /* of each of its threads, in each `period_ns`; 0 and 0: no budget */
    nsec_t period_ns;
};
_Static_assert(sizeof(struct domain_attributes) == 88, "ABI");

enum domain_flag {
    DOMAIN_DENIAL_FAULTS = 1U << 0, /* a system call outside the mask is a fault, not an error */
    DOMAIN_FLAGS_ALL = 1U,
};
