/*
 * Listing: walking the records of app:Inspect one by one.
 *
 *     struct listing listing;
 *     listing_init(&listing, shell, INSPECT_DOMAINS, NULL);
 *     for (const struct inspect_domain *d; (d = listing_next(&listing)) != NULL;)
 *         ...
 */
#pragma once

#include "table.h"
#include "verb.h"

struct listing {
    struct inspect *inspect; /* borrowed; NULL: no connection, the listing is empty */
    enum inspect_op op;
    const char *name; /* borrowed */
    uint64_t cursor;
    struct inspect_records records;
    uint32_t next; /* record of `records` to hand out */
    bool is_last;  /* `records` is the last run */
    bool has_failed;
};

/* Start listing `op` about domain `name` (NULL: about all). */
void listing_init(struct listing *listing, struct shell *shell, enum inspect_op op,
                  const char *name);

/* Print the table made of it, unless it failed; the table's memory is given back. */
void listing_print(const struct listing *listing, struct table *table);

/* The record of the domain `name`, good until the next listing; NULL if there is none. */
const struct inspect_domain *listing_find_domain(struct shell *shell, const char *name);

/* The next record, good until the next call; NULL after the last, or after saying what failed. */
const void *listing_next(struct listing *listing);
