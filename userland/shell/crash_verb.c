/*
 * The last deaths: a line for each, or the whole story of one domain's.
 */
#include "listing.h"
#include "record_text.h"
#include "table.h"
#include "unit.h"

#include "abi/fault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct crash_text {
    char text[96];
};

static struct crash_text text_of_cause(const struct inspect_crash *crash)
{
    struct crash_text out = {"?"};

    switch ((enum inspect_cause)crash->cause) {
    case INSPECT_CAUSE_FAULT:
        snprintf(out.text, sizeof out.text, "%s",
                 fault_reason_text((enum fault_reason)crash->code));
        break;
    case INSPECT_CAUSE_EXIT:
        snprintf(out.text, sizeof out.text, "ended with code %" PRIu32, crash->code);
        break;
    case INSPECT_CAUSE_QUIT:
        snprintf(out.text, sizeof out.text, "stopped itself");
        break;
    case INSPECT_CAUSE_KILLED:
        snprintf(out.text, sizeof out.text, "was killed");
        break;
    case INSPECT_CAUSE_SILENCE:
        snprintf(out.text, sizeof out.text, "didn't answer");
        break;
    case INSPECT_CAUSE_STORM:
        snprintf(out.text, sizeof out.text, "interrupt storm");
        break;
    case INSPECT_CAUSE_DAMAGE:
        snprintf(out.text, sizeof out.text, "its text changed");
        break;
    }
    return out;
}

static struct crash_text text_of_outcome(const struct inspect_crash *crash)
{
    struct crash_text out = {"stays down"};

    if (crash->state == INSPECT_BACKING_OFF && crash->delay_ms == 0)
        snprintf(out.text, sizeof out.text, "again at once");
    else if (crash->state == INSPECT_BACKING_OFF)
        snprintf(out.text, sizeof out.text, "again in %s",
                 unit_span(crash->delay_ms * UINT64_C(1000000)).text);
    else if (crash->state == INSPECT_FAILED && crash->failures > 1)
        snprintf(out.text, sizeof out.text, "given up after %" PRIu32, crash->failures);
    return out;
}

/* The address that it was about, and whose that is. */
static struct crash_text text_of_address(const struct inspect_crash *crash)
{
    struct crash_text out = {"-"};

    if (crash->owner.text[0] != '\0')
        snprintf(out.text, sizeof out.text, "0x%" PRIx64 " of %s", crash->address,
                 text_of_name(crash->owner).text);
    return out;
}

static void crash_row(struct table *table, const struct inspect_crash *crash)
{
    table_cell(table, "%s", unit_span(crash->time_ns).text);
    table_cell(table, "%s", text_of_name(crash->domain).text);
    table_cell(table, "%s", text_of_cause(crash).text);
    table_cell(table, "%s", text_of_address(crash).text);
    table_cell(table, "%.*s", (int)sizeof crash->symbol,
               crash->symbol[0] == '\0' ? "-" : crash->symbol);
    table_cell(table, "%s", text_of_outcome(crash).text);
}

static void print_table(struct shell *shell)
{
    static const struct table_column columns[] = {
        {"when", true},     {"domain", false}, {"what", false},
        {"address", false}, {"in", false},     {"then", false},
    };
    struct table table;
    struct listing listing;
    bool is_empty = true;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_CRASHES, NULL);
    for (const struct inspect_crash *crash; (crash = listing_next(&listing)) != NULL;) {
        crash_row(&table, crash);
        is_empty = false;
    }
    if (is_empty && !listing.has_failed) {
        table_drop(&table);
        puts("nobody has died");
        return;
    }
    listing_print(&listing, &table);
}

/* Lines that end with their newlines, each behind `margin`. */
static void print_lines(const char *lines, size_t bytes, const char *margin)
{
    const char *end = lines + strnlen(lines, bytes);

    for (const char *next; (next = memchr(lines, '\n', (size_t)(end - lines))) != NULL;
         lines = next + 1)
        printf("%s%.*s\n", margin, (int)(next - lines), lines);
}

static void print_story(const struct inspect_crash *crash)
{
    printf("%s died at %s after %" PRIu32 " restarts: %s, %s\n", text_of_name(crash->domain).text,
           unit_span(crash->time_ns).text, crash->restarts, text_of_cause(crash).text,
           text_of_outcome(crash).text);
    print_lines(crash->report, sizeof crash->report, "");
    if (crash->last_lines[0] == '\0') {
        puts("it had written nothing to the log lately");
        return;
    }
    puts("its last lines in the log:");
    print_lines(crash->last_lines, sizeof crash->last_lines, "  ");
}

void verb_crashes(struct shell *shell, int count, char **arguments)
{
    struct listing listing;
    unsigned found = 0;

    if (count == 0) {
        print_table(shell);
        return;
    }
    if (listing_find_domain(shell, arguments[0]) == NULL) {
        printf("no domain \"%s\": Tab lists the names\n", arguments[0]);
        return;
    }
    listing_init(&listing, shell, INSPECT_CRASHES, NULL);
    for (const struct inspect_crash *crash; (crash = listing_next(&listing)) != NULL;) {
        if (strcmp(text_of_name(crash->domain).text, arguments[0]) != 0)
            continue;
        if (found++ > 0)
            putchar('\n');
        print_story(crash);
    }
    if (found == 0 && !listing.has_failed)
        printf("%s has not died\n", arguments[0]);
}
