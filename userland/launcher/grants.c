/*
 * Grants: the numbers of connections.
 *
 * Looking through all handles of a domain costs time.  So the launcher counts what it gives, and
 * looks only when that has reached the quota, for at most a sixteenth of the time and a few
 * milliseconds more: who asks faster is refused unseen.  What a look has found closed is given
 * before there is another.
 */
#include "grants.h"

#include "rt/app.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <string.h>

enum {
    BADGE_SERVICE_SHIFT = 24,
    BADGE_NUMBER_MAX = (1 << BADGE_SERVICE_SHIFT) - 1,
    COUNTING_SHARE = 16,
    COUNTING_AHEAD_NS = 20 * NS_PER_MS * COUNTING_SHARE,
    WORD_BITS = 64,
    NOWHERE = MANIFEST_CONNECTS_MAX,
};
_Static_assert(SERVICES_MAX <= 256, "a place in the table fits eight bits");
_Static_assert(MANIFEST_QUOTA_MAX < 1 << BADGE_SERVICE_SHIFT, "so do numbers");

/* What a look through a client's handles has shown. */
struct look {
    uint32_t counts[SERVICES_MAX];                     /* of its connections to each */
    uint32_t builtin;                                  /* to the launcher */
    uint64_t held[MANIFEST_QUOTA_MAX / WORD_BITS + 1]; /* its numbers to one service, a bit each */
};

static struct look look;

static uint64_t place_of(const struct service_entry *service)
{
    return (uint64_t)(service - services_entry(0));
}

static uint64_t badge_of(const struct child *child, const struct service_entry *service,
                         uint32_t number)
{
    return (uint64_t)child->loaded.domain_id << APP_BADGE_DOMAIN_SHIFT
           | place_of(service) << BADGE_SERVICE_SHIFT | number;
}

static uint32_t number_of(uint64_t badge)
{
    return (uint32_t)badge & BADGE_NUMBER_MAX;
}

/* Where `connects` has the service; NOWHERE: it lacks it. */
static uint32_t connects_place(const struct child *child, const struct service_entry *service)
{
    for (uint32_t i = 0; i < child->domain->connect_count; i++) {
        if (strcmp(child->domain->connects[i], service->name) == 0)
            return i;
    }
    return NOWHERE;
}

/* ---- looking ---- */

/* Whom it leads to; NULL: it is no connection of the child's, or its service is gone. */
static const struct service_entry *connection_service(const struct child *child,
                                                      const struct info_handle *record)
{
    const uint64_t place = record->badge >> BADGE_SERVICE_SHIFT & 0xff;

    if (record->type != OBJECT_PORTAL || record->owner_domain_id == 0
        || app_badge_domain(record->badge) != child->loaded.domain_id || place >= services_count()
        || record->owner_domain_id != services_entry((unsigned)place)->owner->loaded.domain_id)
        return NULL;
    return services_entry((unsigned)place);
}

/* One to the launcher itself. */
static bool is_builtin_connection(const struct child *child, const struct info_handle *record)
{
    return record->type == OBJECT_PORTAL && record->badge == supervisor_badge(child)
           && record->owner_domain_id == supervisor_child(0)->loaded.domain_id;
}

static void look_at(const struct child *child, const struct info_handle *record,
                    const struct service_entry *wanted)
{
    const struct service_entry *service = connection_service(child, record);
    const uint32_t number = number_of(record->badge);

    look.builtin += is_builtin_connection(child, record);
    if (service == NULL)
        return;
    look.counts[place_of(service)]++;
    if (service == wanted && number / WORD_BITS < sizeof look.held / sizeof look.held[0])
        look.held[number / WORD_BITS] |= UINT64_C(1) << number % WORD_BITS;
}

/* Adds to the counts; `wanted` (NULL: none) is the service whose numbers are noted. */
static void look_through(const struct child *child, const struct service_entry *wanted)
{
    struct info_handle record;
    uint64_t next = 0;

    look.builtin = 0;
    memset(look.held, 0, sizeof look.held);
    do {
        if (domain_info(child->loaded.domain, INFO_HANDLES, next, &record, sizeof record, &next)
            != STATUS_OK)
            break;
        look_at(child, &record, wanted);
    } while (next != 0);
    if (look.builtin != 0)
        look.builtin--; /* one of them is app:App, with which it was born */
}

/* As the loop above, within its share of time.  False: it has used that up. */
static bool look_in_time(struct child *child, const struct service_entry *wanted)
{
    const nsec_t now = time_now_ns();

    if (child->counted_ns > now + COUNTING_AHEAD_NS)
        return false;
    look_through(child, wanted);
    if (child->counted_ns < now)
        child->counted_ns = now;
    child->counted_ns += (time_now_ns() - now) * COUNTING_SHARE;
    return true;
}

/* A number that was given and isn't held any more, in turn from the latest on; 0: none. */
static uint32_t number_unheld(const struct granted *granted)
{
    for (uint32_t i = 0; i < granted->count; i++) {
        const uint32_t number = (granted->latest + i) % granted->count + 1;
        if ((look.held[number / WORD_BITS] >> number % WORD_BITS & 1) == 0)
            return number;
    }
    return 0;
}

/* Remember those of the next 64 that the look has found closed, which need no other then. */
static void spare_fill(struct granted *granted)
{
    granted->spare_first = number_unheld(granted);
    granted->spare = 0;
    for (uint32_t i = 0; granted->spare_first != 0 && i < WORD_BITS; i++) {
        const uint32_t number = granted->spare_first + i;
        if (number > granted->count)
            break;
        if ((look.held[number / WORD_BITS] >> number % WORD_BITS & 1) == 0)
            granted->spare |= UINT64_C(1) << i;
    }
}

/* The first of them; 0: there is none. */
static uint32_t spare_number(const struct granted *granted)
{
    return granted->spare == 0 ? 0
                               : granted->spare_first + (uint32_t)__builtin_ctzll(granted->spare);
}

/* ---- the client's count ---- */

static uint32_t granted_sum(const struct child *child)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < child->domain->connect_count; i++)
        sum += child->granted[i].count;
    return sum;
}

/* True: it has all that it may.  What it has closed to the launcher is off the count then. */
static bool has_all_after_look(struct child *child)
{
    child->connections = granted_sum(child) + look.builtin;
    return child->connections >= child->domain->quota_connections;
}

void grants_begin(struct child *child)
{
    memset(child->granted, 0, sizeof child->granted);
    child->connections = 0;
    child->counted_ns = 0;
}

void grants_end_of_service(const struct service_entry *service)
{
    for (unsigned i = 1; i < supervisor_count(); i++) {
        struct child *child = supervisor_child(i);
        const uint32_t place = connects_place(child, service);

        if (place == NOWHERE)
            continue;
        child->connections -= child->granted[place].count;
        child->granted[place] = (struct granted){0};
    }
}

enum status grants_badge(struct child *child, const struct service_entry *service, uint64_t *badge)
{
    struct granted *granted = &child->granted[connects_place(child, service)];
    uint32_t number = granted->count + 1;

    if (child->connections >= child->domain->quota_connections) {
        number = spare_number(granted);
        if (number == 0 && look_in_time(child, service)) {
            spare_fill(granted);
            number = has_all_after_look(child) ? spare_number(granted) : granted->count + 1;
        }
    }
    *badge = badge_of(child, service, number);
    return number == 0 ? STATUS_OUT_OF_QUOTA : STATUS_OK;
}

void grants_note(struct child *child, const struct service_entry *service, uint64_t badge)
{
    struct granted *granted = &child->granted[connects_place(child, service)];

    granted->latest = number_of(badge);
    if (granted->latest > granted->count) {
        granted->count = granted->latest;
        child->connections++;
    } else {
        granted->spare &= granted->spare - 1; /* it was the first of those */
    }
}

bool grants_may_have_builtin(struct child *child)
{
    return child->connections < child->domain->quota_connections
           || (look_in_time(child, NULL) && !has_all_after_look(child));
}

void grants_note_builtin(struct child *child)
{
    child->connections++;
}

/* ---- for those who look ---- */

void grants_count_clients(uint32_t counts[SERVICES_MAX])
{
    memset(look.counts, 0, sizeof look.counts);
    for (unsigned i = 1; i < supervisor_count(); i++) {
        if (supervisor_child(i)->state == INSPECT_RUNNING)
            look_through(supervisor_child(i), NULL);
    }
    memcpy(counts, look.counts, sizeof look.counts);
}

/* What the child may have closed, and nobody has looked for since, is handles to the launcher. */
uint32_t grants_held(const struct child *child)
{
    const uint32_t sum = granted_sum(child);

    if (child->connections == sum)
        return sum;
    look_through(child, NULL);
    return sum + look.builtin;
}

uint32_t grants_count(const struct child *child, const struct service_entry *service, bool *has_all)
{
    const uint32_t place = connects_place(child, service);

    memset(look.counts, 0, sizeof look.counts);
    look_through(child, service);
    *has_all = granted_sum(child) + look.builtin >= child->domain->quota_connections
               && (place == NOWHERE || number_unheld(&child->granted[place]) == 0);
    return look.counts[place_of(service)];
}
