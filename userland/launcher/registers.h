/*
 * Registers: pages of device registers, as segments.
 *
 * A view is page-granular and a device isn't: QEMU puts eight virtio transports on one
 * page.  So a page of registers is one segment however many domains own a device on it,
 * and it goes when the last of them does.  Domains that share a page can reach each
 * other's registers; the log says so when it happens.
 */
#pragma once

#include "abi/rights.h"
#include "abi/status.h"
#include "abi/types.h"

enum { REGISTERS_MAX = 64 }; /* runs of pages in use at a time */

/* A device's registers: some bytes in a segment. */
struct registers {
    unsigned run;        /* which run of pages; registers.c's */
    handle_t segment;    /* borrowed: never close it */
    uaddr_t address;     /* of the first register */
    uaddr_t page;        /* where the segment starts */
    uint64_t page_bytes; /* its length */
    unsigned users;      /* that hold the same run, this one included */
};

/*
 * Get the pages around [base, base + size).  Give them back by registers_put().
 * Errors: OUT_OF_QUOTA (too many runs), whatever the kernel says to those addresses.
 */
CHECK_RESULT enum status registers_get(paddr_t base, uint64_t size, struct registers *out);
void registers_put(struct registers *registers);

/*
 * Which virtio device stands behind the transport at `base`: VIRTIO_NONE if none does.
 * Looks once and remembers.  Errors: as above; BAD_DATA (no virtio transport there).
 */
enum { VIRTIO_NONE = 0 };
CHECK_RESULT enum status registers_virtio_id(paddr_t base, uint64_t size, uint32_t *out);

/*
 * Reset the virtio device at `registers`, so that it lets go of all memory it was lent.
 * Errors: TIMED_OUT (it doesn't finish); whatever the kernel says.
 */
CHECK_RESULT enum status registers_virtio_reset(const struct registers *registers);
