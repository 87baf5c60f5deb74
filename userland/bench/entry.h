/*
 * What only assembly can say: code that must be an exact number of instructions.
 */
#pragma once

/* A thread that ends with its first instruction but one. */
void entry_thread_exit(void);

/* Use the FP registers. */
void entry_fp(void);

/* A load from an address that nobody owns, which a fault handler skips. */
void entry_fault(const void *address);
