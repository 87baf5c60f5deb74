/*
 * Field: the memory that all domains of the stress see, and what is counted there.
 *
 * Workers and servers run with this program's text and without its data, so everything that they
 * share is here: where to find handles, who got how far, and what was tried how often.
 */
#pragma once

#include "server.h"

#include "rt/ring.h"

enum {
    SERVERS = 4,      /* with 1, 2, 3, 1 stacks; killed all the time */
    CREWS = 3,        /* domains of workers, which live to the end */
    CREW = 3,         /* workers of each */
    MAKERS = 2,       /* threads that make short-lived domains, one at a time each */
    KEEPER = SERVERS, /* the portal that is never killed */
    ROW_CREW = SERVERS,
    ROW_MAYFLY = ROW_CREW + CREWS,
    ROWS = ROW_MAYFLY + MAKERS,
    SEAT_TALKER = CREWS * CREW,
    SEAT_MAKER = SEAT_TALKER + 2,
    SEATS = SEAT_MAKER + MAKERS,
    SEAT_NONE = SEATS,
    RING_CAPACITY = 16,
    WORK_PRIORITY = 20, /* of all but for moments, or the least urgent would hardly get to run */
};

enum deed {
    DEED_CALL,
    DEED_NEST,
    DEED_PASS,
    DEED_DEADLINE,
    DEED_GRANT,
    DEED_SEGMENT,
    DEED_THREAD,
    DEED_KILL,
    DEED_AFFINITY,
    DEED_PRIORITY,
    DEED_BUDGET,
    DEED_EVENT,
    DEED_SIGNAL,
    DEED_PARK,
    DEED_YIELD,
    DEED_SLEEP,
    DEED_FP,
    DEED_FAULT,
    DEED_WORKER_COUNT, /* those above are a worker's */
    DEED_MESSAGE = DEED_WORKER_COUNT,
    DEED_DOMAIN,
    DEED_SERVER,
    DEED_COUNT,
};

/* What one domain has.  Handles are those of its own table, 0 where it has none. */
struct row {
    _Atomic uint64_t portal[SERVERS + 1];
    _Atomic uint64_t peer;  /* a domain that it may grant memory to */
    _Atomic uint64_t guest; /* another, which may end soon; whoever uses it closes the handle */
    _Atomic uint64_t field; /* the segment of this record */
    _Atomic uint64_t bell;  /* the event that it may signal */
    _Atomic uint64_t has_handler; /* its faults are skipped by the keeper */
};

struct seat {
    _Atomic uint64_t steps;
    _Atomic uint64_t is_done;
    _Atomic uint64_t doing;  /* the deed that it is at */
    _Atomic uint32_t parked; /* always 0: slept on */
};

struct counter {
    _Atomic uint64_t tried, well;
};

struct field {
    _Atomic uint64_t stop;
    _Atomic uint64_t wrong; /* the line of the first claim that didn't hold; 0: none */
    _Atomic uint64_t cpus;  /* a bit for each */
    struct counter deed[DEED_COUNT];
    struct row row[ROWS];
    struct seat seat[SEATS + 1];
    _Atomic uint64_t ring_pending[2]; /* of the events of the ring's two ends */
    struct ring_producer_area producer;
    struct ring_message message[RING_CAPACITY];
    struct ring_consumer_area consumer;
};

#define FIELD_EXPECT(field, claim)        \
    do {                                  \
        if (!(claim))                     \
            field_wrong(field, __LINE__); \
    } while (0)

static inline void field_wrong(struct field *field, uint64_t line)
{
    uint64_t none = 0;

    (void)atomic_compare_exchange_strong(&field->wrong, &none, line);
}

/* Where a word of it is in its segment. */
static inline uint64_t field_offset(const struct field *field, const _Atomic uint64_t *word)
{
    return (uint64_t)(uintptr_t)word - (uint64_t)(uintptr_t)field;
}

/* For calls that may end in any way: the other side may be gone. */
static inline void end_as_it_may(enum status s)
{
    (void)s;
}

static inline uint64_t field_mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* What a call asks of its server: word 3 of the message. */
enum { ASK_ECHO, ASK_WANDER, ASK_HANDLES, ASK_STAY };

/* A server's portal.  Words: field, seed, row of the server, what is asked, any. */
served_function served_stress;

/* What the keeper does, and who lets the crews' faults be skipped. */
served_function served_keep, served_skip;

/* In any domain: one call that stays inside until the board's word 2 is not 0.  Arguments: portal,
 * field.  Board word 1 counts those inside, word 3 those who came back. */
child_function call_and_stay;

/* In a crew's domain or in a mayfly's.  Arguments: seed, field, row, seat. */
child_function work;

/* The two ends of the ring, in different domains.  Arguments: field, own event, peer's event. */
child_function talk, listen;
