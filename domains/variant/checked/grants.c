#include "grants.h"

#include "base/assert.h"

enum { GRANTS_MAX = 1 << 18 };

struct grant {
    const struct domain *domain; /* NULL: nothing is here */
    const struct segment *segment;
    rights_t rights;
};

/* A hash table: a grant is at the place that it hashes to, or behind it without a gap. */
static struct grant grants[GRANTS_MAX];
static unsigned count;

static unsigned after(unsigned place)
{
    return (place + 1) % GRANTS_MAX;
}

static unsigned place_of(const struct domain *domain, const struct segment *segment)
{
    const uint64_t hash =
        ((uintptr_t)domain * 31 + (uintptr_t)segment) * UINT64_C(0x9e3779b97f4a7c15);

    return (unsigned)(hash >> 40) % GRANTS_MAX;
}

/* Where the grant is, or where it would be put. */
static struct grant *grant_at(const struct domain *domain, const struct segment *segment)
{
    unsigned place = place_of(domain, segment);

    while (grants[place].domain != NULL
           && (grants[place].domain != domain || grants[place].segment != segment))
        place = after(place);
    return &grants[place];
}

/* Make a gap, and move those that it would cut off. */
static void grant_remove(struct grant *grant)
{
    unsigned place = (unsigned)(grant - grants);

    *grant = (struct grant){0};
    count--;
    for (place = after(place); grants[place].domain != NULL; place = after(place)) {
        const struct grant moved = grants[place];
        grants[place] = (struct grant){0};
        *grant_at(moved.domain, moved.segment) = moved;
    }
}

void grants_set(const struct domain *domain, const struct segment *segment, rights_t rights)
{
    struct grant *grant = grant_at(domain, segment);

    if (grant->domain != NULL && rights == 0) {
        grant_remove(grant);
        return;
    }
    if (rights == 0)
        return;
    if (grant->domain == NULL)
        count++;
    ASSERT(count < GRANTS_MAX);
    *grant = (struct grant){domain, segment, rights};
}

rights_t grants_find(const struct domain *domain, const struct segment *segment)
{
    const struct grant *grant = grant_at(domain, segment);

    return grant->domain == NULL ? 0 : grant->rights;
}
