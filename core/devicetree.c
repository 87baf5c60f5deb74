/*
 * Devicetree: the walk, and the rules by which properties are read.
 */
#include "devicetree.h"

#include "base/bits.h"
#include "base/format.h"
#include "base/string.h"

#include <libfdt.h>
#include <stdarg.h>

enum {
    TAG_SIZE = sizeof(uint32_t),
    PROPERTY_HEADER = 2 * sizeof(uint32_t), /* length and name, behind the tag */
    VERSION_MIN = 16,   /* the first with today's layout of properties and names */
    VERSION_SIZES = 17, /* the first to say how long the structure block is */
};

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

enum status devicetree_refuse_property(const struct devicetree_node *node, enum status status,
                                       const char *property, const char *format, ...)
{
    char path[MACHINE_ERROR_SIZE / 2];
    char reason[MACHINE_ERROR_SIZE / 2];
    va_list list;

    va_start(list, format);
    (void)format_text_list(reason, sizeof(reason), format, list);
    va_end(list);
    if (fdt_get_path(node->tree->fdt, (int)node->path[node->depth], path, sizeof(path)) != 0)
        (void)format_text(path, sizeof(path), "a node deep down");
    return devicetree_refuse(node->tree, status, "%s: property %s: %s", path, property, reason);
}

/* --- opening --- */

/* A big-endian word of the tree, whose blocks are aligned: devicetree_open() has seen to it. */
static uint32_t word_at(const uint8_t *at)
{
    return __builtin_bswap32(*(const uint32_t *)__builtin_assume_aligned(at, sizeof(uint32_t)));
}

/* The offset behind a tag and its padding. */
static uint32_t padded(size_t offset)
{
    return (uint32_t)align_up(offset, TAG_SIZE);
}

/* How much of the strings block is names that have an end. */
static uint32_t strings_size(const char *strings, uint32_t size)
{
    while (size > 0 && strings[size - 1] != '\0')
        size--;
    return size;
}

/*
 * The offset behind the tag at `at`, of whose kind there may be one at this `depth`; 0 if it
 * isn't whole or doesn't belong there.
 */
static uint32_t tag_check(const struct devicetree *tree, uint32_t size, uint32_t names,
                          unsigned depth, uint32_t at)
{
    const uint8_t *const tag = tree->structure + at;
    const uint32_t rest = size - at - TAG_SIZE;
    size_t length;

    switch (word_at(tag)) {
    case FDT_BEGIN_NODE:
        length = strnlen((const char *)tag + TAG_SIZE, rest);
        /* There is one root, it comes first, and it has no name. */
        return length == rest || (depth == 0) != (at == 0) || (depth == 0 && length != 0)
                   ? 0
                   : padded(at + TAG_SIZE + length + 1);
    case FDT_PROP:
        if (depth == 0 || rest < PROPERTY_HEADER)
            return 0;
        length = word_at(tag + TAG_SIZE);
        return length > rest - PROPERTY_HEADER || word_at(tag + 2 * TAG_SIZE) >= names
                   ? 0
                   : padded(at + TAG_SIZE + PROPERTY_HEADER + length);
    case FDT_END_NODE:
        return depth == 0 ? 0 : at + TAG_SIZE;
    case FDT_NOP:
        return at + TAG_SIZE;
    default:
        return 0;
    }
}

/* Pass all tags up to the last one, or the first that is wrong: there the tree ends. */
static int structure_check(struct devicetree *tree, uint32_t size, uint32_t names)
{
    unsigned depth = 0;

    for (uint32_t next = 0; next <= size && size - next >= TAG_SIZE;) {
        const uint32_t tag = word_at(tree->structure + next);

        tree->end = next;
        if (tag == FDT_END)
            return depth == 0 && next != 0 ? 0 : -FDT_ERR_BADSTRUCTURE;
        next = tag_check(tree, size, names, depth, next);
        if (next == 0)
            return -FDT_ERR_BADSTRUCTURE;
        depth += tag == FDT_BEGIN_NODE ? 1U : 0U;
        depth -= tag == FDT_END_NODE ? 1U : 0U;
    }
    return -FDT_ERR_TRUNCATED;
}

int devicetree_open(const void *fdt, size_t limit, struct machine_error *error,
                    struct devicetree *out)
{
    *out = (struct devicetree){.fdt = fdt, .error = error};
    if (limit < sizeof(struct fdt_header))
        return -FDT_ERR_TRUNCATED;

    const int result = fdt_check_header(fdt);

    if (result != 0)
        return result;
    if (fdt_totalsize(fdt) > limit)
        return -FDT_ERR_TRUNCATED;
    if (fdt_version(fdt) < VERSION_MIN)
        return -FDT_ERR_BADVERSION;
    if (fdt_off_dt_struct(fdt) % sizeof(fdt32_t) != 0
        || fdt_off_mem_rsvmap(fdt) % sizeof(fdt64_t) != 0)
        return -FDT_ERR_ALIGNMENT;

    out->structure = (const uint8_t *)fdt + fdt_off_dt_struct(fdt);
    out->strings = (const char *)fdt + fdt_off_dt_strings(fdt);
    return structure_check(out,
                           fdt_version(fdt) < VERSION_SIZES
                               ? fdt_totalsize(fdt) - fdt_off_dt_struct(fdt)
                               : fdt_size_dt_struct(fdt),
                           strings_size(out->strings, fdt_size_dt_strings(fdt)));
}

/* --- walking --- */

/* The tag at the offset, and the offset behind it; FDT_END where the tree ends. */
static uint32_t tag_at(const struct devicetree *tree, uint32_t offset, uint32_t *next)
{
    const uint8_t *const at = tree->structure + offset;

    *next = offset;
    if (offset >= tree->end)
        return FDT_END;

    const uint32_t tag = word_at(at);

    *next = offset + TAG_SIZE;
    if (tag == FDT_PROP)
        *next = padded(*next + PROPERTY_HEADER + word_at(at + TAG_SIZE));
    if (tag == FDT_BEGIN_NODE)
        *next = padded(*next + strlen((const char *)at + TAG_SIZE) + 1);
    return tag;
}

/* The property whose tag is at the offset. */
static const char *property_at(const struct devicetree *tree, uint32_t offset,
                               struct devicetree_value *value)
{
    const uint8_t *const at = tree->structure + offset + TAG_SIZE;

    *value = (struct devicetree_value){at + PROPERTY_HEADER, word_at(at)};
    return tree->strings + word_at(at + sizeof(uint32_t));
}

/* Most names differ in the first letter. */
static bool is(const char *name, const char *text)
{
    return name[0] == text[0] && strcmp(name, text) == 0;
}

static bool status_is_okay(const struct devicetree_value *status)
{
    return fdt_stringlist_contains(status->bytes, (int)status->length, "okay")
           || fdt_stringlist_contains(status->bytes, (int)status->length, "ok");
}

static void property_note(struct devicetree_node *node, uint32_t offset)
{
    struct devicetree_value value;
    const char *const name = property_at(node->tree, offset, &value);

    if (is(name, "compatible"))
        node->compatible = value;
    else if (is(name, "device_type"))
        node->device_type = value;
    else if (is(name, "status") && !status_is_okay(&value))
        node->disabled |= UINT32_C(1) << node->depth;
    else if ((is(name, "phandle") || is(name, "linux,phandle")) && value.length == DEVICETREE_CELL)
        node->phandle = word_at(value.bytes);
}

/* Stand on the node at the offset, whose depth and ancestors are already set. */
static void node_enter(struct devicetree_node *node, uint32_t offset)
{
    uint32_t next;

    node->path[node->depth] = offset;
    node->disabled &= (UINT32_C(1) << node->depth) - 1;
    node->phandle = 0;
    node->compatible = node->device_type = (struct devicetree_value){0};

    (void)tag_at(node->tree, offset, &next);
    node->properties = next;
    for (;; next = node->resume) {
        const uint32_t tag = tag_at(node->tree, next, &node->resume);

        if (tag == FDT_PROP)
            property_note(node, next);
        else if (tag != FDT_NOP)
            break;
    }
    node->resume = next;
}

bool devicetree_root(const struct devicetree *tree, struct devicetree_node *out)
{
    *out = (struct devicetree_node){.tree = tree};
    if (tree->end == 0)
        return false;
    node_enter(out, 0);
    return true;
}

bool devicetree_next(struct devicetree_node *node)
{
    unsigned depth = node->depth;

    for (uint32_t at = node->resume, next;; at = next) {
        const uint32_t tag = tag_at(node->tree, at, &next);

        if (tag == FDT_END)
            return false;
        if (tag == FDT_END_NODE)
            depth--;
        if (tag == FDT_BEGIN_NODE && ++depth < DEVICETREE_DEPTH_MAX) {
            node->depth = depth;
            node_enter(node, at);
            return true;
        }
    }
}

/* Whether `text` is the name of the node at `depth`; it may leave out "@address". */
static bool name_fits(const struct devicetree_node *node, unsigned depth, const char *text,
                      size_t length)
{
    const char *const name = (const char *)node->tree->structure + node->path[depth] + TAG_SIZE;

    return strncmp(name, text, length) == 0
           && (name[length] == '\0' || (name[length] == '@' && memchr(text, '@', length) == NULL));
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

        if (!name_fits(node, depth, path, component))
            return false;
        path += component;
        length -= component;
    }
    return length == 0;
}

bool devicetree_find_phandle(const struct devicetree *tree, uint32_t phandle,
                             struct devicetree_node *out)
{
    bool found = phandle != 0 && devicetree_root(tree, out);

    while (found && out->phandle != phandle)
        found = devicetree_next(out);
    return found;
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
    return depth <= node->depth && name_fits(node, depth, name, strlen(name));
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
    for (uint32_t at = node->properties, next; at < node->resume; at = next) {
        struct devicetree_value value;

        if (tag_at(node->tree, at, &next) != FDT_PROP
            || !is(property_at(node->tree, at, &value), name))
            continue;
        *length = value.length;
        return value.bytes;
    }
    *length = 0;
    return NULL;
}

enum status devicetree_string_if(const struct devicetree_node *node, const char *name,
                                 const char **out)
{
    size_t length;
    const char *const text = devicetree_property(node, name, &length);

    if (text == NULL)
        return STATUS_OK;
    if (memchr(text, '\0', length) == NULL)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, name, "is not a string");
    *out = text;
    return STATUS_OK;
}

uint64_t devicetree_cells(const void *cells, unsigned count)
{
    const uint8_t *const at = cells;
    uint64_t value = 0;

    for (unsigned i = 0; i < count; i++)
        value = value << 32 | word_at(at + (size_t)i * DEVICETREE_CELL);
    return value;
}

enum status devicetree_number_if(const struct devicetree_node *node, const char *name,
                                 unsigned cells_max, uint64_t *out)
{
    size_t length;
    const void *const value = devicetree_property(node, name, &length);

    if (value == NULL)
        return STATUS_OK;
    if (length != DEVICETREE_CELL && length != (size_t)cells_max * DEVICETREE_CELL)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, name,
                                          "is %zu bytes long, which is no number", length);
    *out = devicetree_cells(value, (unsigned)(length / DEVICETREE_CELL));
    return STATUS_OK;
}
