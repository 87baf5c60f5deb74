/*
 * Layout: where the kernel's half of the address space keeps what.
 *
 * Shared with assembly and the linker script, hence plain macros.
 *
 *     0x0000000000000000  the shared space, 39 bits (TTBR0)
 *     0xffff000000000000  direct map: all RAM, at this base plus its physical address
 *     0xffffffff80000000  the kernel's image
 *     0xffffffffc0000000  device registers that the kernel itself uses
 *     0xffffffffd0000000  kernel stacks of all CPUs but the first, below each a gap
 */
#pragma once

#define KERNEL_IMAGE_BASE  0xffffffff80000000
#define KERNEL_IMAGE_LIMIT 0x01000000 /* bytes; the boot tables map this much */
#define DIRECT_MAP_BASE    0xffff000000000000
#define DEVICE_WINDOW_BASE 0xffffffffc0000000
#define SHARED_SPACE_BITS  39
#define KERNEL_SPACE_BITS  48
#define KERNEL_STACK_BYTES 16384
/* Below the first CPU's stack, not mapped; below every other's is a gap as large as a stack. */
#define KERNEL_STACK_GUARD_BYTES 4096
#define KERNEL_STACKS_BASE       0xffffffffd0000000

/* Memory attribute indices, as MAIR_VALUE defines them. */
#define MAIR_INDEX_NORMAL 0
#define MAIR_INDEX_DEVICE 1
/* Attr0: Normal, write-back, allocate.  Attr1: Device-nGnRE. */
#define MAIR_VALUE 0x04ff
