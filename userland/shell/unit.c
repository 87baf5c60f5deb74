/*
 * Text for sizes, counts, times and shares.
 */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NS_PER_US = 1000,
    NS_PER_MS = 1000 * 1000,
    NS_PER_S = 1000 * 1000 * 1000,
    SECONDS_PER_DAY = 24 * 60 * 60,
};

/* value / scale to `decimals` places, rounded to nearest. */
static struct unit_text scaled(uint64_t value, uint64_t scale, unsigned decimals, const char *unit)
{
    struct unit_text out;
    uint64_t power = 1;

    for (unsigned i = 0; i < decimals; i++)
        power *= 10;

    uint64_t whole = value / scale;
    uint64_t fraction = ((value % scale) * power + scale / 2) / scale;
    if (fraction == power) {
        whole++;
        fraction = 0;
    }
    if (decimals == 0)
        snprintf(out.text, sizeof out.text, "%" PRIu64 " %s", whole, unit);
    else
        snprintf(out.text, sizeof out.text, "%" PRIu64 ".%0*" PRIu64 " %s", whole, (int)decimals,
                 fraction, unit);
    return out;
}

struct unit_text unit_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    uint64_t scale = 1;

    while (unit + 1 < sizeof units / sizeof units[0] && bytes / scale >= 1024) {
        scale *= 1024;
        unit++;
    }
    return scaled(bytes, scale, bytes % scale == 0 ? 0 : 1, units[unit]);
}

struct unit_text unit_count(uint64_t count)
{
    struct unit_text out;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = out.text;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

/* Three significant digits: 1.23, 12.3, 123. */
static unsigned decimals_of(uint64_t value, uint64_t scale)
{
    if (value / scale >= 100)
        return 0;
    return value / scale >= 10 ? 1 : 2;
}

struct unit_text unit_span(uint64_t ns)
{
    if (ns == 0)
        return scaled(0, 1, 0, "s");
    if (ns < NS_PER_US)
        return scaled(ns, 1, 0, "ns");
    if (ns < NS_PER_MS)
        return scaled(ns, NS_PER_US, decimals_of(ns, NS_PER_US), "us");
    if (ns < NS_PER_S)
        return scaled(ns, NS_PER_MS, decimals_of(ns, NS_PER_MS), "ms");
    return scaled(ns, NS_PER_S, decimals_of(ns, NS_PER_S), "s");
}

struct unit_text unit_age(uint64_t ns)
{
    struct unit_text out;
    uint64_t seconds = ns / NS_PER_S;

    if (seconds < 60)
        return scaled(ns, NS_PER_S, 3, "s");

    unsigned hour = (unsigned)(seconds / 3600 % 24);
    unsigned minute = (unsigned)(seconds / 60 % 60);
    unsigned second = (unsigned)(seconds % 60);
    if (seconds < SECONDS_PER_DAY)
        snprintf(out.text, sizeof out.text, "%02u:%02u:%02u", hour, minute, second);
    else
        snprintf(out.text, sizeof out.text, "%" PRIu64 " d %02u:%02u:%02u",
                 seconds / SECONDS_PER_DAY, hour, minute, second);
    return out;
}

struct unit_text unit_until(uint64_t when_ns, uint64_t now_ns)
{
    struct unit_text out = {"now"};

    if (when_ns > now_ns)
        snprintf(out.text, sizeof out.text, "in %.24s", unit_span(when_ns - now_ns).text);
    return out;
}

struct unit_text unit_share(uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return (struct unit_text){"-"};
    /* Keep the product within 64 bits; the lost digits are far below what is shown. */
    while (part > UINT64_MAX / 1000) {
        part >>= 1;
        whole >>= 1;
    }
    if (whole == 0)
        return (struct unit_text){"-"};
    return scaled((part * 1000 + whole / 2) / whole, 10, 1, "%");
}
