/*
 * Devicetree: the walk, and the rules by which properties are read.
 */
#include "devicetree.h"

#include "base/format.h"
#include "base/string.h"

#include <libfdt.h>
#include <stdarg.h>

enum { CELL = sizeof(fdt32_t), CELLS_MAX = 2 };

/* The specification's defaults for a bus that does not say. */
enum { ADDRESS_CELLS_DEFAULT = 2, SIZE_CELLS_DEFAULT = 1 };

/* Names come from the tree: what is not printable is not worth printing. */
static void sanitize(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

enum status devicetree_refuse(const struct devicetree *tree, enum status status, const char *format,
                              ...)
{
    va_list list;

    va_start(list, format);
    (void)format_text_list(tree->error->text, sizeof(tree->error->text), format, list);
    va_end(list);
    sanitize(tree->error->text);
    return status;
}

/* The node's path, cut in the middle of nowhere if it is too long. */
static void path_format(const struct devicetree_node *node, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    if (node->depth == 0)
        (void)format_text(text, size, "/");
    for (unsigned depth = 1; depth <= node->depth && used < size; depth++) {
        const char *const name = fdt_get_name(node->tree->fdt, node->path[depth], NULL);

        used += format_text(text + used, size - used, "/%s", name);
    }
}

enum status devicetree_refuse_property(const struct devicetree_node *node, enum status status,
                                       const char *property, const char *format, ...)
{
    char path[MACHINE_ERROR_SIZE / 2];
    char reason[MACHINE_ERROR_SIZE / 2];
    va_list list;

    va_start(list, format);
    (void)format_text_list(reason, sizeof(reason), format, list);
    va_end(list);
    path_format(node, path, sizeof(path));
    if (property == NULL)
        return devicetree_refuse(node->tree, status, "%s: %s", path, reason);
    return devicetree_refuse(node->tree, status, "%s: property %s: %s", path, property, reason);
}

/* --- walking --- */

struct devicetree_node devicetree_root(const struct devicetree *tree)
{
    return (struct devicetree_node){.tree = tree};
}

bool devicetree_next(struct devicetree_node *node)
{
    int offset = node->path[node->depth];
    int depth = (int)node->depth;

    do {
        offset = fdt_next_node(node->tree->fdt, offset, &depth);
        if (offset < 0 || depth <= 0)
            return false;
    } while (depth >= DEVICETREE_DEPTH_MAX);

    node->depth = (unsigned)depth;
    node->path[depth] = offset;
    return true;
}

/* A cursor for an offset that libfdt has found. */
static bool find_offset(const struct devicetree *tree, int offset, struct devicetree_node *out)
{
    struct devicetree_node node = devicetree_root(tree);

    if (offset < 0)
        return false;
    do {
        if (node.path[node.depth] == offset) {
            *out = node;
            return true;
        }
    } while (devicetree_next(&node));
    return false;
}

bool devicetree_find_path(const struct devicetree *tree, const char *path, size_t length,
                          struct devicetree_node *out)
{
    return find_offset(tree, fdt_path_offset_namelen(tree->fdt, path, (int)length), out);
}

bool devicetree_find_phandle(const struct devicetree *tree, uint32_t phandle,
                             struct devicetree_node *out)
{
    return find_offset(tree, fdt_node_offset_by_phandle(tree->fdt, phandle), out);
}

/* --- properties --- */

static const void *property_at(const struct devicetree_node *node, unsigned depth, const char *name,
                               size_t *length)
{
    int size = 0;
    const void *const value = fdt_getprop(node->tree->fdt, node->path[depth], name, &size);

    *length = value == NULL ? 0 : (size_t)size;
    return value;
}

const void *devicetree_property(const struct devicetree_node *node, const char *name,
                                size_t *length)
{
    return property_at(node, node->depth, name, length);
}

bool devicetree_is_named(const struct devicetree_node *node, unsigned depth, const char *name)
{
    const size_t length = strlen(name);
    int actual = 0;

    if (depth > node->depth)
        return false;

    const char *const text = fdt_get_name(node->tree->fdt, node->path[depth], &actual);

    return text != NULL && (size_t)actual >= length && memcmp(text, name, length) == 0
           && (text[length] == '\0' || text[length] == '@');
}

bool devicetree_is_compatible(const struct devicetree_node *node, const char *compatible)
{
    size_t length;
    const char *const list = devicetree_property(node, "compatible", &length);

    return list != NULL && fdt_stringlist_contains(list, (int)length, compatible);
}

bool devicetree_is_enabled(const struct devicetree_node *node)
{
    for (unsigned depth = 0; depth <= node->depth; depth++) {
        size_t length;
        const char *const status = property_at(node, depth, "status", &length);

        if (status == NULL)
            continue;
        if (!fdt_stringlist_contains(status, (int)length, "okay")
            && !fdt_stringlist_contains(status, (int)length, "ok"))
            return false;
    }
    return true;
}

enum status devicetree_string(const struct devicetree_node *node, const char *name,
                              const char **out)
{
    size_t length;
    const char *const text = devicetree_property(node, name, &length);

    if (text == NULL)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, name, "is missing");
    if (memchr(text, '\0', length) == NULL)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, name, "is not a string");
    *out = text;
    return STATUS_OK;
}

/* A big-endian number of `count` cells, 0 to 2 of them. */
static uint64_t cells_read(const void *cells, unsigned count)
{
    const unsigned char *const at = cells;
    uint64_t value = 0;

    for (unsigned byte = 0; byte < count * CELL; byte++)
        value = value << 8 | at[byte];
    return value;
}

static enum status number_read(const struct devicetree_node *node, const char *name,
                               unsigned cells_max, uint64_t *out)
{
    size_t length;
    const void *const value = devicetree_property(node, name, &length);

    if (value == NULL)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, name, "is missing");
    if (length != CELL && length != cells_max * CELL)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, name,
                                          "is %zu bytes long, which is no number", length);
    *out = cells_read(value, (unsigned)(length / CELL));
    return STATUS_OK;
}

enum status devicetree_u32(const struct devicetree_node *node, const char *name, uint32_t *out)
{
    uint64_t value;
    const enum status status = number_read(node, name, 1, &value);

    if (status == STATUS_OK)
        *out = (uint32_t)value;
    return status;
}

enum status devicetree_u64(const struct devicetree_node *node, const char *name, uint64_t *out)
{
    return number_read(node, name, 2, out);
}

/* --- addresses --- */

struct bus {
    unsigned address_cells;
    unsigned size_cells;
};

static struct devicetree_node ancestor(const struct devicetree_node *node, unsigned depth)
{
    struct devicetree_node above = *node;

    above.depth = depth;
    return above;
}

static enum status cell_count_read(const struct devicetree_node *node, const char *name,
                                   unsigned fallback, unsigned *out)
{
    uint32_t count = fallback;
    size_t length;

    if (devicetree_property(node, name, &length) != NULL) {
        const enum status status = devicetree_u32(node, name, &count);

        if (status != STATUS_OK)
            return status;
    }
    if (count > CELLS_MAX)
        return devicetree_refuse_property(node, STATUS_NOT_SUPPORTED, name,
                                          "is %u, more than 64 bits", count);
    *out = count;
    return STATUS_OK;
}

/* How the children of the ancestor at `depth` write their addresses. */
static enum status bus_read(const struct devicetree_node *node, unsigned depth, struct bus *out)
{
    const struct devicetree_node above = ancestor(node, depth);
    enum status status =
        cell_count_read(&above, "#address-cells", ADDRESS_CELLS_DEFAULT, &out->address_cells);

    if (status != STATUS_OK)
        return status;
    status = cell_count_read(&above, "#size-cells", SIZE_CELLS_DEFAULT, &out->size_cells);
    if (status != STATUS_OK)
        return status;
    if (out->address_cells == 0)
        return devicetree_refuse_property(&above, STATUS_BAD_DATA, "#address-cells",
                                          "is 0, yet there are addresses below");
    return STATUS_OK;
}

struct reg {
    const unsigned char *entries;
    unsigned count;
    unsigned entry_size;
    struct bus bus;
};

static enum status reg_open(const struct devicetree_node *node, struct reg *out)
{
    size_t length;
    const enum status status =
        node->depth == 0
            ? devicetree_refuse_property(node, STATUS_NOT_FOUND, "reg", "the root has none")
            : bus_read(node, node->depth - 1, &out->bus);

    if (status != STATUS_OK)
        return status;
    out->entries = devicetree_property(node, "reg", &length);
    out->entry_size = (out->bus.address_cells + out->bus.size_cells) * CELL;
    if (length % out->entry_size != 0)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "reg",
                                          "is %zu bytes long, not a multiple of %u", length,
                                          out->entry_size);
    out->count = (unsigned)(length / out->entry_size);
    return STATUS_OK;
}

enum status devicetree_reg_count(const struct devicetree_node *node, unsigned *out)
{
    struct reg reg;
    const enum status status = reg_open(node, &reg);

    if (status == STATUS_OK)
        *out = reg.count;
    return status;
}

static enum status reg_entry(const struct devicetree_node *node, unsigned index,
                             struct machine_range *out)
{
    struct reg reg;
    const enum status status = reg_open(node, &reg);

    if (status != STATUS_OK)
        return status;
    if (index >= reg.count)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, "reg",
                                          "has %u entries, %u are needed", reg.count, index + 1);

    const unsigned char *const entry = reg.entries + (size_t)index * reg.entry_size;

    out->base = cells_read(entry, reg.bus.address_cells);
    out->size = cells_read(entry + reg.bus.address_cells * CELL, reg.bus.size_cells);
    return STATUS_OK;
}

enum status devicetree_reg_number(const struct devicetree_node *node, unsigned index, uint64_t *out)
{
    struct machine_range range;
    const enum status status = reg_entry(node, index, &range);

    if (status == STATUS_OK)
        *out = range.base;
    return status;
}

/* Whether [base, base + size) lies in [outer, outer + outer_size), none of which wraps unseen. */
static bool lies_within(uint64_t base, uint64_t size, uint64_t outer, uint64_t outer_size)
{
    return base >= outer && base - outer <= outer_size && size <= outer_size - (base - outer);
}

/* Carry `range` from the address space below the bus at `depth` to the one above it. */
static enum status translate_once(const struct devicetree_node *node, unsigned depth,
                                  struct machine_range *range)
{
    const struct devicetree_node bus = ancestor(node, depth);
    struct bus below, above;
    size_t length;
    const unsigned char *entry = devicetree_property(&bus, "ranges", &length);
    enum status status = bus_read(node, depth, &below);

    if (status == STATUS_OK)
        status = bus_read(node, depth - 1, &above);
    if (status != STATUS_OK)
        return status;
    if (entry == NULL)
        return devicetree_refuse_property(&bus, STATUS_NOT_FOUND, "ranges",
                                          "is missing: what lies below has no address");
    if (length == 0)
        return STATUS_OK;

    const unsigned entry_size =
        (below.address_cells + above.address_cells + below.size_cells) * CELL;

    if (length % entry_size != 0)
        return devicetree_refuse_property(&bus, STATUS_BAD_DATA, "ranges",
                                          "is %zu bytes long, not a multiple of %u", length,
                                          entry_size);
    for (const unsigned char *const end = entry + length; entry < end; entry += entry_size) {
        const unsigned char *const parent = entry + below.address_cells * CELL;
        const uint64_t child_base = cells_read(entry, below.address_cells);
        const uint64_t parent_base = cells_read(parent, above.address_cells);
        const uint64_t size = cells_read(parent + above.address_cells * CELL, below.size_cells);

        if (lies_within(range->base, range->size, child_base, size)) {
            range->base = parent_base + (range->base - child_base);
            return STATUS_OK;
        }
    }
    return devicetree_refuse_property(&bus, STATUS_BAD_DATA, "ranges", "does not cover %#llx",
                                      (unsigned long long)range->base);
}

enum status devicetree_reg(const struct devicetree_node *node, unsigned index,
                           struct machine_range *out)
{
    struct machine_range range;
    enum status status = reg_entry(node, index, &range);

    for (unsigned depth = node->depth - 1; status == STATUS_OK && depth > 0; depth--)
        status = translate_once(node, depth, &range);
    if (status != STATUS_OK)
        return status;
    if (range.base + range.size < range.base)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "reg",
                                          "entry %u runs past the end of memory", index);
    *out = range;
    return STATUS_OK;
}

/* --- interrupts --- */

static enum status controller_find(const struct devicetree_node *node, const char *property,
                                   uint32_t phandle, struct devicetree_interrupt *out)
{
    uint32_t count;

    if (!devicetree_find_phandle(node->tree, phandle, &out->controller))
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, property,
                                          "there is no node with phandle %#x", phandle);

    const enum status status = devicetree_u32(&out->controller, "#interrupt-cells", &count);

    if (status != STATUS_OK)
        return status;
    if (count == 0 || count > DEVICETREE_INTERRUPT_CELLS_MAX)
        return devicetree_refuse_property(&out->controller, STATUS_NOT_SUPPORTED,
                                          "#interrupt-cells", "is %u", count);
    out->cell_count = count;
    return STATUS_OK;
}

static void interrupt_cells_read(const unsigned char *cells, struct devicetree_interrupt *out)
{
    for (unsigned i = 0; i < out->cell_count; i++)
        out->cells[i] = (uint32_t)cells_read(cells + (size_t)i * CELL, 1);
}

/* Each entry is a phandle and as many cells as that controller wants. */
static enum status interrupt_extended(const struct devicetree_node *node, unsigned index,
                                      const unsigned char *at, size_t length,
                                      struct devicetree_interrupt *out)
{
    static const char name[] = "interrupts-extended";

    for (unsigned entry = 0; length >= CELL; entry++) {
        const enum status status = controller_find(node, name, (uint32_t)cells_read(at, 1), out);

        if (status != STATUS_OK)
            return status;

        const size_t size = (1 + out->cell_count) * CELL;

        if (length < size)
            return devicetree_refuse_property(node, STATUS_BAD_DATA, name, "ends in an entry");
        if (entry == index) {
            interrupt_cells_read(at + CELL, out);
            return STATUS_OK;
        }
        at += size;
        length -= size;
    }
    return devicetree_refuse_property(node, STATUS_NOT_FOUND, name, "has no entry %u", index);
}

/* The nearest "interrupt-parent" of the node or its ancestors. */
static enum status interrupt_parent_find(const struct devicetree_node *node,
                                         struct devicetree_interrupt *out)
{
    static const char name[] = "interrupt-parent";

    for (unsigned depth = node->depth + 1; depth-- > 0;) {
        const struct devicetree_node above = ancestor(node, depth);
        uint32_t phandle;
        size_t length;

        if (devicetree_property(&above, name, &length) == NULL)
            continue;

        const enum status status = devicetree_u32(&above, name, &phandle);

        return status == STATUS_OK ? controller_find(&above, name, phandle, out) : status;
    }
    return devicetree_refuse_property(node, STATUS_NOT_FOUND, name,
                                      "is missing, here and in every node above");
}

enum status devicetree_interrupt(const struct devicetree_node *node, unsigned index,
                                 struct devicetree_interrupt *out)
{
    size_t length;
    const unsigned char *cells = devicetree_property(node, "interrupts-extended", &length);

    if (cells != NULL)
        return interrupt_extended(node, index, cells, length, out);
    cells = devicetree_property(node, "interrupts", &length);
    if (cells == NULL)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, "interrupts", "is missing");

    const enum status status = interrupt_parent_find(node, out);

    if (status != STATUS_OK)
        return status;

    const size_t size = out->cell_count * CELL;

    if (length % size != 0)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "interrupts",
                                          "is %zu bytes long, not a multiple of %zu", length, size);
    if (index >= length / size)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, "interrupts",
                                          "has %zu entries, %u are needed", length / size,
                                          index + 1);
    interrupt_cells_read(cells + index * size, out);
    return STATUS_OK;
}
