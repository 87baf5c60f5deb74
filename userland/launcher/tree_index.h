/*
 * Tree index: a devicetree, walked once.
 *
 * libfdt keeps no state, so it answers each question about parents, phandles and
 * compatible strings by walking the tree from its start.  The index remembers them for
 * each node; properties are then looked up inside their node only.
 *
 * Pure: reads the tree, calls nobody.
 */
#pragma once

#include "abi/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TREE_NODES_MAX = 1024 };

struct tree_node {
    int offset; /* libfdt's */
    int parent; /* its number in the index; -1: none */
    uint32_t phandle;
    uint32_t compatible_bytes;
    const char *compatible; /* list of strings, each ended; NULL: none */
};

/* All nodes in the tree's order; the root is number 0. */
struct tree_index {
    const void *tree;
    struct tree_node nodes[TREE_NODES_MAX];
    int node_count;
};

/*
 * Make the index of the tree at `tree`, 8-byte aligned and `tree_bytes` long.
 * Ownership: `*out` keeps pointers into the tree.
 * Errors: BAD_DATA (no devicetree, or one with more nodes than the index holds); `*why` says so.
 */
CHECK_RESULT enum status tree_index_read(const void *tree, size_t tree_bytes,
                                         struct tree_index *out, const char **why);

/* A property of node number `node` and its length; NULL if it has none of that name. */
const void *tree_index_property(const struct tree_index *index, int node, const char *name,
                                int *bytes);

/* A property that counts cells; `fallback` where there is none, 0 where it makes no sense. */
int tree_index_cells(const struct tree_index *index, int node, const char *name, int fallback);

/* The node with this phandle; -1: none. */
int tree_index_by_phandle(const struct tree_index *index, uint32_t phandle);

bool tree_index_is_compatible(const struct tree_index *index, int node, const char *compatible);
