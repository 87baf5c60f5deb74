/*
 * GIC distributor registers that version 2 and version 3 share, and how an
 * interrupt number finds its bit, byte or field in them.
 *
 * In version 3 the redistributor's SGI frame repeats the same offsets for
 * interrupts 0 to 31.
 * Source: Arm IHI 0069, "The Distributor register map".
 */
#pragma once

#include "arch/cpu.h"
#include "arch/irqchip.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IGROUPR = 0x080,    /* 1 bit each */
    GICD_ISENABLER = 0x100,  /* 1 bit each; writing 1 sets */
    GICD_ICENABLER = 0x180,  /* 1 bit each; writing 1 clears */
    GICD_ICPENDR = 0x280,    /* 1 bit each */
    GICD_ICACTIVER = 0x380,  /* 1 bit each */
    GICD_IPRIORITYR = 0x400, /* 1 byte each */
    GICD_ICFGR = 0xc00,      /* 2 bits each: the upper one says edge */
};

enum {
    GIC_LINES_MAX = 1020,
    GIC_PRIORITY_SHARED = 0xa0, /* the upper half is group 1's in all views; four bits are there */
    GIC_PRIORITY_PRIVATE = 0xb0,
    GIC_PRIORITY_MESSAGE = 0xc0,
    GIC_PRIORITY_MASK_OPEN = 0xff,
};

/* The word of a one-bit-each register that holds `id`, and its bit there. */
static inline uintptr_t gic_bit_word(uintptr_t base, unsigned reg, uint32_t id)
{
    return base + reg + id / 32 * 4;
}

static inline uint32_t gic_bit(uint32_t id)
{
    return UINT32_C(1) << (id % 32);
}

/* Write 1 to the bit of `id`; only for registers in which 0 bits do nothing. */
static inline void gic_bit_write(uintptr_t base, unsigned reg, uint32_t id)
{
    mmio_write32(gic_bit_word(base, reg, id), gic_bit(id));
}

/* Sixteen fields to a word, so this is a read, a change and a write: the caller serialises. */
static inline void gic_trigger_write(uintptr_t base, uint32_t id, enum irq_trigger trigger)
{
    const uintptr_t word = base + GICD_ICFGR + id / 16 * 4;
    const uint32_t edge = UINT32_C(2) << (id % 16 * 2);
    const uint32_t others = mmio_read32(word) & ~edge;

    mmio_write32(word, trigger == IRQ_TRIGGER_EDGE ? others | edge : others);
}

/* Interrupts `first`.. `last` - 1, multiples of 32: disabled, not pending, not active. */
void gic_quiesce(uintptr_t base, uint32_t first, uint32_t last);

/* How many interrupt numbers GICD_TYPER announces, less the special ones. */
static inline uint32_t gic_line_count(uintptr_t distributor)
{
    const uint32_t count = ((mmio_read32(distributor + GICD_TYPER) & 31) + 1) * 32;

    return count < GIC_LINES_MAX ? count : GIC_LINES_MAX;
}
