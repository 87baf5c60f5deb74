/*
 * HTTP date arithmetic.  Days are counted from 0000-03-01 in the proleptic
 * Gregorian calendar, so that the leap day is the last day of a year and the
 * months before it fall into a fixed pattern of 153 days in five months.
 */

#include "http_date.h"

enum {
    DAY_SECONDS = 86400,
    ERA_DAYS = 146097,  /* in 400 years */
    EPOCH_DAYS = 719468 /* from 0000-03-01 to 1970-01-01 */
};

static const char day_names[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
    uint64_t year, month, day; /* month and day count from 1 */
    uint64_t hour, minute, second;
};

static uint64_t days_of(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t y = month <= 2 ? year - 1 : year;
    uint64_t year_of_era = y % 400;
    uint64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    uint64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return y / 400 * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

static struct date date_of(uint64_t seconds)
{
    uint64_t days = seconds / DAY_SECONDS + EPOCH_DAYS;
    uint64_t of_era = days % ERA_DAYS;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t shifted = (5 * of_year + 2) / 153; /* March is 0 */
    uint64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    uint64_t of_day = seconds % DAY_SECONDS;

    return (struct date){
        .year = days / ERA_DAYS * 400 + year + (month <= 2 ? 1 : 0),
        .month = month,
        .day = of_year - (153 * shifted + 2) / 5 + 1,
        .hour = of_day / 3600,
        .minute = of_day / 60 % 60,
        .second = of_day % 60,
    };
}

static void put_number(char *out, uint64_t number, int digits)
{
    while (digits-- > 0) {
        out[digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

void http_date_write(uint64_t seconds, char out[HTTP_DATE_SIZE])
{
    struct date d = date_of(seconds);

    memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", HTTP_DATE_SIZE);
    memcpy(out, day_names + seconds / DAY_SECONDS % 7 * 3, 3);
    put_number(out + 5, d.day, 2);
    memcpy(out + 8, month_names + (d.month - 1) * 3, 3);
    put_number(out + 12, d.year, 4);
    put_number(out + 17, d.hour, 2);
    put_number(out + 20, d.minute, 2);
    put_number(out + 23, d.second, 2);
}

/* ---- reading: each step takes what it expects off the front, or fails for good ---- */

struct reader {
    struct text rest;
    bool failed;
};

static void take_text(struct reader *r, const char *expected)
{
    struct text t = text_of(expected);

    if (!text_starts_with(r->rest, t)) {
        r->failed = true;
        return;
    }
    r->rest = text_after(r->rest, t.size);
}

static uint64_t take_number(struct reader *r, size_t digits)
{
    uint64_t number = 0;

    if (r->rest.size < digits || !text_number((struct text){r->rest.data, digits}, &number)) {
        r->failed = true;
        return 0;
    }
    r->rest = text_after(r->rest, digits);
    return number;
}

static uint64_t take_month(struct reader *r)
{
    for (uint64_t i = 0; i < 12; i++) {
        if (text_starts_with(r->rest, (struct text){month_names + i * 3, 3})) {
            r->rest = text_after(r->rest, 3);
            return i + 1;
        }
    }
    r->failed = true;
    return 1;
}

static void take_time(struct reader *r, struct date *d)
{
    d->hour = take_number(r, 2);
    take_text(r, ":");
    d->minute = take_number(r, 2);
    take_text(r, ":");
    d->second = take_number(r, 2);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static void take_fixed(struct reader *r, struct date *d)
{
    take_text(r, ", ");
    d->day = take_number(r, 2);
    take_text(r, " ");
    d->month = take_month(r);
    take_text(r, " ");
    d->year = take_number(r, 4);
    take_text(r, " ");
    take_time(r, d);
    take_text(r, " GMT");
}

/* Sunday, 06-Nov-94 08:49:37 GMT; two digits mean 1970 to 2069 */
static void take_rfc850(struct reader *r, struct date *d)
{
    take_text(r, ", ");
    d->day = take_number(r, 2);
    take_text(r, "-");
    d->month = take_month(r);
    take_text(r, "-");
    d->year = take_number(r, 2);
    d->year += d->year < 70 ? 2000 : 1900;
    take_text(r, " ");
    take_time(r, d);
    take_text(r, " GMT");
}

/* Sun Nov  6 08:49:37 1994 */
static void take_asctime(struct reader *r, struct date *d)
{
    take_text(r, " ");
    d->month = take_month(r);
    take_text(r, " ");
    if (text_starts_with(r->rest, text_of(" "))) {
        take_text(r, " ");
        d->day = take_number(r, 1);
    } else {
        d->day = take_number(r, 2);
    }
    take_text(r, " ");
    take_time(r, d);
    take_text(r, " ");
    d->year = take_number(r, 4);
}

/* Skip the day's name, which says nothing the date doesn't; how many letters it had. */
static size_t skip_day_name(struct reader *r)
{
    size_t length = 0;

    while (length < r->rest.size && r->rest.data[length] != ',' && r->rest.data[length] != ' ')
        length++;
    r->rest = text_after(r->rest, length);
    return length;
}

static bool date_is_real(const struct date *d, uint64_t *seconds)
{
    if (d->year < 1970 || d->day < 1 || d->day > 31 || d->hour > 23 || d->minute > 59
        || d->second > 60)
        return false;

    uint64_t time = d->hour * 3600 + d->minute * 60 + d->second;
    uint64_t value = days_of(d->year, d->month, d->day) * DAY_SECONDS + time;

    /* A day that its month doesn't have comes back as another one. */
    if (date_of(value - time).day != d->day)
        return false;
    *seconds = value;
    return true;
}

bool http_date_read(struct text t, uint64_t *seconds)
{
    struct reader r = {t, false};
    struct date d = {0};
    size_t name = skip_day_name(&r);

    if (name < 3 || r.rest.size == 0)
        return false;
    if (r.rest.data[0] == ' ')
        take_asctime(&r, &d);
    else if (name == 3)
        take_fixed(&r, &d);
    else
        take_rfc850(&r, &d);
    return !r.failed && r.rest.size == 0 && date_is_real(&d, seconds);
}
