/*
 * Verbs that need hardly anything: help, time, and the terminal itself.
 */
#include "terminal.h"
#include "unit.h"
#include "verb.h"

#include "rt/app.h"
#include "rt/syscall.h"
#include "rt/time.h"
#include "rtc/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_help(const struct verb *verb)
{
    char usage[64];

    snprintf(usage, sizeof usage, "%s %s", verb->name, verb->arguments);
    printf("  %-26s %s\n", usage, verb->help);
}

void verb_help(struct shell *shell, int count, char **arguments)
{
    size_t verb_count;
    const struct verb *verbs = verb_table(&verb_count);

    (void)shell;
    if (count > 0) {
        const struct verb *verb = verb_find(arguments[0]);
        if (verb == NULL)
            printf("no verb \"%.32s\": help lists them\n", arguments[0]);
        else
            print_help(verb);
        return;
    }
    for (size_t i = 0; i < verb_count; i++)
        print_help(&verbs[i]);
    puts("Keys: Tab completes, arrows edit and recall, Ctrl-C drops the line.");
}

void verb_clear(struct shell *shell, int count, char **arguments)
{
    (void)shell;
    (void)count;
    (void)arguments;
    terminal_clear();
}

void verb_terminal(struct shell *shell, int count, char **arguments)
{
    (void)shell;
    if (count > 0 && strcmp(arguments[0], "dumb") == 0)
        terminal_set_kind(TERMINAL_DUMB);
    else if (count > 0 && strcmp(arguments[0], "ansi") == 0)
        terminal_set_kind(TERMINAL_ANSI);
    else if (count > 0)
        puts("usage: terminal [ansi|dumb]");
    else
        puts(terminal_kind() == TERMINAL_DUMB ? "dumb" : "ansi");
}

void verb_echo(struct shell *shell, int count, char **arguments)
{
    (void)shell;
    for (int i = 0; i < count; i++)
        printf("%s%s", i == 0 ? "" : " ", arguments[i]);
    putchar('\n');
}

void verb_uptime(struct shell *shell, int count, char **arguments)
{
    (void)shell;
    (void)count;
    (void)arguments;
    printf("%s since power-on\n", unit_age(time_now_ns()).text);
}

/*
 * Year, month and day of the `days`th day after 1970-01-01, by counting from 1 March of
 * year 0: then the leap day is the last of its year, and a month's start is a line.
 */
static void print_day(uint64_t days)
{
    uint64_t since_march_0 = days + 719468;
    uint64_t era = since_march_0 / 146097; /* 400 years */
    uint64_t day_of_era = since_march_0 % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    uint64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    uint64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);

    printf("%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64, year, month, day);
}

/* From the clock there is now: one that has died since the last time is let go of. */
static enum status read_clock(struct clock_reading *reading)
{
    static handle_t clock;
    enum status s = clock == 0 ? STATUS_PEER_DEAD : clock_read(clock, reading);

    if (s != STATUS_PEER_DEAD)
        return s;
    if (clock != 0)
        (void)!handle_close(clock);
    clock = 0;
    s = app_connect_try(CLOCK_SERVICE, 0, &clock);
    return s == STATUS_OK ? clock_read(clock, reading) : s;
}

void verb_date(struct shell *shell, int count, char **arguments)
{
    struct clock_reading reading = {0};

    (void)shell;
    (void)count;
    (void)arguments;
    if (read_clock(&reading) != STATUS_OK) {
        puts("no clock: rtc:Clock is not up, domains and log say why");
        return;
    }
    uint64_t now = (reading.offset_ns + time_now_ns()) / NS_PER_S;
    print_day(now / 86400);
    printf(" %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " UTC%s\n", now / 3600 % 24, now / 60 % 60,
           now % 60, reading.is_precise ? "" : " (to the second)");
}
