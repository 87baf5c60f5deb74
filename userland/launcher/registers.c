/*
 * Registers: the runs of pages, and a glance at a virtio transport.
 *
 * Source for the glance: Virtual I/O Device 1.2, section 4.2.2 (MMIO device register
 * layout): MagicValue at 0, DeviceID at 8, Status at 0x70.
 */
#include "registers.h"

#include "handle.h"
#include "origin.h"

#include "rt/syscall.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    VIRTIO_MAGIC = 0x74726976, /* "virt" */
    VIRTIO_MAGIC_AT = 0x000,
    VIRTIO_DEVICE_ID_AT = 0x008,
    VIRTIO_STATUS_AT = 0x070,
    VIRTIO_RESET_POLLS = 1000,
    TRANSPORTS_MAX = 64,
};

struct run {
    paddr_t base;
    uint64_t bytes; /* 0: unused */
    handle_t segment;
    uaddr_t address;
    unsigned users;
};

struct transport {
    paddr_t base; /* 0: unused */
    uint32_t device_id;
};

static struct run runs[REGISTERS_MAX];
static struct transport transports[TRANSPORTS_MAX];

static paddr_t page_down(paddr_t address)
{
    return address & ~(paddr_t)(PAGE_BYTES - 1);
}

static enum status run_create(struct run *run, paddr_t base, uint64_t bytes)
{
    const handle_t factory = origin_get()->boot.factory;
    const enum status s = segment_create_device(factory, base, bytes, name_from("registers"),
                                                &run->segment, &run->address);

    if (s == STATUS_OK) {
        run->base = base;
        run->bytes = bytes;
    }
    return s;
}

static struct run *run_find(paddr_t base, uint64_t bytes)
{
    struct run *unused = NULL;

    for (unsigned i = 0; i < REGISTERS_MAX; i++) {
        if (runs[i].bytes == bytes && runs[i].base == base)
            return &runs[i];
        if (runs[i].bytes == 0 && unused == NULL)
            unused = &runs[i];
    }
    return unused;
}

enum status registers_get(paddr_t base, uint64_t size, struct registers *out)
{
    const paddr_t first = page_down(base);

    if (base > UINT64_MAX - size - PAGE_BYTES)
        return STATUS_BAD_ARGUMENT;
    const uint64_t bytes = page_down(base + size + PAGE_BYTES - 1) - first;
    struct run *run = run_find(first, bytes);
    if (run == NULL)
        return STATUS_OUT_OF_QUOTA;
    if (run->bytes == 0) {
        const enum status s = run_create(run, first, bytes);
        if (s != STATUS_OK)
            return s;
    }
    run->users++;
    *out = (struct registers){
        .run = (unsigned)(run - runs),
        .segment = run->segment,
        .address = run->address + (base - first),
        .page = run->address,
        .page_bytes = bytes,
        .users = run->users,
    };
    return STATUS_OK;
}

void registers_put(struct registers *registers)
{
    struct run *run = &runs[registers->run];

    if (registers->segment == 0)
        return;
    *registers = (struct registers){0};
    if (--run->users != 0)
        return;
    /* Nobody but the launcher may keep a way to them. */
    handle_withdraw(run->segment);
    *run = (struct run){0};
}

/* ---- virtio ---- */

static uint32_t register_read(uaddr_t address)
{
    return *(const volatile uint32_t *)(uintptr_t)address;
}

/* Look through our own view, for just as long as it takes. */
static enum status transport_probe(paddr_t base, uint64_t size, uint32_t *device_id)
{
    struct registers registers;
    enum status s = registers_get(base, size, &registers);

    if (s != STATUS_OK)
        return s;
    s = segment_grant(registers.segment, 0, RIGHT_READ);
    if (s == STATUS_OK) {
        if (register_read(registers.address + VIRTIO_MAGIC_AT) == VIRTIO_MAGIC)
            *device_id = register_read(registers.address + VIRTIO_DEVICE_ID_AT);
        else
            s = STATUS_BAD_DATA;
        const enum status revoked = segment_revoke(registers.segment, 0);
        if (s == STATUS_OK)
            s = revoked;
    }
    registers_put(&registers);
    return s;
}

enum status registers_virtio_id(paddr_t base, uint64_t size, uint32_t *out)
{
    struct transport *unused = NULL;

    for (unsigned i = 0; i < TRANSPORTS_MAX; i++) {
        if (transports[i].base == base) {
            *out = transports[i].device_id;
            return STATUS_OK;
        }
        if (transports[i].base == 0 && unused == NULL)
            unused = &transports[i];
    }
    if (size < VIRTIO_DEVICE_ID_AT + sizeof(uint32_t))
        return STATUS_BAD_DATA;
    const enum status s = transport_probe(base, size, out);
    if (s == STATUS_OK && unused != NULL)
        *unused = (struct transport){.base = base, .device_id = *out};
    return s;
}

enum status registers_virtio_reset(const struct registers *registers)
{
    volatile uint32_t *status =
        (volatile uint32_t *)(uintptr_t)(registers->address + VIRTIO_STATUS_AT);
    enum status s = segment_grant(registers->segment, 0, RIGHT_READ | RIGHT_WRITE);

    if (s != STATUS_OK)
        return s;
    *status = 0;
    s = STATUS_TIMED_OUT;
    for (unsigned i = 0; i < VIRTIO_RESET_POLLS && s != STATUS_OK; i++)
        s = *status == 0 ? STATUS_OK : STATUS_TIMED_OUT;
    const enum status revoked = segment_revoke(registers->segment, 0);
    return s == STATUS_OK ? revoked : s;
}
