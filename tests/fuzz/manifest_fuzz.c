/*
 * Fuzzing what the launcher reads: any bytes at all instead of the manifest, of the
 * machine's devicetree and of the boot archive.
 *
 * The sanitizers watch memory; here stands what must be true of every answer.
 */
// source: userland/launcher/manifest.c
// source: userland/launcher/property.c
// source: userland/launcher/syscall_set.c
// source: core/abi/syscall.c
// source: userland/launcher/devices.c
// source: userland/launcher/tree_index.c
// source: userland/launcher/archive.c
#include "userland/launcher/archive.h"
#include "userland/launcher/devices.h"
#include "userland/launcher/manifest.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* What is accepted obeys the limits, and every name in it leads somewhere. */
static void manifest_try(const void *tree, size_t size)
{
    static struct manifest manifest;
    struct property_error error = {.text = ""};

    if (manifest_read(tree, size, &manifest, &error) != STATUS_OK) {
        require(error.text[0] != '\0');
        return;
    }
    require(manifest.domain_count > 0 && manifest.domain_count <= MANIFEST_DOMAINS_MAX);
    for (uint32_t i = 0; i < manifest.domain_count; i++) {
        const struct manifest_domain *domain = &manifest.domains[i];
        require(strlen(domain->name) <= MANIFEST_NAME_MAX);
        require(strlen(domain->argument) <= MANIFEST_ARGUMENT_MAX);
        require(domain->priority <= domain->highest_priority);
        require(domain->highest_priority < PRIORITY_COUNT);
        require((domain->syscall_mask & UINT64_C(1) << SYS_DOMAIN_CREATE) == 0);
        for (uint32_t j = 0; j < domain->offer_count; j++)
            require(manifest_owner(&manifest, domain->offers[j]) == domain);
        for (uint32_t j = 0; j < domain->launch_count; j++)
            require(manifest_find(&manifest, domain->launches[j]) != NULL);
    }
}

static void devices_try(const void *tree, size_t size)
{
    static const char *const compatibles[] = {"arm,pl011", "virtio,mmio", "gpio-keys", "arm,gic"};
    static struct tree_index index;
    struct property_error error;
    struct device device;
    const char *why;

    if (tree_index_read(tree, size, &index, &why) != STATUS_OK)
        return;
    for (size_t i = 0; i < sizeof compatibles / sizeof compatibles[0]; i++) {
        int after = -1;
        while (device_find(&index, compatibles[i], after, &device, &error) != STATUS_NOT_FOUND) {
            require(device.node > after);
            require(device.register_count <= DEVICE_REGISTERS_MAX);
            require(device.interrupt_count <= DEVICE_INTERRUPTS_MAX);
            after = device.node;
        }
    }
}

static void archive_try(const void *start, size_t size)
{
    struct archive archive;
    struct archive_place place;
    const char *why;

    if (size < sizeof(struct archive_header)
        || archive_open(start, size, &archive, &why) != STATUS_OK)
        return;
    for (uint32_t i = 0; i < archive.header->program_count; i++) {
        const struct archive_program *program = &archive.programs[i];
        require(archive_find(&archive, program->name) != NULL);
        if (archive_symbolise(&archive, program, 0x1000, &place) == STATUS_OK)
            require(strlen(place.function) < size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Page-aligned like the real ones, and not a byte longer than what may be read. */
    const size_t room = (size + ARCHIVE_PAGE_BYTES - 1) / ARCHIVE_PAGE_BYTES * ARCHIVE_PAGE_BYTES;
    uint8_t *pages = aligned_alloc(ARCHIVE_PAGE_BYTES, room + ARCHIVE_PAGE_BYTES);
    uint8_t *exact = aligned_alloc(16, size + 16 - size % 16);

    memset(pages, 0, room + ARCHIVE_PAGE_BYTES);
    memcpy(pages, data, size);
    memcpy(exact, data, size);
    manifest_try(exact, size);
    devices_try(exact, size);
    archive_try(pages, room);
    free(exact);
    free(pages);
    return 0;
}
