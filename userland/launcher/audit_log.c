/*
 * Audit log: the places.
 */
#include "audit_log.h"

#include "supervisor.h"

#include "rt/time.h"

#include <string.h>

enum { PLACES_ALL = AUDIT_LOG_PLACES + AUDIT_LOG_STRANGERS };

struct place {
    struct inspect_decision decision; /* number 0: unused */
    bool is_told;                     /* in the log, in this life */
};

struct client_log {
    struct place place[PLACES_ALL]; /* strangers' behind the others */
    uint32_t lost;
    uint32_t lines;          /* of this life */
    uint32_t stranger_lines; /* likewise */
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
static struct place *place_for(struct client_log *log, const struct audit_question *question,
                               const char *target, enum status status)
{
    const unsigned first = question->is_stranger ? AUDIT_LOG_PLACES : 0;
    const unsigned end = question->is_stranger ? PLACES_ALL : AUDIT_LOG_PLACES;
    struct place *oldest = &log->place[first];

    for (unsigned i = first; i < end; i++) {
        struct place *place = &log->place[i];
        if (is_like(&place->decision, question->request, target, status))
            return place;
        if (place->decision.number < oldest->decision.number)
            oldest = place;
    }
    if (oldest->decision.number != 0)
        log->lost += oldest->decision.times;
    *oldest = (struct place){.decision = {.request = question->request, .status = status}};
    memcpy(oldest->decision.target, target, strlen(target));
    return oldest;
}

static bool is_refusal(enum status decision)
{
    return decision == STATUS_DENIED || decision == STATUS_NOT_FOUND
           || decision == STATUS_OUT_OF_QUOTA;
}

static enum audit_telling telling_of(struct client_log *log, struct place *place, bool is_stranger)
{
    uint32_t *lines = is_stranger ? &log->stranger_lines : &log->lines;
    const uint32_t most = is_stranger ? AUDIT_LOG_STRANGER_LINES : AUDIT_LOG_LINES;

    if (place->is_told || *lines == most)
        return AUDIT_QUIET;
    place->is_told = true;
    return ++*lines == most ? AUDIT_TELL_LAST : AUDIT_TELL;
}

enum audit_telling audit_log_note(const struct audit_question *question, enum status decision)
{
    struct client_log *log = &logs[question->client];
    char name[INSPECT_TARGET_BYTES] = {0};

    memcpy(name, question->target, strnlen(question->target, sizeof name - 1));
    struct place *place = place_for(log, question, name, decision);
    place->decision.number = ++decision_count;
    place->decision.time_ns = time_now_ns();
    if (place->decision.times < UINT32_MAX)
        place->decision.times++;
    return is_refusal(decision) ? telling_of(log, place, question->is_stranger) : AUDIT_QUIET;
}

void audit_log_begin(uint32_t client)
{
    struct client_log *log = &logs[client];

    log->lines = 0;
    log->stranger_lines = 0;
    for (unsigned i = 0; i < PLACES_ALL; i++)
        log->place[i].is_told = false;
}

bool audit_log_next(uint64_t number, struct inspect_decision *out, uint32_t *client)
{
    const struct inspect_decision *found = NULL;

    for (uint32_t i = 0; i < CHILDREN_MAX; i++) {
        for (unsigned j = 0; j < PLACES_ALL; j++) {
            const struct inspect_decision *decision = &logs[i].place[j].decision;
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
