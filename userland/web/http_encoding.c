/*
 * HTTP content encoding: reads "gzip;q=0.8, br, *;q=0".  The packed site knows
 * one coding, so preference among several does not matter, only refusal does.
 */

#include "http_encoding.h"

/* Is the weight in `parameters` (";q=0.5" or nothing) zero?  Nonsense counts as zero. */
static bool weight_is_zero(struct text parameters)
{
    parameters = text_trim(parameters);
    if (parameters.size == 0)
        return false;
    parameters = text_trim(text_after(parameters, 1));
    if (parameters.size < 3 || !text_matches((struct text){parameters.data, 2}, text_of("q=")))
        return true;
    for (size_t i = 2; i < parameters.size; i++) {
        if (parameters.data[i] >= '1' && parameters.data[i] <= '9')
            return false;
    }
    return true;
}

bool http_encoding_takes_gzip(struct text value)
{
    struct text element;
    bool by_star = false;

    while (text_next_element(&value, &element)) {
        const char *mark = memchr(element.data, ';', element.size);
        size_t length = mark == NULL ? element.size : (size_t)(mark - element.data);
        struct text name = text_trim((struct text){element.data, length});
        bool wanted = !weight_is_zero(text_after(element, length));

        if (text_matches(name, text_of("gzip")) || text_matches(name, text_of("x-gzip")))
            return wanted;
        if (text_equals(name, text_of("*")))
            by_star = wanted;
    }
    return by_star;
}
