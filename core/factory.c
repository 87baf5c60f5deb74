#include "core/factory.h"

static void factory_on_destroy(struct object *object)
{
    (void)object; /* the launcher is gone, and the machine about to reboot */
}

static const struct object_class factory_class = {
    .type = OBJECT_FACTORY,
    .destroy = factory_on_destroy,
};

static struct object factory;

struct object *factory_make(void)
{
    object_init(&factory, &factory_class);
    return &factory;
}
