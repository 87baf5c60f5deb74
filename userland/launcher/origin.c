/*
 * Origin: reading what the kernel handed over.
 */
#include "origin.h"

#include "rt/syscall.h"

#include <libfdt.h>

#include <stdio.h>

static struct origin origin;
static uint64_t random_words[4];
static uint64_t random_count;

const struct origin *origin_get(void)
{
    return &origin;
}

static enum status refuse(struct property_error *error, const char *what, const char *why)
{
    (void)snprintf(error->text, sizeof error->text, "%s cannot be used: %s", what, why);
    return STATUS_BAD_DATA;
}

/* Empty also where the property isn't a text: nothing depends on it. */
static const char *boot_arguments_find(const struct tree_index *index)
{
    const int offset = fdt_path_offset(index->tree, "/chosen");

    for (int node = 0; offset >= 0 && node < index->node_count; node++) {
        int bytes = 0;
        if (index->nodes[node].offset != offset)
            continue;
        const char *text = tree_index_property(index, node, "bootargs", &bytes);
        return text != NULL && bytes > 0 && text[bytes - 1] == '\0' ? text : "";
    }
    return "";
}

enum status origin_read(const struct boot_record *boot, struct property_error *error)
{
    const char *why = NULL;
    uint64_t next = 0;

    origin.boot = *boot;
    for (unsigned i = 0; i < 4; i++)
        random_words[i] = boot->random[i];

    const void *start = (const void *)(uintptr_t)boot->archive_address;
    if (archive_open(start, boot->archive_bytes, &origin.archive, &why) != STATUS_OK)
        return refuse(error, "the boot archive", why);

    const void *tree = (const void *)(uintptr_t)boot->devicetree_address;
    if (tree_index_read(tree, boot->devicetree_bytes, &origin.machine_tree, &why) != STATUS_OK)
        return refuse(error, "the machine's devicetree", why);

    origin.boot_arguments = boot_arguments_find(&origin.machine_tree);

    if (system_info(INFO_MACHINE, 0, &origin.machine, sizeof origin.machine, &next) != STATUS_OK)
        origin.machine = (struct info_machine){.cpu_count = 1};

    const struct archive_header *header = origin.archive.header;
    return manifest_read(origin.archive.start + header->manifest_offset, header->manifest_bytes,
                         &origin.manifest, error);
}

/* Each answer mixes a running count into one of the kernel's four words; none is given out. */
uint64_t origin_random(void)
{
    const uint64_t key = random_words[random_count++ % 4];
    uint64_t value = key + random_count * UINT64_C(0x9e3779b97f4a7c15);

    for (unsigned i = 0; i < 3; i++) {
        value ^= value >> 32;
        value *= random_words[(random_count + i) % 4] | 1;
    }
    return value ^ value >> 32;
}

/* From the linker script: where the text starts. */
extern const unsigned char text_start[] __asm__("__text_start");

uaddr_t origin_text_address(void)
{
    return (uaddr_t)(uintptr_t)text_start;
}
