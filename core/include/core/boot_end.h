/*
 * Boot's end: what only booting needs becomes free memory.
 *
 * Text, constants and tables of that kind lie together in the image (arch/aarch64/kernel.ld).
 * Functions get there by BOOT_ONLY, whole files by being in ROTUNDA_KERNEL_BOOT of
 * cmake/kernel.cmake.  The test e2e.size holds that nothing else in the kernel calls them.
 */
#pragma once

#include <stdint.h>

/* The image's part that only booting needs: text and constants, then tables and state. */
extern const char __boot_start[], __boot_text_end[], __boot_end[];

/*
 * Give that part to the frame allocator and run the first thread.  `given_bytes`: how large it is,
 * whole pages, there in the direct map; 0: it stays, since a CPU may still come through it.
 * Context: the end of booting; the kernel lock is held.
 */
__attribute__((noreturn)) void boot_end(uint64_t given_bytes);
