/*
 * Crash list: the places.
 */
#include "crash_list.h"

#include "rt/syscall.h"
#include "rt/time.h"

#include <stdbool.h>
#include <string.h>

static struct inspect_crash crashes[CRASH_LIST_PLACES]; /* number 0: unused */
static uint64_t crash_count;                            /* ever */

static bool is_same_name(struct name a, struct name b)
{
    return memcmp(a.text, b.text, NAME_BYTES) == 0;
}

static bool has_later_one(const struct inspect_crash *crash)
{
    for (unsigned i = 0; i < CRASH_LIST_PLACES; i++) {
        if (crashes[i].number > crash->number && is_same_name(crashes[i].domain, crash->domain))
            return true;
    }
    return false;
}

/* What a death of `domain` that comes now may replace without loss of anybody's last one. */
static bool is_dispensable(const struct inspect_crash *crash, struct name domain)
{
    return crash->number == 0 || is_same_name(crash->domain, domain) || has_later_one(crash);
}

static struct inspect_crash *place_for(struct name domain)
{
    struct inspect_crash *oldest = &crashes[0];
    struct inspect_crash *found = NULL;

    for (unsigned i = 0; i < CRASH_LIST_PLACES; i++) {
        struct inspect_crash *crash = &crashes[i];
        if (crash->number < oldest->number)
            oldest = crash;
        if (is_dispensable(crash, domain) && (found == NULL || crash->number < found->number))
            found = crash;
    }
    return found != NULL ? found : oldest;
}

struct inspect_crash *crash_list_add(const char *domain)
{
    const struct name name = name_from(domain);
    struct inspect_crash *crash = place_for(name);

    *crash =
        (struct inspect_crash){.number = ++crash_count, .time_ns = time_now_ns(), .domain = name};
    return crash;
}

const struct inspect_crash *crash_list_next(uint64_t number)
{
    const struct inspect_crash *found = NULL;

    for (unsigned i = 0; i < CRASH_LIST_PLACES; i++) {
        const struct inspect_crash *crash = &crashes[i];
        if (crash->number != 0 && crash->number >= number
            && (found == NULL || crash->number < found->number))
            found = crash;
    }
    return found;
}
