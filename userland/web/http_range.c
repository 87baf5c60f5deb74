/*
 * HTTP range reading: "bytes=first-last", "bytes=first-" and "bytes=-suffix".
 */

#include "http_range.h"

static const struct http_range whole = {.kind = HTTP_RANGE_WHOLE};
static const struct http_range unsatisfiable = {.kind = HTTP_RANGE_UNSATISFIABLE};

static struct http_range part(uint64_t first, uint64_t last)
{
    return (struct http_range){HTTP_RANGE_PART, first, last};
}

static struct http_range suffix_read(struct text length, uint64_t size)
{
    uint64_t count = 0;

    if (!text_number(length, &count))
        return whole;
    if (count == 0 || size == 0)
        return unsatisfiable;
    return part(count >= size ? 0 : size - count, size - 1);
}

struct http_range http_range_read(struct text value, uint64_t size)
{
    static const struct text unit = {"bytes=", 6};
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;

    if (value.size < unit.size || !text_matches((struct text){value.data, unit.size}, unit))
        return whole;

    struct text spec = text_trim(text_after(value, unit.size));
    const char *dash = spec.size == 0 ? NULL : memchr(spec.data, '-', spec.size);

    if (dash == NULL)
        return whole;

    struct text before = {spec.data, (size_t)(dash - spec.data)};
    struct text after = text_after(spec, before.size + 1);

    if (before.size == 0)
        return suffix_read(after, size);
    if (!text_number(before, &first) || (after.size > 0 && !text_number(after, &last))
        || last < first)
        return whole;
    if (first >= size)
        return unsatisfiable;
    return part(first, last >= size ? size - 1 : last);
}
