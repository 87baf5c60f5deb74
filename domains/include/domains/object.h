/*
 * Object: what every kernel object starts with, or contains.
 *
 * An object lives as long as something refers to it: handles, and other objects.  The last put
 * destroys it; what that means is the class's.
 */
#pragma once

#include "abi/rights.h"
#include "base/assert.h"

#include <stdint.h>

struct object;

struct object_class {
    enum object_type type;
    void (*destroy)(struct object *object);
};

struct object {
    const struct object_class *class;
    uint32_t references;
    uint32_t uses; /* the class's to count */
};
_Static_assert(sizeof(struct object) == 16, "PORTAL_OBJECT_BYTES of arch/crossing.h");

static inline void object_init(struct object *object, const struct object_class *class)
{
    object->class = class;
    object->references = 1;
}

static inline void object_get(struct object *object)
{
    object->references++;
}

/* Destroy an object that has just lost its last reference. */
void object_end(struct object *object);

static inline void object_put(struct object *object)
{
    /* At most 1: the last one, or, which object_end() finds, one too many. */
    if (object->references-- <= 1)
        object_end(object);
}
