/*
 * Claims: finding and keeping devices.
 */
#include "claims.h"

#include "handle.h"
#include "origin.h"
#include "voice.h"

#include "rt/log.h"
#include "rt/syscall.h"

#include <stdbool.h>
#include <stddef.h>

enum { TAKEN_MAX = 64 };

/* Nodes of the devices that somebody has; 0, the root, is nobody's. */
static int taken[TAKEN_MAX];

static int *taken_find(int node)
{
    for (unsigned i = 0; i < TAKEN_MAX; i++) {
        if (taken[i] == node)
            return &taken[i];
    }
    return NULL;
}

/* Whether the claim means this device: compatible already fits, a virtio claim looks closer. */
static bool claim_fits(const struct manifest_claim *claim, const struct device *device)
{
    uint32_t id = VIRTIO_NONE;

    if (!claim->has_virtio_id)
        return true;
    if (device->register_count == 0)
        return false;
    const struct device_registers *registers = &device->registers[0];
    return registers_virtio_id(registers->base, registers->size, &id) == STATUS_OK
           && id == claim->virtio_id;
}

static enum status claim_find(const struct manifest_domain *domain,
                              const struct manifest_claim *claim, struct device *out)
{
    struct property_error error;
    int after = -1;

    for (;;) {
        const enum status s =
            device_find(&origin_get()->machine_tree, claim->compatible, after, out, &error);
        if (s == STATUS_NOT_FOUND)
            return STATUS_NOT_SUPPORTED;
        if (s == STATUS_OK && taken_find(out->node) == NULL && claim_fits(claim, out))
            return STATUS_OK;
        if (s == STATUS_BAD_DATA)
            voice_line(domain->name, "a device is passed over: %s", error.text);
        after = out->node;
    }
}

static void claimed_release(struct claimed *claimed)
{
    int *mark = taken_find(claimed->device.node);

    for (unsigned i = 0; i < DEVICE_INTERRUPTS_MAX; i++)
        handle_withdraw(claimed->interrupts[i]);
    for (unsigned i = 0; i < DEVICE_REGISTERS_MAX; i++)
        registers_put(&claimed->registers[i]);
    if (mark != NULL && claimed->device.node != 0)
        *mark = 0;
    *claimed = (struct claimed){0};
}

static enum status claimed_open(const struct manifest_domain *domain, struct claimed *claimed)
{
    const struct device *device = &claimed->device;
    const handle_t factory = origin_get()->boot.factory;
    enum status s = STATUS_OK;

    for (unsigned i = 0; i < device->register_count && s == STATUS_OK; i++) {
        struct registers *registers = &claimed->registers[i];
        s = registers_get(device->registers[i].base, device->registers[i].size, registers);
        if (s == STATUS_OK && registers->users > 1)
            voice_line(domain->name, "%s shares its page of registers with another domain's device",
                       device->name);
    }
    for (unsigned i = 0; i < device->interrupt_count && s == STATUS_OK; i++)
        s = interrupt_create(factory, device->interrupts[i].number, device->interrupts[i].flags,
                             &claimed->interrupts[i]);
    return s;
}

static enum status claim_take(const struct manifest_domain *domain,
                              const struct manifest_claim *claim, struct claimed *out)
{
    int *mark = taken_find(0);
    enum status s = claim_find(domain, claim, &out->device);

    if (s == STATUS_OK && mark == NULL)
        s = STATUS_OUT_OF_QUOTA;
    if (s != STATUS_OK) {
        *out = (struct claimed){0};
        return s;
    }
    *mark = out->device.node;
    out->is_virtio = claim->has_virtio_id;
    s = claimed_open(domain, out);
    if (s != STATUS_OK) {
        voice_line(domain->name, "its device %s cannot be opened: %s", out->device.name,
                   status_text(s));
        claimed_release(out);
    }
    return s;
}

static void log_missing(const struct manifest_domain *domain, const struct manifest_claim *claim)
{
    if (claim->has_virtio_id)
        voice_line(domain->name, "this machine has no %s (virtio device %u) for it", claim->name,
                   (unsigned)claim->virtio_id);
    else
        voice_line(domain->name, "this machine has no %s (compatible \"%s\") for it", claim->name,
                   claim->compatible);
}

enum status claims_take(const struct manifest_domain *domain, struct claim_set *out)
{
    *out = (struct claim_set){0};
    for (uint32_t i = 0; i < domain->claim_count; i++) {
        const struct manifest_claim *claim = &domain->claims[i];
        const enum status s = claim_take(domain, claim, &out->devices[out->count]);

        if (s == STATUS_OK) {
            out->count++;
        } else if (!(s == STATUS_NOT_SUPPORTED && claim->is_optional)) {
            if (s == STATUS_NOT_SUPPORTED)
                log_missing(domain, claim);
            claims_release(out);
            return s;
        }
    }
    return STATUS_OK;
}

void claims_quiet(const struct claim_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct claimed *claimed = &set->devices[i];
        enum status s = STATUS_OK;

        if (claimed->is_virtio && claimed->registers[0].segment != 0)
            s = registers_virtio_reset(&claimed->registers[0]);
        if (s != STATUS_OK)
            log_line("%s could not be reset: %s", claimed->device.name, status_text(s));
    }
}

void claims_release(struct claim_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        claimed_release(&set->devices[i]);
    set->count = 0;
}
