/*
 * Text: the few operations on borrowed bytes that HTTP's list and number
 * syntax needs.  None of them allocates, and none reads past `size`.
 */

#include "text.h"

enum { NUMBER_DIGITS_MAX = 19 }; /* ten to the 19th still fits in 64 bits */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool text_matches(struct text a, struct text b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

struct text text_trim(struct text t)
{
    while (t.size > 0 && is_blank(t.data[0])) {
        t.data++;
        t.size--;
    }
    while (t.size > 0 && is_blank(t.data[t.size - 1]))
        t.size--;
    return t;
}

/* Where the first element of `list` ends: its comma, or the end. */
static size_t element_end(struct text list)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < list.size; i++) {
        if (list.data[i] == '"')
            quoted = !quoted;
        else if (list.data[i] == ',' && !quoted)
            break;
    }
    return i;
}

bool text_next_element(struct text *list, struct text *element)
{
    while (list->size > 0) {
        size_t end = element_end(*list);
        struct text found = text_trim((struct text){list->data, end});

        *list = text_after(*list, end + 1);
        if (found.size > 0) {
            *element = found;
            return true;
        }
    }
    return false;
}

bool text_number(struct text t, uint64_t *number)
{
    uint64_t value = 0;

    if (t.size == 0 || t.size > NUMBER_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < t.size; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(t.data[i] - '0');
    }
    *number = value;
    return true;
}
