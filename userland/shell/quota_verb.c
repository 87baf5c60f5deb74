/*
 * What domains may have, and how much of it they do: quotas, and system calls.
 */
#include "listing.h"
#include "record_text.h"
#include "table.h"
#include "unit.h"

#include "app/syscall_set.h"
#include "rt/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { QUOTAS = 6, LINE_COLUMNS = 80 };

struct quota_row {
    const char *what;
    uint32_t used;
    uint32_t limit; /* UINT32_MAX: none */
};

static void quota_rows(const struct inspect_domain *domain, struct quota_row out[QUOTAS])
{
    const struct quota *used = &domain->kernel.used;
    const struct quota *limit = &domain->kernel.limit;

    out[0] = (struct quota_row){"frames", used->frames, limit->frames};
    out[1] = (struct quota_row){"objects", used->objects, limit->objects};
    out[2] = (struct quota_row){"handles", used->handles, limit->handles};
    out[3] = (struct quota_row){"threads", used->threads, limit->threads};
    out[4] = (struct quota_row){"log bytes", used->log_bytes, limit->log_bytes};
    out[5] = (struct quota_row){"connections", domain->connections, domain->quota_connections};
}

static struct unit_text quota_limit(const struct quota_row *row)
{
    struct unit_text out = {"all"};

    if (row->limit != UINT32_MAX)
        snprintf(out.text, sizeof out.text, "%" PRIu32, row->limit);
    return out;
}

static void print_all(struct shell *shell)
{
    static const struct table_column columns[] = {
        {"domain", false}, {"frames", true},    {"objects", true},     {"handles", true},
        {"threads", true}, {"log bytes", true}, {"connections", true}, {"denied", true},
    };
    struct table table;
    struct listing listing;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_DOMAINS, NULL);
    for (const struct inspect_domain *domain; (domain = listing_next(&listing)) != NULL;) {
        struct quota_row rows[QUOTAS];

        if (domain->state != INSPECT_RUNNING)
            continue;
        quota_rows(domain, rows);
        table_cell(&table, "%s", text_of_name(domain->name).text);
        for (unsigned i = 0; i < QUOTAS; i++)
            table_cell(&table, "%" PRIu32 "/%s", rows[i].used, quota_limit(&rows[i]).text);
        table_cell(&table, "%" PRIu64, domain->kernel.denied_calls);
    }
    listing_print(&listing, &table);
}

static void print_quotas(const struct inspect_domain *domain)
{
    static const struct table_column columns[] = {{"what", false}, {"used", true}, {"limit", true}};
    struct quota_row rows[QUOTAS];
    struct table table;

    quota_rows(domain, rows);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (unsigned i = 0; i < QUOTAS; i++) {
        table_cell(&table, "%s", rows[i].what);
        table_cell(&table, "%" PRIu32, rows[i].used);
        table_cell(&table, "%s", quota_limit(&rows[i]).text);
    }
    table_print(&table);
}

/* Words behind a title, on as many lines as the terminal's width makes of them. */
struct word_list {
    size_t column; /* where the last one ended */
    unsigned count;
};

static struct word_list word_list_begin(const char *title)
{
    return (struct word_list){.column = (size_t)printf("%s:", title)};
}

static void word_list_add(struct word_list *list, const char *word)
{
    static const char margin[] = "   ";

    if (list->count++ > 0)
        list->column += (size_t)printf(",");
    if (list->column + strlen(word) + sizeof " " >= LINE_COLUMNS) {
        printf("\n%s", margin);
        list->column = strlen(margin);
    }
    list->column += (size_t)printf(" %s", word);
}

static void word_list_end(const struct word_list *list)
{
    puts(list->count == 0 ? " none" : "");
}

/* By the manifest's words, and then each by itself. */
static void print_calls(uint64_t mask)
{
    static const char title[] = "system calls";
    const uint64_t all = (UINT64_C(1) << SYS_COUNT) - 1;
    const char *word;

    if ((mask & all) == all) {
        printf("%s: all\n", title);
        return;
    }
    struct word_list list = word_list_begin(title);
    for (uint64_t left = mask; (word = syscall_set_take(&left)) != NULL;)
        word_list_add(&list, word);
    word_list_end(&list);

    list = word_list_begin("  one by one");
    for (uint64_t number = 0; number < SYS_COUNT; number++)
        if ((mask >> number & 1) != 0 && (word = syscall_set_word(number)) != NULL)
            word_list_add(&list, word);
    word_list_end(&list);
}

static void print_one(const struct inspect_domain *domain)
{
    print_quotas(domain);
    print_calls(domain->kernel.syscall_mask);
    printf("denied calls: %" PRIu64 "; a denied call is %s\n", domain->kernel.denied_calls,
           domain->denial_faults != 0 ? "a fault, which stops it" : "an error");
}

void verb_quotas(struct shell *shell, int count, char **arguments)
{
    if (count == 0) {
        print_all(shell);
        return;
    }
    const struct inspect_domain *domain = listing_find_domain(shell, arguments[0]);
    if (domain == NULL)
        printf("no domain \"%s\": Tab lists the names\n", arguments[0]);
    else if (domain->state == INSPECT_BACKING_OFF)
        printf("%s isn't running: it starts again %s\n", arguments[0],
               unit_until(domain->next_start_ns, time_now_ns()).text);
    else if (domain->state != INSPECT_RUNNING)
        printf("%s isn't running\n", arguments[0]);
    else
        print_one(domain);
}
