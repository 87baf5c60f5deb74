/*
 * Portals: calling into another domain, and being called.
 *
 * A call carries this very thread into the callee and back; nothing is queued or scheduled.  Eight
 * words go each way in x0-x7.  The kernel keeps only sp and the return address for the caller, so
 * the stub below tells the compiler that every other register is lost: what is live gets spilled
 * where it pays, which in a loop is nowhere.  What the callee mustn't see is dealt with like this:
 *   x0-x7    the words, all eight defined by the caller
 *   x9-x17   zeroed by the kernel, FP/SIMD too
 *   x18-x30  zeroed by the stub, seven instructions, before the call; a callee in C hands the same
 *            zeroes back (the procedure call standard makes it keep x19-x29), its stub clears the
 *            two that it may have used, x18 and x30
 *   TPIDR_EL0 is an address, no secret; each side sets its own.
 */
#pragma once

#include "abi/rights.h"
#include "abi/status.h"
#include "abi/syscall.h"

struct portal_message {
    uint64_t word[PORTAL_WORDS];
    handle_t handle[PORTAL_HANDLES]; /* to pass or received; 0: none.  HANDLE_MOVE may be set */
};

/*
 * The call itself, svc `number`.  Two zero words below sp feed the loads that clear a pair of
 * registers each; `keep`, which any svc loses, carries TPIDR_EL0 to and from the stack.
 */
#define PORTAL_SVC(number, keep)             \
    "mrs     " keep ", tpidr_el0\n\t"        \
    "stp     x29, " keep ", [sp, #-32]!\n\t" \
    "stp     xzr, xzr, [sp, #16]\n\t"        \
    "ldp     x18, x30, [sp, #16]\n\t"        \
    "ldp     x19, x20, [sp, #16]\n\t"        \
    "ldp     x21, x22, [sp, #16]\n\t"        \
    "ldp     x23, x24, [sp, #16]\n\t"        \
    "ldp     x25, x26, [sp, #16]\n\t"        \
    "ldp     x27, x28, [sp, #16]\n\t"        \
    "mov     x29, xzr\n\t"                   \
    "svc     #" number "\n\t"                \
    "ldp     x29, " keep ", [sp], #32\n\t"   \
    "msr     tpidr_el0, " keep

/* What each call takes from `m` and loses; x9 to x13 are the one's to lose, the other's to pass. */
#define PORTAL_LOAD_WORDS(m)                         \
    register uint64_t x0 __asm__("x0") = m->word[0]; \
    register uint64_t x1 __asm__("x1") = m->word[1]; \
    register uint64_t x2 __asm__("x2") = m->word[2]; \
    register uint64_t x3 __asm__("x3") = m->word[3]; \
    register uint64_t x4 __asm__("x4") = m->word[4]; \
    register uint64_t x5 __asm__("x5") = m->word[5]; \
    register uint64_t x6 __asm__("x6") = m->word[6]; \
    register uint64_t x7 __asm__("x7") = m->word[7]; \
    register uint64_t x8 __asm__("x8") = portal
#define PORTAL_OPERANDS \
    "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7), "+r"(x8)
#define PORTAL_LOST                                                                                \
    "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",     \
        "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",    \
        "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", \
        "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory"
#define PORTAL_STORE_WORDS(m) \
    do {                      \
        (m)->word[0] = x0;    \
        (m)->word[1] = x1;    \
        (m)->word[2] = x2;    \
        (m)->word[3] = x3;    \
        (m)->word[4] = x4;    \
        (m)->word[5] = x5;    \
        (m)->word[6] = x6;    \
        (m)->word[7] = x7;    \
    } while (0)

/*
 * Call `portal` with the eight words of `m` and get eight back; handles stay untouched.
 * Blocks: until the callee returns.  Errors: BAD_HANDLE, WRONG_TYPE, NO_RIGHT, PEER_DEAD, TOO_DEEP
 * (the words are then undefined).
 */
CHECK_RESULT static inline enum status portal_call(handle_t portal, struct portal_message *m)
{
    PORTAL_LOAD_WORDS(m);

    __asm__ volatile(PORTAL_SVC("0", "x9")
                     : PORTAL_OPERANDS
                     :
                     : "x9", "x10", "x11", "x12", "x13", PORTAL_LOST);
    PORTAL_STORE_WORDS(m);
    return (enum status)x8;
}

/*
 * The same with up to four handles each way and a deadline (DEADLINE_NEVER: none).
 * Ownership: passed handles stay the caller's unless HANDLE_MOVE is set in them; received handles
 * are the caller's.  On error no handle has come back.
 */
CHECK_RESULT static inline enum status portal_call_with(handle_t portal, struct portal_message *m,
                                                        nsec_t deadline_ns)
{
    PORTAL_LOAD_WORDS(m);
    register uint64_t x9 __asm__("x9") = m->handle[0];
    register uint64_t x10 __asm__("x10") = m->handle[1];
    register uint64_t x11 __asm__("x11") = m->handle[2];
    register uint64_t x12 __asm__("x12") = m->handle[3];
    register uint64_t x13 __asm__("x13") = deadline_ns;

    __asm__ volatile(PORTAL_SVC("3", "x14")
                     : PORTAL_OPERANDS, "+r"(x9), "+r"(x10), "+r"(x11), "+r"(x12), "+r"(x13)
                     :
                     : PORTAL_LOST);
    PORTAL_STORE_WORDS(m);
    m->handle[0] = x9;
    m->handle[1] = x10;
    m->handle[2] = x11;
    m->handle[3] = x12;
    return (enum status)x8;
}

/*
 * Answer with `words` alone.  Handles that came with the call stay in their places and so go back:
 * to overwrite all of `m` would keep them, and a caller could fill this domain's table with them.
 */
static inline void portal_answer(struct portal_message *m, const uint64_t words[PORTAL_WORDS])
{
    for (unsigned i = 0; i < PORTAL_WORDS; i++)
        m->word[i] = words[i];
}

/*
 * What most protocols do: call, then take the status that the callee answered in word 0.  Passes
 * and receives handles if there is any in `m`; who only wants to receive some uses
 * portal_call_with().
 */
CHECK_RESULT enum status portal_request(handle_t portal, struct portal_message *m);

enum { PORTAL_STACK_BYTES_MIN = 4096 };

/*
 * Create a portal that runs `handler(context, badge, m)` on one of `stack_count` stacks; callers
 * beyond that wait in the kernel, by priority.
 *
 * `badge` is that of the handle the caller used.  `m` comes in as received and goes back as it is
 * left.  Handles: what stands in m->handle[] when the handler returns is passed back, a received
 * one that is still in its place by moving, another one by duplicating unless it has HANDLE_MOVE.
 * So a received handle that is kept is zeroed there, and one that nobody expected can't pile up.
 * Context of the handler: the caller's thread and priority, inside the domain's monitor.
 * Ownership: `*portal` is the caller's, with all rights and badge 0; it lives as long as the
 * domain.
 */
CHECK_RESULT enum status portal_serve(void (*handler)(void *context, uint64_t badge,
                                                      struct portal_message *m),
                                      void *context, size_t stack_bytes, unsigned stack_count,
                                      handle_t *portal);

/*
 * The same without the monitor and without a stub: `entry` is assembly that starts with the
 * registers of abi/syscall.h and x13 = cookie, and ends in `svc #1`.  For benchmarks and for
 * services that answer from registers alone.  portal_entry_null and portal_entry_echo are such.
 */
CHECK_RESULT enum status portal_serve_raw(void (*entry)(void), uint64_t cookie, size_t stack_bytes,
                                          unsigned stack_count, handle_t *portal);

/* Raw entries: return at once (the words go back as they came). */
void portal_entry_null(void);
