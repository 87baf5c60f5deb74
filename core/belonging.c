#include "core/belonging.h"

#include "domains/quota.h"

static const struct belonging_class *class_of(const struct belonging *belonging)
{
    return (const struct belonging_class *)(const void *)belonging->object.class;
}

enum status belonging_create(struct domain *domain, const struct belonging_class *class,
                             uint32_t uses, struct belonging **out)
{
    void *memory;
    enum status status = quota_take(domain, QUOTA_OBJECTS, uses);

    if (status != STATUS_OK)
        return status;
    status = pool_take(class->pool, &memory);
    if (status != STATUS_OK) {
        quota_give(domain, QUOTA_OBJECTS, uses);
        return status;
    }

    struct belonging *belonging = memory;
    object_init(&belonging->object, &class->object);
    belonging->object.uses = uses;
    belonging->domain = domain;
    list_push_back(&domain->belongings, &belonging->node);
    *out = belonging;
    return STATUS_OK;
}

void belonging_leave(struct belonging *belonging)
{
    if (belonging->domain == NULL)
        return;
    quota_give(belonging->domain, QUOTA_OBJECTS, belonging->object.uses);
    list_remove(&belonging->node);
    belonging->domain = NULL;
}

void belonging_free(struct belonging *belonging)
{
    belonging_leave(belonging);
    pool_return(class_of(belonging)->pool, belonging);
}

bool belongings_stop_some(struct domain *domain, unsigned *budget)
{
    struct list_node *node;

    while (*budget > 0 && (node = list_first(&domain->belongings)) != NULL) {
        struct belonging *belonging = LIST_ENTRY(node, struct belonging, node);
        class_of(belonging)->stop(belonging, budget);
        if (*budget > 0)
            --*budget;
    }
    return *budget > 0;
}
