/*
 * CPU: barriers, system registers and identification, as named inline functions.
 *
 * Registers keep the manual's names.  A barrier says at its call what it pairs with.
 * Everything else in the kernel reaches the CPU through these or through assembly.
 */
#pragma once

#include "arch/mpidr.h"
#include "base/bits.h"
#include "base/path.h"

#include <stdbool.h>
#include <stdint.h>

/* Read or write the system register with this name in the manual. */
#define SYSREG_READ(name)                                  \
    __extension__({                                        \
        uint64_t value_;                                   \
        __asm__ volatile("mrs %0, " #name : "=r"(value_)); \
        value_;                                            \
    })
#define SYSREG_WRITE(name, value) __asm__ volatile("msr " #name ", %x0" : : "rZ"((uint64_t)(value)))

/* Later instructions are fetched after earlier context changes have taken effect. */
static inline void isb(void)
{
    __asm__ volatile("isb" : : : "memory");
}

/* All earlier accesses and TLB or cache maintenance are complete, for the whole system. */
static inline void dsb_sy(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

/* The same, for all CPUs of the inner shareable domain. */
static inline void dsb_ish(void)
{
    __asm__ volatile("dsb ish" : : : "memory");
}

/* Earlier stores are complete, for all CPUs: before a TLB invalidation that depends on them. */
static inline void dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" : : : "memory");
}

/* Earlier stores are complete for this CPU's own table walks. */
static inline void dsb_nshst(void)
{
    __asm__ volatile("dsb nshst" : : : "memory");
}

/* Earlier accesses are observed before later ones, by all CPUs. */
static inline void dmb_ish(void)
{
    __asm__ volatile("dmb ish" : : : "memory");
}

/* Stores before are observed before stores after, by all CPUs. */
static inline void dmb_ishst(void)
{
    __asm__ volatile("dmb ishst" : : : "memory");
}

/*
 * Forget what the data cache has of the line at `address`, which was written past it, with the MMU
 * off.  Pairs with the reads through the cache that follow once the MMU is on.
 */
static inline void cache_discard(const void *address)
{
    __asm__ volatile("dmb sy\n\tdc ivac, %0\n\tdsb sy" : : "r"(address) : "memory");
}

/* Sleep until an interrupt is pending, masked or not. */
static inline void wfi(void)
{
    __asm__ volatile("wfi" : : : "memory");
}

enum { ISR_EL1_I = 1 << 7 };

/* Whether an IRQ waits to be taken, masked as it is.  Source: Arm ARM, ISR_EL1. */
__attribute__((always_inline)) static inline bool cpu_is_interrupted(void)
{
    return (SYSREG_READ(isr_el1) & ISR_EL1_I) != 0;
}

/* Stop for ever, with interrupts masked. */
__attribute__((noreturn)) static inline void cpu_halt(void)
{
    __asm__ volatile("msr daifset, #15" : : : "memory");
    for (;;)
        wfi();
}

/* The exception level that runs: 1 or 2. */
static inline unsigned cpu_exception_level(void)
{
    return (unsigned)bits_field(SYSREG_READ(CurrentEL), 2, 2);
}

/* The calling CPU's name. */
static inline uint64_t cpu_affinity(void)
{
    return SYSREG_READ(mpidr_el1) & MPIDR_AFFINITY_MASK;
}

/* Read one device register.  The compiler keeps number, order and width of these accesses. */
static inline uint32_t mmio_read32(uintptr_t address)
{
    uint32_t value;

    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline uint64_t mmio_read64(uintptr_t address)
{
    uint64_t value;

    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

/* Write one device register.  Plain base addressing only: a hypervisor can emulate that. */
static inline void mmio_write8(uintptr_t address, uint8_t value)
{
    __asm__ volatile("strb %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

static inline void mmio_write32(uintptr_t address, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

static inline void mmio_write64(uintptr_t address, uint64_t value)
{
    __asm__ volatile("str %0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

/* Longest MIDR description, with its terminator. */
enum { CPU_NAME_SIZE = 32 };

/* What this CPU can do, from the ID registers. */
struct cpu_features {
    uint64_t midr;
    unsigned dc_zva_size; /* bytes that DC ZVA zeroes, 0 if it is prohibited */
    bool aes, pmull, sha256;
};

/* Whether this CPU has PMUv3, of any minor version. */
bool cpu_has_pmu(void);

/* Read the calling CPU's. */
BOOT_ONLY struct cpu_features cpu_features_read(void);

/* The marketing name of a MIDR value ("Cortex-A72 r0p3"), or its numbers. */
BOOT_ONLY void cpu_name(uint64_t midr, char name[CPU_NAME_SIZE]);
