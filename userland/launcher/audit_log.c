/*
 * Audit log: the places.
 */
#include "audit_log.h"

#include "supervisor.h"

#include "rt/time.h"

#include <string.h>

struct client_log {
    struct inspect_decision place[AUDIT_LOG_PLACES]; /* number 0: unused */
    uint32_t lost;
};

static struct client_log logs[CHILDREN_MAX];
static uint64_t decision_count;

static bool is_like(const struct inspect_decision *decision, enum inspect_request request,
                    const char *target, enum status status)
{
    return decision->number != 0 && decision->request == request && decision->status == status
           && strcmp(decision->target, target) == 0;
}

/* Where it is counted: with its like, in an unused place, or instead of the oldest. */
static struct inspect_decision *place_for(struct client_log *log, enum inspect_request request,
                                          const char *target, enum status status)
{
    struct inspect_decision *oldest = &log->place[0];

    for (unsigned i = 0; i < AUDIT_LOG_PLACES; i++) {
        if (is_like(&log->place[i], request, target, status))
            return &log->place[i];
        if (log->place[i].number < oldest->number)
            oldest = &log->place[i];
    }
    if (oldest->number != 0)
        log->lost += oldest->times;
    *oldest = (struct inspect_decision){.request = request, .status = status};
    memcpy(oldest->target, target, strlen(target));
    return oldest;
}

void audit_log_note(uint32_t client, enum inspect_request request, const char *target,
                    enum status decision)
{
    char name[INSPECT_TARGET_BYTES] = {0};

    memcpy(name, target, strnlen(target, sizeof name - 1));
    struct inspect_decision *place = place_for(&logs[client], request, name, decision);
    place->number = ++decision_count;
    place->time_ns = time_now_ns();
    if (place->times < UINT32_MAX)
        place->times++;
}

bool audit_log_next(uint64_t number, struct inspect_decision *out, uint32_t *client)
{
    const struct inspect_decision *found = NULL;

    for (uint32_t i = 0; i < CHILDREN_MAX; i++) {
        for (unsigned j = 0; j < AUDIT_LOG_PLACES; j++) {
            const struct inspect_decision *decision = &logs[i].place[j];
            if (decision->number == 0 || decision->number < number
                || (found != NULL && decision->number > found->number))
                continue;
            found = decision;
            *client = i;
        }
    }
    if (found == NULL)
        return false;
    *out = *found;
    out->lost = logs[*client].lost;
    return true;
}
