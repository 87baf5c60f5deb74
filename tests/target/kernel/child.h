/*
 * Child: a domain that a test makes, and lets a function run in.
 *
 * All domains see one address space, so a child gets this program's text at the address where it
 * is, and functions are simply named.  It does not get the data: a function for a child works on
 * its arguments, its stack and the board, a page that all children and the tests share.
 */
#pragma once

#include "test.h"

#include <stdatomic.h>

enum { BIRTH_ARGUMENTS = 8, BOARD_WORDS = 256, CHILD_PRIORITY = 40, CHILD_STACK_BYTES = 8192 };

/* Shared by everybody, zero at the start of a test's first child. */
struct board {
    _Atomic uint64_t word[BOARD_WORDS];
};

struct birth;
typedef void child_function(const struct birth *birth);

/* What a child's thread starts with; at the top of its stack. */
struct birth {
    child_function *run;
    uint64_t argument[BIRTH_ARGUMENTS];
    struct board *board;
    handle_t done; /* signalled when `run` returns */
};

/* Zero takes what is usual: all calls, plenty of everything. */
struct child_needs {
    uint64_t denied_calls; /* bits that the mask lacks */
    struct quota quota;
    uint32_t flags; /* enum domain_flag */
    uint32_t highest_priority;
    nsec_t budget_ns, period_ns;
    bool no_text; /* nothing is granted; only child_thread_at() can be used */
};

struct child {
    handle_t domain;
    uint32_t id;
    handle_t event; /* of the test; bit 0: done, bit 1: stopped */
    uint64_t *word;
    handle_t done; /* in the child: sets bit 0 */
    handle_t stack_segment;
    uaddr_t stack; /* of the first thread: its segment's address, a guard page */
    uint64_t stack_bytes;
    handle_t thread; /* of the first one, MANAGE */
};

enum { CHILD_DONE = 1, CHILD_STOPPED = 2 };

/* The board, in this domain's view too; zeroed by the first call in a test. */
struct board *board_get(void);
handle_t board_segment(void);

/* Whether a word of the board comes to be `value`, in five seconds at most. */
CHECK_RESULT bool board_reaches(unsigned index, uint64_t value);

/* Where a thread of a child starts, with x0 and SP at its struct birth. */
void child_entry(void);

/* Make the domain, with nothing running in it. */
CHECK_RESULT enum status child_make(const struct child_needs *needs, struct child *out);

/* Start `run` on a thread of its own; the first is child->thread. */
CHECK_RESULT enum status child_start(struct child *child, child_function *run,
                                     const uint64_t argument[BIRTH_ARGUMENTS]);
CHECK_RESULT enum status child_start_at(struct child *child, child_function *run,
                                        const uint64_t argument[BIRTH_ARGUMENTS], uint32_t priority,
                                        handle_t *thread);

/* Give the child a handle; 0 when that failed, which fails the test. */
handle_t child_give(const struct child *child, handle_t h, rights_t rights, uint64_t badge);

/* Wait, two seconds at most, until the child is done or stopped: CHILD_DONE, CHILD_STOPPED or 0. */
uint64_t child_wait(struct child *child);

/* The same with forty seconds, for what several CPUs of a busy host do. */
uint64_t child_wait_long(struct child *child);

/* Make, start, wait: the usual way.  Returns as child_wait(). */
uint64_t child_does(struct child *child, child_function *run, uint64_t a0, uint64_t a1,
                    uint64_t a2);

/* The fault that stopped it; a reason of FAULT_NONE if there was none. */
struct fault_record child_fault(const struct child *child);
struct info_domain child_info(const struct child *child);
/* Its only thread, or the first one of several. */
struct info_thread child_thread(const struct child *child);

void child_destroy(struct child *child);

/* Now, for functions that run in children: the runtime's time_now_ns() has data. */
static inline nsec_t time_here_ns(void)
{
    uint64_t ticks, hz;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks));
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
    return ticks / hz * TEST_S + ticks % hz * TEST_S / hz;
}

/* A segment of this domain's, in its own view with read and write; label "probe". */
CHECK_RESULT enum status probe_make(uint64_t bytes, rights_t rights, handle_t *segment,
                                    uaddr_t *address);
