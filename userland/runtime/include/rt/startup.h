/*
 * What a program is born with.
 *
 * The launcher writes one `struct startup` at the top of the new domain's stack segment and starts
 * the first thread with x0 pointing at it.  Everything a program may do follows from the handles in
 * here; there is no other way to get the first one.
 */
#pragma once

#include "abi/types.h"

enum {
    STARTUP_VERSION = 2,
    STARTUP_DEVICES = 16,
    STARTUP_INTERRUPTS = 4,
    STARTUP_REGISTERS = 2,
    STARTUP_NAME_BYTES = 32,
    STARTUP_COMPATIBLE_BYTES = 48,
    STARTUP_ARGUMENT_BYTES = 128,
};

#define STARTUP_MAGIC UINT64_C(0x3154524154534f52) /* "ROSTART1" read as bytes */

enum startup_crypto {
    STARTUP_CRYPTO_AES = 1U << 0, /* as info_machine.has_crypto */
    STARTUP_CRYPTO_PMULL = 1U << 1,
    STARTUP_CRYPTO_SHA256 = 1U << 2,
};

/* A segment that is already in the view. */
struct startup_segment {
    handle_t handle;
    uaddr_t address;
    uint64_t length_bytes;
};

struct startup_interrupt {
    handle_t handle; /* to be bound to an event by the driver; 0: none */
    uint64_t number; /* as the interrupt controller counts, for messages */
};

/* One device that the manifest lets the program claim and that this machine has. */
struct startup_device {
    char name[STARTUP_NAME_BYTES];             /* of its devicetree node, NUL-terminated */
    char compatible[STARTUP_COMPATIBLE_BYTES]; /* the string that matched, NUL-terminated */
    struct startup_segment registers[STARTUP_REGISTERS]; /* `address` is that of the first register,
                                                            also inside a page */
    struct startup_interrupt interrupt[STARTUP_INTERRUPTS];
    uint32_t register_count;
    uint32_t interrupt_count;
    uint64_t clock_hz; /* "clock-frequency" of the node or of its first clock; 0: not said */
};

struct startup {
    uint64_t magic;
    uint32_t version;
    uint32_t bytes; /* of this record */

    handle_t app_portal;            /* app:App; its badge is this domain */
    handle_t own_domain;            /* INSPECT, MANAGE (stop itself) */
    handle_t heartbeat;             /* SIGNAL: the loop's answer when the launcher asks; 0: it
                                       doesn't */
    struct startup_segment text;    /* text and read-only data */
    struct startup_segment data;    /* data, bss and heap; handle has R and W */
    struct startup_segment stack;   /* of the first thread; this record lies at its top */
    struct startup_segment archive; /* boot archive (abi/archive.h), readable; handle 0: not for
                                       this program ("sees-archive" in the manifest) */
    uaddr_t heap_start;             /* the heap is the rest of `data`, zeroed */
    uaddr_t heap_end;

    char program[STARTUP_NAME_BYTES];      /* name in the manifest, NUL-terminated */
    char argument[STARTUP_ARGUMENT_BYTES]; /* one text, NUL-terminated, may be empty */

    uint32_t highest_priority; /* that a thread of this domain may have */
    uint32_t priority;         /* of the first thread */
    uint32_t restarts;         /* how often the program was started again since boot */
    uint32_t domain_id;

    uint32_t counter_frequency_hz;
    uint32_t crypto; /* set of enum startup_crypto */
    uint32_t has_pmu;
    uint32_t cpu_count;
    uint64_t random[4]; /* fresh for each start; for address randomisation and hash seeds, NOT for
                           keys: those come from rng:Entropy */

    uint32_t device_count;
    uint32_t reserved;
    struct startup_device device[STARTUP_DEVICES];
};
_Static_assert(sizeof(struct startup_device) == 208, "launcher and runtime agree on this layout");
_Static_assert(sizeof(struct startup) == 384 + 16 * 208, "launcher and runtime agree on this");

/*
 * What the first thread's argument means; crt0 asks before anything else, so it may use no
 * thread-local storage.  The launcher, born with a struct boot_record, replaces the runtime's.
 */
const struct startup *startup_from(uaddr_t argument);

/* The record of this program; valid from before main() to the end. */
const struct startup *startup_get(void);

/* The `index`th device with this compatible string, NULL past the last. */
const struct startup_device *startup_device_find(const char *compatible, unsigned index);
