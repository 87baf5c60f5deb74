/*
 * Boot memory: which RAM is whose, once, at boot.
 *
 * The devicetree says where RAM is and what of it is reserved; the image and the boot archive
 * behind it take a part.  All the rest becomes frames.
 */
#pragma once

#include "abi/status.h"
#include "core/machine.h"

struct boot_image {
    paddr_t base;           /* where the image was loaded */
    uint64_t kernel_bytes;  /* text, data and bss */
    uint64_t archive_bytes; /* the boot archive behind them */
};

/*
 * Map all RAM that may be touched into the direct map, and give what is free to the frame
 * allocator.  Errors: OUT_OF_MEMORY (no run of RAM is large enough for the frame records, or the
 * memory map has too many pieces).
 */
CHECK_RESULT enum status boot_memory_init(const struct machine *machine,
                                          const struct boot_image *image);

/* Show in the direct map what boot_end() is about to give away.  Errors: OUT_OF_MEMORY. */
CHECK_RESULT enum status boot_memory_show(void);

/* Frames that the kernel's image, archive and records take. */
uint64_t boot_memory_kernel_frames(void);
