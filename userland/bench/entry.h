/*
 * What only assembly can say: code that must be an exact number of instructions.
 */
#pragma once

#include "bench/peer.h"

/*
 * Threads that read the counter and end, by their first system call.  The reading goes to 16 bytes
 * below the stack's top.  One reads the instruction counter, which not every machine has, the other
 * the clock.
 */
void entry_thread_counted(void);
void entry_thread_timed(void);

/* A thread without a stack that is parked for ever. */
void entry_thread_parked(void);

/* Use the FP registers. */
void entry_fp(void);

/* A load from an address that nobody owns, which a fault handler skips. */
void entry_fault(const void *address);

/* The sum of a list's values: the loop that the peer has, too. */
uint64_t entry_list_sum(const struct list_node *head);
