/*
 * Devicetree: walking a flattened tree and reading properties that may be lies.
 *
 * A cursor knows the whole path from the root to its node, so what depends on
 * parents (cell counts, address translation, interrupt parents, status) needs no
 * searching upwards.  Stepping from node to node passes each tag of the tree once and
 * notes the few properties that every visitor asks for; libfdt's own search by name
 * starts over for each question, which is most of a small kernel's boot.  All reads are
 * bounded by the property's length; every refusal writes one sentence that begins with
 * the node's path and the property's name.
 * Source: Devicetree Specification 0.4, sections 2.2 and 2.3, chapter 5.
 */
#pragma once

#include "abi/status.h"
#include "core/machine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DEVICETREE_DEPTH_MAX = 16, /* nodes below that are passed over */
    DEVICETREE_CELL = 4,       /* bytes of the unit that numbers are made of */
};

struct devicetree {
    const void *fdt; /* its header has been checked */
    struct machine_error *error;
};

/* A property's value, borrowed from the tree; `bytes` is NULL if there is no such property. */
struct devicetree_value {
    const void *bytes;
    size_t length;
};

struct devicetree_node {
    const struct devicetree *tree;
    unsigned depth;                          /* 0: the root */
    uint32_t disabled;                       /* bit n: the node at depth n is not okay */
    int path[DEVICETREE_DEPTH_MAX];          /* libfdt offsets; path[depth] is the node itself */
    const char *names[DEVICETREE_DEPTH_MAX]; /* terminated, with unit address */
    int resume;                              /* the tag after the node's properties */
    uint32_t phandle;                        /* 0: none */
    struct devicetree_value compatible;
    struct devicetree_value device_type;
};

/* Write the sentence and return `status`. */
__attribute__((format(printf, 3, 4))) CHECK_RESULT enum status devicetree_refuse(
    const struct devicetree *tree, enum status status, const char *format, ...);

/* The same about one property, or about the node as a whole if it is NULL. */
__attribute__((format(printf, 4, 5))) CHECK_RESULT enum status devicetree_refuse_property(
    const struct devicetree_node *node, enum status status, const char *property,
    const char *format, ...);

struct devicetree_node devicetree_root(const struct devicetree *tree);

/* Step to the next node in the order of the tree, children first; false after the last. */
bool devicetree_next(struct devicetree_node *node);

/* Whether this is the node's path.  A name in it may leave out the unit address. */
bool devicetree_is_at(const struct devicetree_node *node, const char *path, size_t length);

/* Find the first node at this path, or with this phandle. */
bool devicetree_find_path(const struct devicetree *tree, const char *path, size_t length,
                          struct devicetree_node *out);
bool devicetree_find_phandle(const struct devicetree *tree, uint32_t phandle,
                             struct devicetree_node *out);

/* The node's own ancestor at `depth`, at most its own. */
struct devicetree_node devicetree_ancestor(const struct devicetree_node *node, unsigned depth);

/* Whether the node's ancestor at `depth` is called `name`, whatever its unit address. */
bool devicetree_is_named(const struct devicetree_node *node, unsigned depth, const char *name);
bool devicetree_is_compatible(const struct devicetree_node *node, const char *compatible);
bool devicetree_is_type(const struct devicetree_node *node, const char *device_type);

/* Whether neither the node nor a bus above it has a status other than okay. */
bool devicetree_is_enabled(const struct devicetree_node *node);

/* The raw value, NULL if there is none. */
const void *devicetree_property(const struct devicetree_node *node, const char *name,
                                size_t *length);

/* The big-endian number in `count` cells, 0 to 2. */
uint64_t devicetree_cells(const void *cells, unsigned count);

/* A terminated string, borrowed from the tree.  Errors: NOT_FOUND, BAD_DATA. */
CHECK_RESULT enum status devicetree_string(const struct devicetree_node *node, const char *name,
                                           const char **out);

/* A number of one cell.  Errors: NOT_FOUND, BAD_DATA. */
CHECK_RESULT enum status devicetree_u32(const struct devicetree_node *node, const char *name,
                                        uint32_t *out);

/* A number of one or two cells.  Errors: NOT_FOUND, BAD_DATA. */
CHECK_RESULT enum status devicetree_u64(const struct devicetree_node *node, const char *name,
                                        uint64_t *out);
