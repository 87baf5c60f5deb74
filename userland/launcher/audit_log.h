/*
 * Audit log: what the launcher was asked for, by whom, and what it decided.
 *
 * Each domain of the manifest has its own few places.  A decision like one that is there counts
 * that up; otherwise the oldest of the same domain makes room.  So nobody, however much it asks,
 * can push out what is known about another, and nobody's questions cost memory.  Names that nothing
 * in the manifest has can be made up without end: they have places of their own, and push out each
 * other only.
 *
 * It also knows what of this is worth a line in the log: each refusal once in a life, and only a
 * few of them.
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "abi/status.h"
#include "app/inspect.h"

#include <stdbool.h>

enum {
    AUDIT_LOG_PLACES = 16, /* of each domain, for what is in the manifest */
    AUDIT_LOG_STRANGERS = 4,
    AUDIT_LOG_LINES = 8, /* of each life, likewise */
    AUDIT_LOG_STRANGER_LINES = 2,
};

enum audit_telling {
    AUDIT_QUIET = 0, /* it is no refusal, or the log has it */
    AUDIT_TELL,
    AUDIT_TELL_LAST, /* and say that this was the last such line */
};

struct audit_question {
    uint32_t client; /* the place of its entry in the manifest, the launcher's own being 0 */
    enum inspect_request request;
    const char *target;
    bool is_stranger; /* the manifest has nothing of that name */
};

/* Count the decision, and say whether the log is to tell of it. */
enum audit_telling audit_log_note(const struct audit_question *question, enum status decision);

/* The client begins another life: what it is refused now, the log doesn't have. */
void audit_log_begin(uint32_t client);

/*
 * The first decision with a number of at least `number`; false: there is none.  The client's name
 * is left empty; `*client` says whose it is.
 */
bool audit_log_next(uint64_t number, struct inspect_decision *out, uint32_t *client);
