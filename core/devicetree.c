/*
 * Devicetree: the walk, and the rules by which properties are read.
 */
#include "devicetree.h"

#include "base/format.h"
#include "base/string.h"

#include <libfdt.h>
#include <stdarg.h>

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

struct devicetree_node devicetree_ancestor(const struct devicetree_node *node, unsigned depth)
{
    struct devicetree_node above = *node;

    above.depth = depth;
    return above;
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
