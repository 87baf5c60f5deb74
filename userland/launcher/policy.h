/*
 * Policy: what follows when a domain ends.
 *
 * The manifest says whether a domain is started again, how long the first pause is and
 * how many ends in a row are too many.  Each pause is twice the one before.  Every half
 * second of a good life makes up for one end; who has none to make up for is back at once,
 * for its clients wait.
 *
 * Pure: decides, does nothing.
 */
#pragma once

#include "manifest.h"

enum {
    POLICY_GOOD_RUN_MS = 500, /* after which one earlier end is forgotten */
    POLICY_DELAY_MAX_MS = 60000,
};

enum policy_cause {
    POLICY_FAULT,   /* the kernel stopped it */
    POLICY_SILENCE, /* it didn't answer: for how long already, nobody knows */
    POLICY_FAILED,  /* it ended itself, unhappily, or was killed */
    POLICY_ENDED,   /* it ended itself in order */
    POLICY_NO_USE,  /* likewise, since the machine has no use for it: never started again */
};

struct policy_decision {
    bool restarts;
    bool is_given_up;  /* it would be restarted, but has failed too often */
    uint32_t failures; /* in a row, this one included */
    uint32_t delay_ms; /* until the restart; 0: at once */
};

/*
 * Decide about a domain that ran for `uptime_ms` and, before this end, had `failures`
 * in a row.
 */
struct policy_decision policy_decide(const struct manifest_domain *domain, enum policy_cause cause,
                                     uint32_t failures, uint64_t uptime_ms);
