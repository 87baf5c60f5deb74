/*
 * Heartbeat: whether a domain's loop still comes round.
 *
 * The launcher looks at each domain that has a limit at regular times, and asks those that did
 * something since they last answered; the runtime answers as soon as its loop comes round.  What is
 * owed for too long ends the domain:
 *
 *      AT REST --it did something: ask--> OWING --answers--> AT REST
 *                                           |---has executed for most of the limit---> over
 *                                           |---could have answered twice over-------> over
 *                                           `---in a call for eight limits-----------> over
 *
 * Time counts against a domain only while it could have answered.  While more urgent ones keep it
 * from running, only what it runs all the same does; a look that comes late, because the whole
 * machine stood still, counts as one.  Who waits in itself, for a lock that a visitor holds, say,
 * gets twice the time, and who is in a call gets eight times: so the one that all wait for is found
 * first, and when it is gone they answer.
 *
 * Pure: decides, does nothing.
 */
#pragma once

#include "abi/types.h"

#include <stdbool.h>

enum {
    HEARTBEAT_LOOKS = 3,       /* in a limit */
    HEARTBEAT_STUCK_TIMES = 2, /* the limit, for who waits in itself */
    HEARTBEAT_AWAY_TIMES = 8,  /* the limit, for who is in a call to somebody else */
};

/* What the thread of its loop is doing. */
enum heartbeat_pose {
    HEARTBEAT_SLEEPS, /* waits for an event */
    HEARTBEAT_RUNS,   /* it, or another thread that is in the domain, executes or would like to */
    HEARTBEAT_STUCK,  /* waits for something else, and nobody executes in the domain */
    HEARTBEAT_AWAY,   /* in a call to another domain, or in line for one */
};

/* What a look has seen. */
struct heartbeat_sight {
    bool has_answered; /* since it was asked */
    enum heartbeat_pose pose;
    uint64_t switches;    /* to its threads, and calls that it took, ever */
    uint32_t runner_id;   /* the thread that executes there; 0: none */
    nsec_t runner_cpu_ns; /* that it ever used */
};

struct heartbeat {
    nsec_t limit_ns; /* 0: nobody asks */
    bool is_owing;
    bool was_asleep;   /* when it was asked */
    uint64_t switches; /* when it was asked; at rest: since it rests */
    nsec_t chance_ns;  /* that it owes, and could have answered */
    nsec_t ran_ns;     /* that somebody executed there meanwhile */
    nsec_t away_ns;
    uint32_t runner_id; /* of the last look */
    nsec_t runner_cpu_ns;
};

enum heartbeat_verdict {
    HEARTBEAT_LEAVE,
    HEARTBEAT_ASK, /* again, or for the first time */
    HEARTBEAT_OVER,
};

/* A life begins, owing a first word. */
void heartbeat_begin(struct heartbeat *heartbeat, nsec_t limit_ns);

/* Between looks at a domain with this limit. */
nsec_t heartbeat_period_ns(nsec_t limit_ns);

/* It did nothing since it answered, and so needn't be asked. */
bool heartbeat_is_at_rest(const struct heartbeat *heartbeat, const struct heartbeat_sight *sight);

/* Take in what was seen `passed_ns` after the last look, when looks are `period_ns` apart. */
enum heartbeat_verdict heartbeat_look(struct heartbeat *heartbeat,
                                      const struct heartbeat_sight *sight, nsec_t passed_ns,
                                      nsec_t period_ns);
