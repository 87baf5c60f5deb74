/*
 * Text: a run of bytes that somebody else owns.
 *
 * The server never copies what a client sent and never ends it with a NUL: a
 * text points into the connection's input buffer or into the packed site, and
 * is valid for as long as that is.  Comparisons that ignore case do so for
 * ASCII only, which is what HTTP means by it.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *data; /* borrowed; may be NULL while size is 0 */
    size_t size;
};

static inline struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

static inline bool text_equals(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool text_starts_with(struct text t, struct text start)
{
    return t.size >= start.size && memcmp(t.data, start.data, start.size) == 0;
}

/* The part of `t` from byte `from` on; empty when `t` is shorter. */
static inline struct text text_after(struct text t, size_t from)
{
    return from >= t.size ? (struct text){t.data, 0} : (struct text){t.data + from, t.size - from};
}

/* Compare without regard to ASCII case. */
bool text_matches(struct text a, struct text b);

/* `t` without the blanks and tabs around it. */
struct text text_trim(struct text t);

/*
 * Take the next element of a comma-separated list, blanks trimmed, empty ones skipped.
 * A comma inside a quoted string does not separate.  False when the list is used up.
 */
bool text_next_element(struct text *list, struct text *element);

/* Read `t` as a decimal number; false unless it is 1 to 19 digits and nothing else. */
bool text_number(struct text t, uint64_t *number);
