/*
 * Listings, a buffer full of records at a time.
 */
#include "listing.h"

#include <stdio.h>

void listing_init(struct listing *listing, struct shell *shell, enum inspect_op op,
                  const char *name)
{
    *listing = (struct listing){.inspect = verb_inspect(shell), .op = op, .name = name};
}

static bool listing_failed(const struct listing *listing, enum status s)
{
    if (s == STATUS_NOT_FOUND && listing->name != NULL) {
        printf("no domain \"%s\": Tab lists the names\n", listing->name);
        return true;
    }
    return verb_failed(s, "cannot get the records");
}

const void *listing_next(struct listing *listing)
{
    while (listing->inspect != NULL) {
        if (listing->next < listing->records.count)
            return inspect_record(&listing->records, listing->next++);
        if (listing->is_last)
            return NULL;
        enum status s = inspect_list(listing->inspect, listing->op, listing->name, &listing->cursor,
                                     &listing->records);
        if (listing_failed(listing, s))
            return NULL;
        listing->next = 0;
        listing->is_last = listing->cursor == 0;
    }
    return NULL;
}
