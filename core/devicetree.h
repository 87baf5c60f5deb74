/*
 * Devicetree: walking a flattened tree and reading properties that may be lies.
 *
 * Opening a tree passes each of its tags once and sees that it is whole, that its name has an
 * end, and that nodes are nested; after that, walking and finding properties need no checks, and
 * what is read of a property is bounded by its length.  libfdt, which believes nothing, looks at
 * the header again for each byte of a name: that was most of what booting takes.
 *
 * A cursor knows the whole path from the root to its node, so what depends on parents (cell
 * counts, address translation, interrupt parents, status) needs no searching upwards.  Every
 * refusal writes one sentence that begins with the node's path and the property's name.
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
    const void *fdt;
    const uint8_t *structure; /* the block of tags, and the one of the properties' names */
    const char *strings;
    uint32_t end; /* offset in the structure block: the tags before it are as they should be */
    struct machine_error *error; /* where refusals are written */
};

/* A property's value, borrowed from the tree; `bytes` is NULL if there is no such property. */
struct devicetree_value {
    const void *bytes;
    size_t length;
};

struct devicetree_node {
    const struct devicetree *tree;
    unsigned depth;                      /* 0: the root */
    uint32_t disabled;                   /* bit n: the node at depth n is not okay */
    uint32_t path[DEVICETREE_DEPTH_MAX]; /* offsets; path[depth] is the node itself */
    uint32_t properties;                 /* offset of the tag behind the node's name */
    uint32_t resume;                     /* offset of the tag after the node's properties */
    uint32_t phandle;                    /* 0: none */
    struct devicetree_value compatible;
    struct devicetree_value device_type;
};

/*
 * Check the tree at `fdt`, of which at most `limit` bytes may be touched.  Returns 0 or what
 * libfdt calls the error; even then `*out` is a tree that can be walked, as far as it is good.
 */
CHECK_RESULT int devicetree_open(const void *fdt, size_t limit, struct machine_error *error,
                                 struct devicetree *out);

/* Write the sentence and return `status`. */
__attribute__((format(printf, 3, 4))) CHECK_RESULT enum status devicetree_refuse(
    const struct devicetree *tree, enum status status, const char *format, ...);

/* The same about one property. */
__attribute__((format(printf, 4, 5))) CHECK_RESULT enum status devicetree_refuse_property(
    const struct devicetree_node *node, enum status status, const char *property,
    const char *format, ...);

/* Stand on the root; false if there is none. */
bool devicetree_root(const struct devicetree *tree, struct devicetree_node *out);

/* Step to the next node in the order of the tree, children first; false after the last. */
bool devicetree_next(struct devicetree_node *node);

/* Whether this is the node's path.  A name in it may leave out the unit address. */
bool devicetree_is_at(const struct devicetree_node *node, const char *path, size_t length);

/* Find the first node with this phandle. */
bool devicetree_find_phandle(const struct devicetree *tree, uint32_t phandle,
                             struct devicetree_node *out);

/* The node's own ancestor at `depth`, at most its own. */
struct devicetree_node devicetree_ancestor(const struct devicetree_node *node, unsigned depth);

/* Whether the node's ancestor at `depth` is called `name`, whatever its unit address. */
bool devicetree_is_named(const struct devicetree_node *node, unsigned depth, const char *name);
bool devicetree_is_type(const struct devicetree_node *node, const char *device_type);

/* Whether neither the node nor a bus above it has a status other than okay. */
bool devicetree_is_enabled(const struct devicetree_node *node);

/* The raw value, NULL if there is none. */
const void *devicetree_property(const struct devicetree_node *node, const char *name,
                                size_t *length);

/* The big-endian number in `count` cells, 0 to 2. */
uint64_t devicetree_cells(const void *cells, unsigned count);

/*
 * A terminated string, borrowed from the tree; a number of one cell, or of two if `cells_max` is 2.
 * `*out` stays what it is if there is no such property.  Errors: BAD_DATA.
 */
CHECK_RESULT enum status devicetree_string_if(const struct devicetree_node *node, const char *name,
                                              const char **out);
CHECK_RESULT enum status devicetree_number_if(const struct devicetree_node *node, const char *name,
                                              unsigned cells_max, uint64_t *out);
