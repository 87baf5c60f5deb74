/*
 * lwIP's view of this compiler and machine.
 */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef SSIZE_MAX
#define SSIZE_MAX INTPTR_MAX
#endif

/* A failed assertion of lwIP is a bug of the stack: say where, and fault. */
__attribute__((noreturn)) void stack_assertion_failed(const char *message, const char *file,
                                                      int line);

#define LWIP_PLATFORM_ASSERT(message) stack_assertion_failed(message, __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(message)   ((void)0)

uint32_t random_u32(void);
void *packet_memory_allocate(size_t size);
void *packet_memory_allocate_zeroed(size_t count, size_t size);
void packet_memory_free(void *block);
uint16_t checksum_of(const void *data, int length);
