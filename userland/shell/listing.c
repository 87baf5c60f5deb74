/*
 * Listings, a buffer full of records at a time.
 */
#include "listing.h"

#include "record_text.h"

#include <stdio.h>
#include <string.h>

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
    if (s == STATUS_BAD_STATE && listing->name != NULL) {
        printf("%s isn't running\n", listing->name);
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
        if (listing_failed(listing, s)) {
            listing->has_failed = true;
            return NULL;
        }
        listing->next = 0;
        listing->is_last = listing->cursor == 0;
    }
    return NULL;
}

void listing_print(const struct listing *listing, struct table *table)
{
    if (listing->inspect == NULL || listing->has_failed)
        table_drop(table);
    else
        table_print(table);
}

const struct inspect_domain *listing_find_domain(struct shell *shell, const char *name)
{
    struct listing listing;

    listing_init(&listing, shell, INSPECT_DOMAINS, NULL);
    for (const struct inspect_domain *domain; (domain = listing_next(&listing)) != NULL;) {
        if (strcmp(text_of_name(domain->name).text, name) == 0)
            return domain;
    }
    return NULL;
}
