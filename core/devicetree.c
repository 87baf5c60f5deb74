/*
 * Devicetree: the walk, and the rules by which properties are read.
 */
#include "devicetree.h"

#include "base/format.h"
#include "base/string.h"

#include <libfdt.h>
#include <stdarg.h>

enum { PROPERTY_HEADER = 2 * sizeof(uint32_t) }; /* length and name, behind the tag */

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
    for (unsigned depth = 1; depth <= node->depth && used < size; depth++)
        used += format_text(text + used, size - used, "/%s", node->names[depth]);
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

/* A big-endian word of the tree, whose blocks are aligned: walkable_check() has seen to it. */
static uint32_t word_at(const uint8_t *at)
{
    return __builtin_bswap32(*(const uint32_t *)__builtin_assume_aligned(at, sizeof(uint32_t)));
}

static uint32_t header_at(const void *fdt, size_t field)
{
    return word_at((const uint8_t *)fdt + field);
}

static const uint8_t *structure_of(const void *fdt)
{
    return (const uint8_t *)fdt + header_at(fdt, offsetof(struct fdt_header, off_dt_struct));
}

/*
 * Whether the string at `offset` of the strings block is `name`, which is `size` bytes
 * with its terminator.  Nothing is known of the block but its bounds.
 */
static bool string_is(const void *fdt, uint32_t offset, const char *name, size_t size)
{
    const uint32_t end = header_at(fdt, offsetof(struct fdt_header, size_dt_strings));
    const char *const strings =
        (const char *)fdt + header_at(fdt, offsetof(struct fdt_header, off_dt_strings));

    return offset < end && end - offset >= size && strings[offset] == name[0]
           && memcmp(strings + offset, name, size) == 0;
}

/* Version 16 doesn't say; then it may reach to the end of the tree. */
static size_t structure_size(const void *fdt)
{
    if (header_at(fdt, offsetof(struct fdt_header, version)) >= 17)
        return header_at(fdt, offsetof(struct fdt_header, size_dt_struct));
    return header_at(fdt, offsetof(struct fdt_header, totalsize))
           - header_at(fdt, offsetof(struct fdt_header, off_dt_struct));
}

/*
 * The tag at `offset` of the structure block, and where the next one is; FDT_END and a negative
 * offset if it isn't whole.  As fdt_next_tag(), which looks at the header again for each byte of a
 * name: on QEMU's tree that is most of what booting takes.
 */
static uint32_t tag_at(const void *fdt, int offset, int *next)
{
    const uint8_t *const block = structure_of(fdt);
    const size_t size = structure_size(fdt);
    size_t at = (size_t)(unsigned)offset;

    *next = -FDT_ERR_TRUNCATED;
    if (offset < 0 || at % FDT_TAGSIZE != 0 || at > size || size - at < FDT_TAGSIZE)
        return FDT_END;

    const uint32_t tag = word_at(block + at);
    at += FDT_TAGSIZE;
    if (tag == FDT_BEGIN_NODE) {
        const uint8_t *const end = memchr(block + at, '\0', size - at);
        if (end == NULL)
            return FDT_END;
        at = (size_t)(end - block) + 1;
    } else if (tag == FDT_PROP) {
        if (size - at < PROPERTY_HEADER || word_at(block + at) > size - at - PROPERTY_HEADER)
            return FDT_END;
        at += PROPERTY_HEADER + word_at(block + at);
    } else if (tag != FDT_END_NODE && tag != FDT_NOP && tag != FDT_END) {
        return FDT_END;
    }
    *next = (int)((at + FDT_TAGSIZE - 1) & ~((size_t)FDT_TAGSIZE - 1));
    return tag;
}

static bool status_is_okay(const struct devicetree_value *status)
{
    return fdt_stringlist_contains(status->bytes, (int)status->length, "okay")
           || fdt_stringlist_contains(status->bytes, (int)status->length, "ok");
}

/* Note the property at `offset`, a tag that tag_at() has found whole. */
static void property_note(struct devicetree_node *node, int offset)
{
    const void *const fdt = node->tree->fdt;
    const uint8_t *const property = structure_of(fdt) + offset + FDT_TAGSIZE;
    const uint32_t name = word_at(property + sizeof(uint32_t));
    const struct devicetree_value value = {(const char *)property + PROPERTY_HEADER,
                                           word_at(property)};

    if (string_is(fdt, name, "compatible", sizeof("compatible")))
        node->compatible = value;
    else if (string_is(fdt, name, "device_type", sizeof("device_type")))
        node->device_type = value;
    else if (string_is(fdt, name, "status", sizeof("status")) && !status_is_okay(&value))
        node->disabled |= UINT32_C(1) << node->depth;
    else if ((string_is(fdt, name, "phandle", sizeof("phandle"))
              || string_is(fdt, name, "linux,phandle", sizeof("linux,phandle")))
             && value.length == DEVICETREE_CELL)
        node->phandle = (uint32_t)devicetree_cells(value.bytes, 1);
}

/* Stand on the node at `offset`, whose depth and ancestors are already set. */
static void node_enter(struct devicetree_node *node, int offset)
{
    const void *const fdt = node->tree->fdt;
    int next = offset;

    node->path[node->depth] = offset;
    node->names[node->depth] = (const char *)structure_of(fdt) + offset + FDT_TAGSIZE;
    node->disabled &= (UINT32_C(1) << node->depth) - 1;
    node->phandle = 0;
    node->compatible = (struct devicetree_value){0};
    node->device_type = (struct devicetree_value){0};

    (void)tag_at(fdt, offset, &next);
    for (node->resume = next; next >= 0; node->resume = next) {
        const uint32_t tag = tag_at(fdt, node->resume, &next);

        if (tag == FDT_PROP)
            property_note(node, node->resume);
        else if (tag != FDT_NOP)
            return;
    }
}

struct devicetree_node devicetree_root(const struct devicetree *tree)
{
    struct devicetree_node node = {.tree = tree};

    node_enter(&node, 0);
    return node;
}

bool devicetree_next(struct devicetree_node *node)
{
    unsigned depth = node->depth;

    for (int at = node->resume, next = at; at >= 0; at = next) {
        const uint32_t tag = tag_at(node->tree->fdt, at, &next);

        if (tag == FDT_END || (tag == FDT_END_NODE && depth == 0))
            return false;
        if (tag == FDT_END_NODE)
            depth--;
        if (tag == FDT_BEGIN_NODE && ++depth < DEVICETREE_DEPTH_MAX) {
            node->depth = depth;
            node_enter(node, at);
            return true;
        }
    }
    return false;
}

/* Whether `name` is the node name that begins at `text`, which may leave out "@address". */
static bool name_fits(const char *name, const char *text, size_t length)
{
    const size_t own = strlen(name);

    return own >= length && memcmp(name, text, length) == 0
           && (own == length || (name[length] == '@' && memchr(text, '@', length) == NULL));
}

bool devicetree_is_at(const struct devicetree_node *node, const char *path, size_t length)
{
    for (unsigned depth = 1; depth <= node->depth; depth++) {
        if (length == 0 || *path != '/')
            return false;
        path++;
        length--;

        const char *const slash = memchr(path, '/', length);
        const size_t component = slash == NULL ? length : (size_t)(slash - path);

        if (!name_fits(node->names[depth], path, component))
            return false;
        path += component;
        length -= component;
    }
    return length == 0;
}

bool devicetree_find_path(const struct devicetree *tree, const char *path, size_t length,
                          struct devicetree_node *out)
{
    struct devicetree_node node = devicetree_root(tree);

    while (devicetree_next(&node)) {
        if (devicetree_is_at(&node, path, length)) {
            *out = node;
            return true;
        }
    }
    return false;
}

bool devicetree_find_phandle(const struct devicetree *tree, uint32_t phandle,
                             struct devicetree_node *out)
{
    struct devicetree_node node = devicetree_root(tree);

    while (phandle != 0 && devicetree_next(&node)) {
        if (node.phandle == phandle) {
            *out = node;
            return true;
        }
    }
    return false;
}

struct devicetree_node devicetree_ancestor(const struct devicetree_node *node, unsigned depth)
{
    struct devicetree_node above = *node;

    above.depth = depth;
    node_enter(&above, node->path[depth]);
    return above;
}

/* --- properties --- */

bool devicetree_is_named(const struct devicetree_node *node, unsigned depth, const char *name)
{
    return depth <= node->depth && name_fits(node->names[depth], name, strlen(name));
}

bool devicetree_is_compatible(const struct devicetree_node *node, const char *compatible)
{
    return node->compatible.bytes != NULL
           && fdt_stringlist_contains(node->compatible.bytes, (int)node->compatible.length,
                                      compatible);
}

bool devicetree_is_type(const struct devicetree_node *node, const char *device_type)
{
    const size_t size = strlen(device_type) + 1;

    return node->device_type.length == size
           && memcmp(node->device_type.bytes, device_type, size) == 0;
}

bool devicetree_is_enabled(const struct devicetree_node *node)
{
    return node->disabled == 0;
}

const void *devicetree_property(const struct devicetree_node *node, const char *name,
                                size_t *length)
{
    int size = 0;
    const void *const value = fdt_getprop(node->tree->fdt, node->path[node->depth], name, &size);

    *length = value == NULL ? 0 : (size_t)size;
    return value;
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

uint64_t devicetree_cells(const void *cells, unsigned count)
{
    const unsigned char *const at = cells;
    uint64_t value = 0;

    for (unsigned byte = 0; byte < count * DEVICETREE_CELL; byte++)
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
    if (length != DEVICETREE_CELL && length != cells_max * DEVICETREE_CELL)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, name,
                                          "is %zu bytes long, which is no number", length);
    *out = devicetree_cells(value, (unsigned)(length / DEVICETREE_CELL));
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
