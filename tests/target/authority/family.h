/*
 * Family: some objects, all handles to them in all holders, and the one thread that uses them.
 *
 * Holders are domains that do what they are asked to by a portal.  Each family's thread lives in
 * one of them and visits all, so that at any time several work in each table; yet what becomes of
 * a family's handles depends on its own steps only, and its model knows it after each.
 *
 * All of it lies in memory that every holder sees: they run with this program's text and without
 * its data.
 */
#pragma once

#include "model.h"
#include "server.h"

enum {
    HOLDERS = 4,
    FAMILIES = 4,
    HOLDER_STACKS = 2 * FAMILIES, /* each family may be inside of one holder twice */
    SLOTS = 512,                  /* of a holder's table */
    ROUND_STEPS = 1000,           /* between quiet points, of each family */
};

/* Objects of a family; the domain is that of the holder behind its own. */
enum { THE_EVENT, THE_PORTAL, THE_SEGMENT, THE_CLOCK, THE_DOMAIN };

enum deed {
    DEED_DUPLICATE,
    DEED_NARROW,
    DEED_CLOSE,
    DEED_REVOKE,
    DEED_PASS,  /* with a call */
    DEED_FETCH, /* with a return */
    DEED_GIVE,
    DEED_SIGNAL,
    DEED_CALL,
    DEED_COUNT,
};

struct counter {
    uint64_t done, refused; /* as the model said */
};

struct family {
    struct model model;
    uint64_t seed;
    uint64_t steps, steps_end; /* this round's end */
    struct counter deed[DEED_COUNT];
    uint64_t gone;                    /* by revoking */
    uint64_t compared;                /* handles that were as the model says */
    uint64_t bits;                    /* the event's */
    uint64_t handle[PORTAL_HANDLES];  /* to pass */
    uint64_t arrived[PORTAL_HANDLES]; /* what was received */
    _Atomic uint64_t rounds;          /* that are done */
};

struct field {
    _Atomic uint64_t rounds; /* that may be done */
    _Atomic uint64_t stop;
    uint64_t look; /* compare after every so many steps of a family, beside quiet points */
    struct wrong {
        _Atomic uint64_t line; /* of the first claim that didn't hold; 0: none */
        uint64_t family, step, deed, is, wanted;
    } wrong;
    handle_t portal[HOLDERS][HOLDERS]; /* in a holder: another's */
    uint32_t domain_id[HOLDERS];
    _Atomic uint32_t generation[HOLDERS][SLOTS]; /* last seen; 0: none */
    struct family family[FAMILIES];
};

/* What a holder is asked: words 1 and 2 say of which family, and who asks whom. */
enum visit {
    VISIT_DUPLICATE, /* handle, rights, badge -> handle */
    VISIT_NARROW,    /* handle, rights */
    VISIT_CLOSE,     /* handle */
    VISIT_REVOKE,    /* handle */
    VISIT_INFO,      /* handle -> type, rights, badge */
    VISIT_GIVE,      /* domain, handle, rights, badge -> handle */
    VISIT_SIGNAL,    /* handle, bits */
    VISIT_CALL,      /* handle -> badge */
    VISIT_PASS,      /* to which holder; the family's `handle` -> its `arrived` */
    VISIT_FETCH,     /* from which holder */
    VISIT_RECEIVE,   /* the other end of PASS */
    VISIT_SEND,      /* and of FETCH */
    VISIT_ECHO,      /* and of CALL */
    VISIT_COMPARE,   /* -> how many handles of this holder are right, which is not (or NONE) */
};

enum { WORD_FIELD, WORD_FAMILY, WORD_HOLDER, WORD_VISIT, WORD_ARGUMENT }; /* up to four of these */
enum { WORD_STATUS = 0, WORD_RESULT = 1 };

/* A holder's portal. */
served_function served_visit;

/* In a holder: a family's thread.  Arguments: field, family. */
child_function family_live;

/* Write down the first claim that doesn't hold, and end everything. */
void field_wrong(struct field *field, uint64_t line, const struct family *family, uint64_t deed,
                 uint64_t is, uint64_t wanted);

static inline uint64_t field_mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
