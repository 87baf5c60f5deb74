/*
 * Places: the launcher's own segments first, then the kernel's records.
 */
#include "places.h"

#include "origin.h"

#include "rt/syscall.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The kernel's link address, where its symbols count from. */
static const uint64_t kernel_base = UINT64_C(0xffffffff80000000);
static const uint64_t kernel_bytes = UINT64_C(0x01000000);

static bool segment_contains(const struct loaded_segment *segment, uint64_t address)
{
    return address - segment->address < segment->bytes;
}

/* ---- code ---- */

static const struct archive_program *program_at(uint64_t address, uint64_t *offset)
{
    if (address - kernel_base < kernel_bytes) {
        *offset = address - kernel_base;
        return archive_find(&origin_get()->archive, "kernel");
    }
    for (unsigned i = 0; i < supervisor_count(); i++) {
        const struct loaded *loaded = &supervisor_child(i)->loaded;
        if (segment_contains(&loaded->text, address)) {
            *offset = address - loaded->text.address;
            return loaded->program;
        }
    }
    return NULL;
}

struct place_text place_symbol(uint64_t address)
{
    struct place_text out = {.text = ""};
    struct archive_place place;
    uint64_t offset = 0;
    const struct archive_program *program = program_at(address, &offset);

    if (program == NULL
        || archive_symbolise(&origin_get()->archive, program, offset, &place) != STATUS_OK)
        return out;
    (void)snprintf(out.text, sizeof out.text, "%.32s+0x%llx (%.16s)", place.function,
                   (unsigned long long)place.offset, program->name);
    return out;
}

/* ---- owners ---- */

struct name place_domain_name(uint32_t domain_id)
{
    const struct child *child = supervisor_by_id(domain_id);
    char text[2 * NAME_BYTES];

    if (domain_id == 0)
        return name_from("kernel");
    if (child != NULL)
        return name_from(child->domain->name);
    (void)snprintf(text, sizeof text, "domain %u", (unsigned)domain_id);
    return name_from(text);
}

static const struct child *child_served_by(uint64_t address)
{
    for (unsigned i = 0; i < supervisor_count(); i++) {
        const struct child *child = supervisor_child(i);
        const struct loaded *loaded = &child->loaded;
        if (segment_contains(&loaded->text, address) || segment_contains(&loaded->data, address)
            || segment_contains(&loaded->stack, address))
            return child;
        for (uint32_t j = 0; j < loaded->claims.count; j++) {
            const struct claimed *claimed = &loaded->claims.devices[j];
            for (uint32_t k = 0; k < claimed->device.register_count; k++) {
                const struct registers *registers = &claimed->registers[k];
                if (registers->segment != 0 && address - registers->page < registers->page_bytes)
                    return child;
            }
        }
    }
    return NULL;
}

struct name place_owner_name(uint64_t address, uint32_t maker_id)
{
    const struct child *child = child_served_by(address);

    if (child != NULL)
        return name_from(child->domain->name);
    /* Memory outlives its maker for as long as somebody else sees it. */
    return maker_id == 0 ? name_from("a gone domain") : place_domain_name(maker_id);
}

struct name place_without_domain(uint64_t address)
{
    return name_from(address >> 63 != 0 ? "kernel" : "nobody");
}

/* ---- views ---- */

/* What `child` may do at `address`; the first record from its slot on tells. */
static bool view_find(const struct child *child, uint64_t address, struct info_view *out)
{
    const handle_t domain = child->index == 0 ? 0 : child->loaded.domain;
    uint64_t next = 0;

    if (child->state != INSPECT_RUNNING)
        return false;
    return domain_info(domain, INFO_VIEW, address >> SLOT_SHIFT, out, sizeof *out, &next)
               == STATUS_OK
           && address - out->address < out->length;
}

static void describe_view(const struct child *child, const struct info_view *view,
                          struct inspect_address *out)
{
    out->segment = view->address;
    out->length = view->length;
    out->label = view->label;
    out->owner = place_owner_name(view->address, view->owner_domain_id);
    out->widest = view->widest;
    out->is_device = view->is_device;
    out->view_count = view->view_count;
    out->physical = view->physical;
    if (out->access_count < INSPECT_ACCESS_MAX)
        out->access[out->access_count++] = (struct inspect_access){
            .domain = name_from(child->domain->name), .rights = view->rights};
}

void place_describe(uint64_t address, struct inspect_address *out)
{
    *out = (struct inspect_address){.address = address};
    for (unsigned i = 0; i < supervisor_count(); i++) {
        struct info_view view;
        if (view_find(supervisor_child(i), address, &view))
            describe_view(supervisor_child(i), &view, out);
    }
    if (address - kernel_base < kernel_bytes)
        out->owner = name_from("kernel");
    memcpy(out->symbol, place_symbol(address).text, sizeof out->symbol);
}

const char *place_rights_text(rights_t rights)
{
    static const char *const texts[8] = {
        [0] = "do nothing",
        [RIGHT_READ] = "read",
        [RIGHT_WRITE] = "write",
        [RIGHT_READ | RIGHT_WRITE] = "read and write",
        [RIGHT_EXECUTE] = "execute",
        [RIGHT_READ | RIGHT_EXECUTE] = "read and execute",
        [RIGHT_WRITE | RIGHT_EXECUTE] = "write and execute",
        [RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE] = "read, write and execute",
    };

    return texts[rights & RIGHTS_MEMORY];
}
