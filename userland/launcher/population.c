#include "population.h"

#include "handle.h"
#include "specimen.h"

#include "rt/memory.h"

enum {
    STEP = 64,    /* domains in one request: others wait meanwhile */
    FRAMES = 512, /* that a domain may use, for tables and for handles */
    SPARE_HANDLES = 16,
};

static const struct child *population_owner; /* NULL while there are none */
static struct memory names;                  /* handle_t of each domain, while there are some */
static uint64_t population_count;

static handle_t *domain_names(void)
{
    return names.address;
}

/* The handles that it gets are all of one segment: what counts is how many. */
static enum status burden(handle_t domain, uint64_t handles)
{
    enum status s = STATUS_OK;
    handle_t given;

    for (uint64_t i = 0; i < handles && s == STATUS_OK; i++)
        s = domain_give(domain, names.segment, RIGHT_READ, 0, &given);
    return s;
}

static enum status start(handle_t domain, uaddr_t entry)
{
    handle_t thread;

    if (entry == 0)
        return STATUS_OK;
    const enum status s = thread_create(domain, entry, 0, 0, specimen_priority(), &thread);
    return s == STATUS_OK ? handle_close(thread) : s;
}

static void unmake(handle_t domain)
{
    const enum status s = domain_destroy(domain);

    (void)s;
    handle_drop(domain);
}

static enum status make(const struct population_wish *wish)
{
    const struct quota quota = {
        .frames = FRAMES, .handles = INSPECT_BURDEN_MAX + SPARE_HANDLES, .threads = 1};
    handle_t domain;
    enum status s = specimen_make(wish->child, UINT64_C(1) << SYS_THREAD_PARK, &quota, &domain);

    if (s == STATUS_OK)
        s = burden(domain, wish->handles);
    if (s == STATUS_OK)
        s = start(domain, wish->entry);
    if (s == STATUS_OK)
        domain_names()[population_count++] = domain;
    else if (domain != 0)
        unmake(domain);
    return s;
}

static void unmake_last(void)
{
    unmake(domain_names()[--population_count]);
}

static enum status population_open(const struct child *owner)
{
    if (population_owner == owner)
        return STATUS_OK;
    if (population_owner != NULL)
        return STATUS_BUSY;
    const enum status s =
        memory_create(INSPECT_POPULATION_MAX * sizeof(handle_t), "population", 0, &names);
    if (s == STATUS_OK)
        population_owner = owner;
    return s;
}

static void population_close(void)
{
    memory_release(&names);
    population_owner = NULL;
}

enum status population_step(const struct population_wish *wish, uint64_t *count)
{
    if (wish->domains > INSPECT_POPULATION_MAX || wish->handles > INSPECT_BURDEN_MAX)
        return STATUS_BAD_ARGUMENT;
    enum status s = wish->entry == 0 ? STATUS_OK : specimen_check(wish->child, wish->entry);
    if (s == STATUS_OK)
        s = population_open(wish->owner);
    if (s != STATUS_OK)
        return s;

    for (unsigned i = 0; i < STEP && s == STATUS_OK && population_count < wish->domains; i++)
        s = make(wish);
    for (unsigned i = 0; i < STEP && population_count > wish->domains; i++)
        unmake_last();
    *count = population_count;
    if (population_count == 0)
        population_close();
    return s;
}

void population_withdraw(const struct child *owner)
{
    if (population_owner != owner)
        return;
    while (population_count > 0)
        unmake_last();
    population_close();
}
