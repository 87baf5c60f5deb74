/*
 * Object: what every kernel object starts with, or contains.
 *
 * An object lives as long as something refers to it: handles, and other objects.  The last put
 * destroys it; what that means is the class's.
 */
#pragma once

#include "abi/rights.h"
#include "base/assert.h"

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

static inline void object_put(struct object *object)
{
    ASSERT(object->references > 0);
    if (--object->references == 0)
        object->class->destroy(object);
}
