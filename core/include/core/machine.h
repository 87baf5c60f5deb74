/*
 * Machine: what the devicetree says about the hardware that the kernel itself uses.
 *
 * The tree comes from outside, so nothing in it is believed: every length, address
 * and reference is checked, sums cannot wrap, loops are bounded by the tree's size.
 * What is missing or wrong comes back as a status and one sentence that names the
 * node and the property, for the early console.  Devices that drivers serve are
 * not read here: the launcher gets the same tree.
 *
 * Pure logic over bytes: it runs before the MMU's final tables and in host tests.
 * Source: Devicetree Specification 0.4; the kernel.org bindings arm,gic, arm,gic-v3,
 * arm,arch_timer, psci, arm,cpus, pl011.
 */
#pragma once

#include "abi/status.h"
#include "abi/types.h"
#include "arch/irqchip.h"
#include "arch/psci.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MACHINE_MEMORY_MAX = 16,
    MACHINE_RESERVED_MAX = 32,
    MACHINE_CPU_MAX = 64,
    MACHINE_MODEL_SIZE = 64,
    MACHINE_SEED_MAX = 64,
    MACHINE_ERROR_SIZE = 192,
};

/* A run of physical addresses; `size` is never 0 and base + size never wraps. */
struct machine_range {
    paddr_t base;
    uint64_t size;
};

/* An interrupt as the GIC counts; id 0 (an SGI, which no device has) means none. */
struct machine_irq {
    uint32_t id;
    enum irq_trigger trigger;
};

enum machine_cpu_enable {
    MACHINE_CPU_ENABLE_NONE, /* no way to start it that we know */
    MACHINE_CPU_ENABLE_PSCI,
};

struct machine_cpu {
    uint64_t mpidr; /* affinity fields only */
    enum machine_cpu_enable enable;
};

struct machine_gic {
    unsigned version; /* 2 or 3 */
    struct machine_range distributor;
    struct machine_range cpu_interface;                              /* version 2 */
    struct machine_range redistributors[IRQCHIP_REDIST_REGIONS_MAX]; /* version 3 */
    unsigned redistributor_count;
    uint64_t redistributor_stride; /* 0: as each frame says */
};

struct machine_timer {
    struct machine_irq irq; /* the EL1 virtual timer's */
    uint32_t frequency_hz;  /* 0: CNTFRQ_EL0 is right */
};

struct machine {
    char model[MACHINE_MODEL_SIZE];

    struct machine_range memory[MACHINE_MEMORY_MAX]; /* as stated: reserved parts still in */
    unsigned memory_count;
    struct machine_range reserved[MACHINE_RESERVED_MAX]; /* may overlap; the tree itself is one */
    unsigned reserved_count;

    struct machine_cpu cpus[MACHINE_CPU_MAX]; /* usable ones only, in the tree's order */
    unsigned cpu_count;

    struct machine_gic gic;
    struct machine_timer timer;
    struct psci_config psci; /* conduit NONE if the tree has no PSCI */

    uint8_t seed[MACHINE_SEED_MAX]; /* from /chosen: rng-seed, then kaslr-seed */
    size_t seed_size;
};

/* Why a tree cannot be used: one sentence without a newline. */
struct machine_error {
    char text[MACHINE_ERROR_SIZE];
};

/*
 * Read the tree at `fdt`, which lies at physical address `fdt_physical` and of which
 * at most `limit` bytes may be touched.  `fdt` is 8-byte aligned.
 * Errors: BAD_DATA (malformed or contradictory), NOT_FOUND (a needed node or property
 * is missing), NOT_SUPPORTED (well-formed, but a machine we cannot drive); then
 * `error` says which node and property, and `*out` is not to be used.
 */
CHECK_RESULT enum status machine_read(const void *fdt, size_t limit, paddr_t fdt_physical,
                                      struct machine *out, struct machine_error *error);

/*
 * Find only where a PL011 is, as far as even a broken tree can tell, so that there is
 * a console to complain on.  Errors: NOT_FOUND.
 */
CHECK_RESULT enum status machine_find_uart(const void *fdt, size_t limit,
                                           struct machine_range *out);

/* Overwrite the random seeds in the tree, before anybody else gets to read it. */
void machine_wipe_seeds(void *fdt, size_t limit);
