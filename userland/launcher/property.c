/*
 * Property: reading typed values out of a devicetree.
 *
 * fdt_check_full() has found the tree's structure sound; what is checked here is what
 * the properties say.
 */
#include "property.h"

#include "abi/types.h"

#include <libfdt.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PROPERTY_WORD_MAX = 32 };

enum status property_refuse(const struct property_reader *reader, const char *property,
                            const char *format, ...)
{
    char why[PROPERTY_ERROR_BYTES];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, sizeof why, format, list);
    va_end(list);
    (void)snprintf(reader->error->text, sizeof reader->error->text, "%.40s%s%.40s: %.100s",
                   reader->where, property[0] == '\0' ? "" : ": ", property, why);
    return STATUS_BAD_DATA;
}

enum status property_cells(const struct property_reader *reader, const char *property,
                           uint32_t count, uint32_t *out)
{
    int bytes;
    const void *cells = fdt_getprop(reader->tree, reader->node, property, &bytes);

    if (cells == NULL)
        return STATUS_OK;
    if (bytes != (int)(count * sizeof(fdt32_t)))
        return property_refuse(reader, property, "takes %u numbers, has %d bytes", (unsigned)count,
                               bytes);
    for (uint32_t i = 0; i < count; i++)
        out[i] = fdt32_ld((const fdt32_t *)cells + i);
    return STATUS_OK;
}

enum status property_number(const struct property_reader *reader, const char *property,
                            uint32_t least, uint32_t most, uint32_t *out)
{
    uint32_t value = *out;
    const enum status s = property_cells(reader, property, 1, &value);

    if (s != STATUS_OK || fdt_getprop(reader->tree, reader->node, property, NULL) == NULL)
        return s;
    if (value < least || value > most)
        return property_refuse(reader, property, "%u is not between %u and %u", (unsigned)value,
                               (unsigned)least, (unsigned)most);
    *out = value;
    return STATUS_OK;
}

enum status property_size(const struct property_reader *reader, const char *property,
                          uint32_t least, uint32_t most, uint32_t *out)
{
    const enum status s = property_number(reader, property, least, most, out);

    if (s == STATUS_OK && *out % PAGE_BYTES != 0)
        return property_refuse(reader, property, "%u is not a multiple of the page size",
                               (unsigned)*out);
    return s;
}

enum status property_flag(const struct property_reader *reader, const char *property, bool *out)
{
    int bytes;

    if (fdt_getprop(reader->tree, reader->node, property, &bytes) == NULL)
        return STATUS_OK;
    if (bytes != 0)
        return property_refuse(reader, property, "takes no value");
    *out = true;
    return STATUS_OK;
}

enum status property_strings(const struct property_reader *reader, const char *property,
                             uint32_t most, size_t longest, const char **out, uint32_t *count)
{
    int bytes;
    const char *text = fdt_getprop(reader->tree, reader->node, property, &bytes);
    uint32_t found = 0;

    if (text == NULL)
        return STATUS_OK;
    if (bytes == 0 || text[bytes - 1] != '\0')
        return property_refuse(reader, property, "is not text");
    for (const char *next = text; next < text + bytes; next += strlen(next) + 1) {
        if (found == most)
            return property_refuse(reader, property, "has more than %u names", (unsigned)most);
        if (next[0] == '\0' && most > 1)
            return property_refuse(reader, property, "has an empty name");
        if (strlen(next) > longest)
            return property_refuse(reader, property, "'%.32s' is longer than %u characters", next,
                                   (unsigned)longest);
        out[found++] = next;
    }
    *count = found;
    return STATUS_OK;
}

enum status property_string(const struct property_reader *reader, const char *property,
                            size_t longest, const char **out)
{
    uint32_t count = 0;

    return property_strings(reader, property, 1, longest, out, &count);
}

enum status property_word(const struct property_reader *reader, const char *property,
                          const char *const *words, uint32_t word_count, uint32_t *out)
{
    const char *text = NULL;
    const enum status s = property_string(reader, property, PROPERTY_WORD_MAX, &text);

    if (s != STATUS_OK || text == NULL)
        return s;
    for (uint32_t i = 0; i < word_count; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return STATUS_OK;
        }
    }
    return property_refuse(reader, property, "'%s' is not a word that it knows", text);
}

enum status property_check(const struct property_reader *reader, const char *const *known,
                           size_t known_count)
{
    int at;

    fdt_for_each_property_offset(at, reader->tree, reader->node)
    {
        const char *name = NULL;
        size_t i = 0;
        if (fdt_getprop_by_offset(reader->tree, at, &name, NULL) == NULL)
            return property_refuse(reader, "", "a property cannot be read");
        while (i < known_count && strcmp(known[i], name) != 0)
            i++;
        if (i == known_count)
            return property_refuse(reader, name, "is not a property that the manifest knows");
    }
    return STATUS_OK;
}

const char *property_check_header(const void *tree, size_t tree_bytes)
{
    if (tree_bytes < sizeof(struct fdt_header))
        return fdt_strerror(-FDT_ERR_TRUNCATED);
    int bad = fdt_check_header(tree);
    if (bad == 0 && fdt_totalsize(tree) > tree_bytes)
        bad = -FDT_ERR_TRUNCATED;
    /* libfdt reads whole words where the header says that the parts start. */
    if (bad == 0
        && (fdt_off_dt_struct(tree) % sizeof(fdt32_t) != 0
            || fdt_off_mem_rsvmap(tree) % sizeof(fdt64_t) != 0))
        bad = -FDT_ERR_ALIGNMENT;
    return bad == 0 ? NULL : fdt_strerror(bad);
}

const char *property_check_tree(const void *tree, size_t tree_bytes)
{
    const char *why = property_check_header(tree, tree_bytes);
    const int bad = why != NULL ? 0 : fdt_check_full(tree, tree_bytes);

    return bad == 0 ? why : fdt_strerror(bad);
}
