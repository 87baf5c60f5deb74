/*
 * Claims: which domain has which of the machine's devices.
 *
 * A claim of the manifest takes the first device in the machine's devicetree that fits
 * and that no domain has.  Taken devices stay with the domain until it is unloaded, so
 * a restarted driver finds the same hardware, and no two domains drive one device.
 */
#pragma once

#include "devices.h"
#include "manifest.h"
#include "registers.h"

/* A device that a domain has. */
struct claimed {
    struct device device;
    struct registers registers[DEVICE_REGISTERS_MAX];
    handle_t interrupts[DEVICE_INTERRUPTS_MAX]; /* the launcher's own handles */
    bool is_virtio;                             /* it writes to memory by itself */
};

/* All devices of one domain; zero is a valid set without any. */
struct claim_set {
    struct claimed devices[MANIFEST_CLAIMS_MAX];
    uint32_t count;
};

/*
 * Take the devices that `domain` claims.  `out` is given back by claims_release().
 * Errors: NOT_SUPPORTED (this machine has no such device left), BAD_DATA (its devicetree node
 * makes no sense), whatever the kernel says; the log then says why, and nothing is taken.
 */
CHECK_RESULT enum status claims_take(const struct manifest_domain *domain, struct claim_set *out);

/* Make devices that write to memory by themselves stop it.  For when their driver doesn't run any
 * more and before its memory goes: nobody else shall find their bytes in his. */
void claims_quiet(const struct claim_set *set);

void claims_release(struct claim_set *set);
