/*
 * Verbs about who may have what: what the manifest says, and what became of it.
 */
#include "listing.h"
#include "record_text.h"
#include "table.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *text_of_request(uint32_t request)
{
    switch ((enum inspect_request)request) {
    case INSPECT_ASKED_CONNECT:
        return "connect to";
    case INSPECT_ASKED_OFFER:
        return "offer";
    case INSPECT_ASKED_LAUNCH:
        return "launch or stop";
    case INSPECT_ASKED_POWER:
        return "switch off";
    case INSPECT_ASKED_COPIES:
        return "measure copies of";
    }
    return "?";
}

static const char *text_of_decision(uint32_t status)
{
    switch ((enum status)status) {
    case STATUS_OK:
        return "granted";
    case STATUS_WOULD_BLOCK:
        return "told to wait";
    case STATUS_PEER_DEAD:
        return "told that it is down";
    case STATUS_DENIED:
        return "refused by the manifest";
    default:
        return status_text((enum status)status);
    }
}

void verb_audit(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"last", true},  {"domain", false}, {"asked to", false},
        {"what", false}, {"times", true},   {"was", false},
    };
    const char *only = count > 0 ? arguments[0] : NULL;
    uint64_t lost = 0;
    struct table table;
    struct listing listing;

    if (only != NULL && listing_find_domain(shell, only) == NULL) {
        printf("no domain \"%s\": Tab lists the names\n", only);
        return;
    }
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_AUDIT, NULL);
    for (const struct inspect_decision *d; (d = listing_next(&listing)) != NULL;) {
        if (only != NULL && strcmp(text_of_name(d->client).text, only) != 0)
            continue;
        table_cell(&table, "%s", unit_span(d->time_ns).text);
        table_cell(&table, "%s", text_of_name(d->client).text);
        table_cell(&table, "%s", text_of_request(d->request));
        table_cell(&table, "%.*s", (int)sizeof d->target,
                   d->target[0] == '\0' ? "the machine" : d->target);
        table_cell(&table, "%" PRIu32, d->times);
        table_cell(&table, "%s", text_of_decision(d->status));
        if (only != NULL)
            lost = d->lost;
    }
    listing_print(&listing, &table);
    if (lost != 0)
        printf("and %" PRIu64 " older ones, which are no longer kept\n", lost);
}

static void print_service(const char *domain, const char *service, const struct inspect_why *why)
{
    printf("%s offers %s and is %s", text_of_name(why->owner).text, service,
           text_of_inspect_state(why->owner_state));
    if (why->owner_state == INSPECT_RUNNING && why->is_up == 0)
        printf(", but doesn't serve it yet");
    if (why->connections != 0)
        printf("; %s has %" PRIu32 " connection%s to it", domain, why->connections,
               why->connections == 1 ? "" : "s");
    puts("");
    if (why->quota != 0)
        printf("but it gets no more of it: it has all %" PRIu32
               " connections that its `quota-connections` allows\n",
               why->quota);
}

static void print_verdict(const char *domain, const char *target, const struct inspect_why *why)
{
    const bool is_domain = why->target_kind == INSPECT_TARGET_DOMAIN;
    const char *list = is_domain ? "launches" : "connects";
    const char *what = is_domain ? "launch or stop" : "connect to";

    if (why->is_allowed != 0)
        printf("yes: the entry of %s in the manifest has %s in `%s`, so it may %s it\n", domain,
               target, list, what);
    else if (why->steers_all != 0)
        printf(
            "yes: the entry of %s in the manifest has %s in `connects`, so it may %s any domain\n",
            domain, INSPECT_SERVICE, what);
    else
        printf("no: the entry of %s in the manifest lacks %s in `%s`, so it may not %s it\n",
               domain, target, list, what);
}

/* The launcher has no entry in the manifest. */
static void print_why_launcher(const char *target, const struct inspect_why *why)
{
    if (why->target_kind == INSPECT_TARGET_BUILTIN)
        printf("yes: %s itself serves %s\n", VERB_LAUNCHER, target);
    else if (why->target_kind == INSPECT_TARGET_DOMAIN)
        printf("yes: %s is the launcher, which has no entry in the manifest and starts them all\n",
               VERB_LAUNCHER);
    else
        printf("no: %s is the launcher, which has no entry in the manifest and uses no service\n",
               VERB_LAUNCHER);
}

static void print_why(const char *domain, const char *target, const struct inspect_why *why)
{
    if (why->target_kind == INSPECT_TARGET_UNKNOWN && why->is_allowed == 0) {
        printf("no: nothing in the manifest is called %s\n", target);
        return;
    }
    if (strcmp(domain, VERB_LAUNCHER) == 0) {
        print_why_launcher(target, why);
        return;
    }
    if (strcmp(target, VERB_LAUNCHER) == 0) {
        printf("yes: every domain is born with a connection to %s, the launcher\n", VERB_LAUNCHER);
        return;
    }
    print_verdict(domain, target, why);
    if (why->target_kind == INSPECT_TARGET_UNKNOWN)
        puts("but no entry has it in `offers`: nobody will ever serve it");
    else if (why->target_kind == INSPECT_TARGET_BUILTIN)
        printf("the launcher itself serves %s\n", target);
    else if (why->target_kind == INSPECT_TARGET_DOMAIN)
        printf("%s is %s\n", target, text_of_inspect_state(why->owner_state));
    else
        print_service(domain, target, why);
    if (why->is_own != 0)
        printf("%s serves it itself\n", domain);
}

void verb_why(struct shell *shell, int count, char **arguments)
{
    struct inspect *inspect = verb_inspect(shell);
    struct inspect_why why;

    (void)count;
    if (inspect == NULL)
        return;
    const enum status s = inspect_why(inspect, arguments[0], arguments[1], &why);
    if (s == STATUS_NOT_FOUND)
        printf("no domain \"%s\": Tab lists the names\n", arguments[0]);
    else if (s == STATUS_BAD_ARGUMENT) /* no name has such characters, or none at all */
        printf("no: nothing in the manifest is called \"%s\"\n", arguments[1]);
    else if (!verb_failed(s, "cannot ask for the manifest's word"))
        print_why(arguments[0], arguments[1], &why);
}
