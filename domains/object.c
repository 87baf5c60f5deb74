#include "domains/object.h"

#include "base/assert.h"

void object_end(struct object *object)
{
    ASSERT(object->references == 0);
    object->class->destroy(object);
}
