/*
 * Tree index: the walk, and looking things up.
 */
#include "tree_index.h"

#include "property.h"

#include <libfdt.h>

#include <string.h>

/* What the property at `offset` adds to its node. */
static void node_take_property(struct tree_node *node, const void *tree, int offset)
{
    const char *name = NULL;
    int bytes;
    const void *value = fdt_getprop_by_offset(tree, offset, &name, &bytes);

    if (value == NULL || bytes <= 0)
        return;
    if (strcmp(name, "phandle") == 0 && bytes == (int)sizeof(fdt32_t)) {
        node->phandle = fdt32_ld(value);
    } else if (strcmp(name, "compatible") == 0 && ((const char *)value)[bytes - 1] == '\0') {
        node->compatible = value;
        node->compatible_bytes = (uint32_t)bytes;
    }
}

/* One step of the walk; `*at` is the node that is open, -1 before the root. */
static const char *index_take(struct tree_index *index, uint32_t tag, int offset, int *at)
{
    if (tag == FDT_END_NODE && *at >= 0)
        *at = index->nodes[*at].parent;
    if (tag == FDT_PROP && *at >= 0)
        node_take_property(&index->nodes[*at], index->tree, offset);
    if (tag != FDT_BEGIN_NODE)
        return NULL;
    if (index->node_count == TREE_NODES_MAX)
        return "it has too many nodes";
    index->nodes[index->node_count] = (struct tree_node){.offset = offset, .parent = *at};
    *at = index->node_count++;
    return NULL;
}

enum status tree_index_read(const void *tree, size_t tree_bytes, struct tree_index *out,
                            const char **why)
{
    const char *wrong = property_check_header(tree, tree_bytes);
    int offset = 0;
    int next = 0;
    int at = -1;

    out->tree = tree;
    out->node_count = 0;
    while (wrong == NULL) {
        const uint32_t tag = fdt_next_tag(tree, offset, &next);
        if (tag == FDT_END && next >= 0)
            return STATUS_OK;
        wrong = next < 0 ? fdt_strerror(next) : index_take(out, tag, offset, &at);
        offset = next;
    }
    *why = wrong;
    return STATUS_BAD_DATA;
}

const void *tree_index_property(const struct tree_index *index, int node, const char *name,
                                int *bytes)
{
    return fdt_getprop(index->tree, index->nodes[node].offset, name, bytes);
}

int tree_index_cells(const struct tree_index *index, int node, const char *name, int fallback)
{
    int bytes;
    const void *value = tree_index_property(index, node, name, &bytes);

    if (value == NULL)
        return fallback;
    const uint32_t cells = bytes == (int)sizeof(fdt32_t) ? fdt32_ld(value) : 0;
    return cells <= FDT_MAX_NCELLS ? (int)cells : 0;
}

int tree_index_by_phandle(const struct tree_index *index, uint32_t phandle)
{
    for (int i = 0; i < index->node_count; i++) {
        if (index->nodes[i].phandle == phandle)
            return i;
    }
    return -1;
}

bool tree_index_is_compatible(const struct tree_index *index, int node, const char *compatible)
{
    const struct tree_node *at = &index->nodes[node];
    const size_t length = strlen(compatible) + 1;

    if (at->compatible == NULL)
        return false;
    const char *end = at->compatible + at->compatible_bytes;
    for (const char *text = at->compatible; text < end; text += strlen(text) + 1) {
        if ((size_t)(end - text) >= length && memcmp(text, compatible, length) == 0)
            return true;
    }
    return false;
}
