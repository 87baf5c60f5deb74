/*
 * First domain: the launcher, loaded by the kernel since nobody else is there yet.
 *
 * It gets what only it may have: the factory, the boot archive with all programs, and the
 * machine's devicetree.  All other domains are its work.
 */
#include "abi/archive.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "base/bits.h"
#include "base/string.h"
#include "core/boot.h"
#include "core/factory.h"
#include "core/lifecycle.h"
#include "core/thread.h"
#include "domains/space.h"
#include "domains/view.h"

enum {
    LAUNCHER_PRIORITY = 56,
    LAUNCHER_STACK_BYTES = 64 * 1024,
    LAUNCHER_HANDLES = 60000,
};

static const struct domain_attributes launcher_attributes = {
    .name = {.text = "app:App"},
    .syscall_mask = ~UINT64_C(0),
    .quota = {.frames = UINT32_MAX,
              .handles = LAUNCHER_HANDLES,
              .threads = UINT32_MAX,
              .objects = UINT32_MAX,
              .log_bytes = UINT32_MAX},
    .highest_priority = PRIORITY_COUNT - 1,
};

static struct name label(const char *text)
{
    struct name name = {0};

    for (unsigned i = 0; i < NAME_BYTES && text[i] != '\0'; i++)
        name.text[i] = text[i];
    return name;
}

static const struct archive_program *program_find(const char *archive, uint64_t bytes)
{
    const struct archive_header *header = (const void *)archive;

    if (bytes < sizeof(*header) || header->magic != ARCHIVE_MAGIC
        || header->version != ARCHIVE_VERSION || header->total_bytes > bytes
        || header->programs_offset > bytes)
        return NULL;
    const struct archive_program *program = (const void *)(archive + header->programs_offset);
    for (uint32_t i = 0; i < header->program_count; i++, program++)
        if (strncmp(program->name, "launcher", ARCHIVE_NAME_BYTES) == 0)
            return program;
    return NULL;
}

/* A segment that is whole, in the launcher's view with `rights`, and named by `*handle`. */
static enum status segment_make(struct domain *domain, const struct segment_request *request,
                                rights_t view_rights, rights_t handle_rights, struct segment **out,
                                handle_t *handle)
{
    enum status status = segment_create(domain, request, out);

    if (status == STATUS_OK) {
        do
            status = segment_build_some(*out);
        while (status == STATUS_WOULD_BLOCK);
    }
    if (status == STATUS_OK)
        status = view_grant(domain, *out, view_rights);
    if (status == STATUS_OK)
        status = handle_insert(&domain->handles, &(*out)->object, handle_rights, 0, NULL, handle);
    if (status == STATUS_OK)
        object_put(&(*out)->object); /* it is the handle's now */
    return status;
}

static const rights_t owner_rights =
    RIGHT_MANAGE | RIGHT_INSPECT | RIGHT_DUPLICATE | RIGHT_TRANSFER;

static enum status archive_make(struct domain *domain, const struct first_domain_source *source,
                                struct boot_record *boot, struct segment **out)
{
    const struct segment_request archive = {
        .backing = SEGMENT_PHYSICAL,
        .length = source->archive_bytes,
        .widest = RIGHT_READ,
        .label = label("boot archive"),
        .physical = source->archive,
    };
    const enum status status =
        segment_make(domain, &archive, RIGHT_READ, RIGHT_READ | owner_rights, out, &boot->archive);
    if (status != STATUS_OK)
        return status;
    boot->archive_address = (*out)->address;
    boot->archive_bytes = source->archive_bytes;
    return STATUS_OK;
}

static enum status devicetree_make(struct domain *domain, const struct first_domain_source *source,
                                   struct boot_record *boot)
{
    struct segment *segment;
    const struct segment_request devicetree = {
        .backing = SEGMENT_PHYSICAL,
        .length = align_up(source->devicetree_bytes, PAGE_BYTES),
        .widest = RIGHT_READ,
        .label = label("devicetree"),
        .physical = source->devicetree,
    };
    const enum status status = segment_make(domain, &devicetree, RIGHT_READ,
                                            RIGHT_READ | owner_rights, &segment, &boot->devicetree);
    if (status != STATUS_OK)
        return status;
    boot->devicetree_address = segment->address;
    boot->devicetree_bytes = source->devicetree_bytes;
    return STATUS_OK;
}

/* Copy into a segment of whole frames, through the direct map. */
static void segment_write(const struct segment *segment, uint64_t offset, const char *from,
                          uint64_t bytes)
{
    while (bytes > 0) {
        uint64_t piece = PAGE_BYTES - offset % PAGE_BYTES;
        if (piece > bytes)
            piece = bytes;
        memcpy(direct_map(segment_physical(segment, offset)), from, piece);
        offset += piece;
        from += piece;
        bytes -= piece;
    }
}

/* Text in place, data behind it at the distance that the program was linked for. */
static enum status program_make(struct domain *domain, struct segment *archive, const char *bytes,
                                const struct archive_program *program, struct boot_record *boot,
                                uaddr_t *entry)
{
    struct segment *text, *data;
    handle_t text_handle;
    const uint64_t data_length = align_up(program->data_memory_bytes, PAGE_BYTES);
    const struct segment_request text_request = {
        .backing = SEGMENT_ALIAS,
        .length = program->text_bytes + program->rodata_bytes,
        .widest = RIGHT_READ | RIGHT_EXECUTE,
        .label = label("text"),
        .reserve_slots = (uint32_t)divide_up(data_length, SLOT_BYTES),
        .execute_bytes = program->text_bytes,
        .source = archive,
        .source_offset = program->text_offset,
    };
    enum status status =
        segment_make(domain, &text_request, RIGHT_READ | RIGHT_EXECUTE,
                     RIGHT_READ | RIGHT_EXECUTE | owner_rights, &text, &text_handle);
    if (status != STATUS_OK)
        return status;
    const struct segment_request data_request = {
        .backing = SEGMENT_FRAMES,
        .length = data_length,
        .widest = RIGHT_READ | RIGHT_WRITE,
        .label = label("data"),
        .at = text->address + program->data_address_offset,
    };
    text->reserved = 0;
    status = segment_make(domain, &data_request, RIGHT_READ | RIGHT_WRITE,
                          RIGHT_READ | RIGHT_WRITE | owner_rights, &data, &boot->own_data);
    if (status != STATUS_OK)
        return status;
    segment_write(data, 0, bytes + program->data_offset, program->data_file_bytes);
    *entry = text->address + program->entry_offset;
    return STATUS_OK;
}

static enum status stack_make(struct domain *domain, struct boot_record *boot, uaddr_t *top)
{
    struct segment *stack;
    const struct segment_request request = {
        .backing = SEGMENT_FRAMES,
        .length = LAUNCHER_STACK_BYTES + PAGE_BYTES,
        .widest = RIGHT_READ | RIGHT_WRITE,
        .label = label("stack"),
        .guard_stride_pages = LAUNCHER_STACK_BYTES / PAGE_BYTES + 1,
    };
    const enum status status =
        segment_make(domain, &request, RIGHT_READ | RIGHT_WRITE,
                     RIGHT_READ | RIGHT_WRITE | owner_rights, &stack, &boot->own_stack);
    if (status != STATUS_OK)
        return status;
    const uint64_t offset = request.length - align_up(sizeof(*boot), 16);
    segment_write(stack, offset, (const char *)boot, sizeof(*boot));
    *top = stack->address + offset;
    return STATUS_OK;
}

static enum status handles_make(struct domain *domain, struct boot_record *boot)
{
    const enum status status =
        handle_insert(&domain->handles, &domain->object, RIGHT_MANAGE | RIGHT_INSPECT, 0, NULL,
                      &boot->own_domain);
    if (status != STATUS_OK)
        return status;
    for (unsigned i = 0; i < 4; i++)
        boot->random[i] = space_random() ^ timer_now_ticks();
    return handle_insert(&domain->handles, factory_make(), RIGHT_MANAGE, 0, NULL, &boot->factory);
}

enum status first_domain_create(const struct first_domain_source *source, struct domain **out)
{
    const char *bytes = direct_map(source->archive);
    const struct archive_program *program = program_find(bytes, source->archive_bytes);
    struct boot_record boot = {0};
    struct segment *archive;
    struct thread *thread;
    uaddr_t entry = 0, top = 0;

    if (program == NULL)
        return STATUS_NOT_FOUND;
    enum status status = domain_create(&launcher_attributes, NULL, out);
    if (status == STATUS_OK)
        status = handles_make(*out, &boot);
    if (status == STATUS_OK)
        status = archive_make(*out, source, &boot, &archive);
    if (status == STATUS_OK)
        status = devicetree_make(*out, source, &boot);
    if (status == STATUS_OK)
        status = program_make(*out, archive, bytes, program, &boot, &entry);
    if (status == STATUS_OK)
        status = stack_make(*out, &boot, &top);
    if (status == STATUS_OK)
        status = thread_create(*out, entry, top, top, LAUNCHER_PRIORITY, &thread);
    return status;
}
