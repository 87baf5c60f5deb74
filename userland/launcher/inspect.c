/*
 * Inspect: connections, single records, and steering.
 */
#include "inspect.h"

#include "audit_log.h"
#include "handle.h"
#include "listing.h"
#include "measure.h"
#include "origin.h"
#include "places.h"
#include "population.h"
#include "services.h"
#include "voice.h"

#include "rt/log.h"
#include "rt/memory.h"
#include "rt/shown_text.h"
#include "rt/syscall.h"

#include <string.h>

enum { NAME_WORD = 1, CURSOR_WORD = 3, ARGUMENT_WORD = 4 };
enum { DOMAINS_WORD = 4, HANDLES_WORD = 5 }; /* of INSPECT_POPULATE, instead of the argument */

/* The buffer of each child's connection; no segment: it has none. */
static struct memory buffers[CHILDREN_MAX];
static handle_t inspect_portal;

/* One request, taken apart. */
struct query {
    const struct child *client;                 /* NULL: the life that asked is over */
    uint32_t index;                             /* the client's place in the manifest */
    enum inspect_op op;                         /* 0: there is none of that number */
    char name[SHOWN_BYTE_MAX * NAME_BYTES + 1]; /* as it is shown; empty: there was none */
    struct child *target;                       /* that it means; NULL: none */
    uint64_t cursor;
    uint64_t domains, handles;
    char argument[INSPECT_ARGUMENT_BYTES + 1];
    uint8_t *buffer;
    struct portal_message *out;
};

/* ---- connections ---- */

void inspect_init(handle_t portal)
{
    inspect_portal = portal;
}

enum status inspect_connect(const struct child *child, handle_t *portal)
{
    return domain_give(child->loaded.domain, inspect_portal, RIGHT_CALL | RIGHT_INSPECT,
                       supervisor_badge(child), portal);
}

void inspect_withdraw(const struct child *child)
{
    struct memory *buffer = &buffers[child->index];

    population_withdraw(child);
    if (buffer->segment == 0)
        return;
    const enum status s = handle_revoke(buffer->segment);
    (void)s;
    memory_release(buffer);
    *buffer = (struct memory){0};
}

static enum status inspect_open_request(struct query *query)
{
    struct memory *buffer = &buffers[query->client->index];
    enum status s = STATUS_OK;
    handle_t handle;

    if (buffer->segment == 0)
        s = memory_create(INSPECT_BUFFER_BYTES, "inspect buffer", 0, buffer);
    if (s == STATUS_OK)
        s = memory_share(buffer, RIGHT_READ, &handle);
    if (s != STATUS_OK)
        return s;
    query->out->handle[0] = handle | HANDLE_MOVE;
    query->out->word[1] = INSPECT_BUFFER_BYTES;
    return STATUS_OK;
}

/* ---- single records ---- */

static enum status answer_one(struct query *query, const void *record, size_t bytes)
{
    memcpy(query->buffer, record, bytes);
    query->out->word[1] = 1;
    query->out->word[2] = bytes;
    return STATUS_OK;
}

static enum status inspect_address_request(struct query *query)
{
    struct inspect_address record;

    place_describe(query->cursor, &record);
    return answer_one(query, &record, sizeof record);
}

static enum status inspect_symbol_request(struct query *query)
{
    const struct place_text symbol = place_symbol(query->cursor);
    struct inspect_symbol record = {.text = ""};

    if (symbol.text[0] == '\0')
        return STATUS_NOT_FOUND;
    memcpy(record.text, symbol.text, sizeof record.text);
    return answer_one(query, &record, sizeof record);
}

static enum status inspect_fault_request(struct query *query)
{
    if (query->target == NULL)
        return STATUS_BAD_ARGUMENT;
    if (!query->target->has_record)
        return STATUS_NOT_FOUND;
    return answer_one(query, &query->target->record, sizeof query->target->record);
}

static enum status inspect_system_request(struct query *query, enum info what, size_t bytes)
{
    union {
        struct info_memory memory;
        struct info_machine machine;
    } record;
    uint64_t next = 0;
    const enum status s = system_info(what, 0, &record, bytes, &next);

    return s == STATUS_OK ? answer_one(query, &record, bytes) : s;
}

static enum status inspect_measure_request(struct query *query)
{
    struct inspect_measure record;

    if (query->target == NULL)
        return STATUS_BAD_ARGUMENT;
    const enum status s = measure_domain(query->target, query->cursor, &record);
    return s == STATUS_OK ? answer_one(query, &record, sizeof record) : s;
}

static enum status inspect_populate_request(struct query *query)
{
    const struct population_wish wish = {
        .owner = query->client,
        .child = query->target,
        .entry = query->cursor,
        .domains = query->domains,
        .handles = query->handles,
    };

    return query->target == NULL ? STATUS_BAD_ARGUMENT
                                 : population_step(&wish, &query->out->word[3]);
}

/* The argument names what `target` may or may not have. */
static enum status inspect_why_request(struct query *query)
{
    struct inspect_why record = {0};

    if (query->target == NULL || query->argument[0] == '\0')
        return STATUS_BAD_ARGUMENT;
    services_explain(query->target, query->argument, &record);
    return answer_one(query, &record, sizeof record);
}

static enum status inspect_list_request(struct query *query)
{
    struct listing listing = {
        .child = query->target, .cursor = query->cursor, .buffer = query->buffer};
    const enum status s = listing_fill(&listing, query->op);

    if (s != STATUS_OK)
        return s;
    query->out->word[1] = listing.count;
    query->out->word[2] = listing.record_bytes;
    query->out->word[3] = listing.cursor;
    return STATUS_OK;
}

/* ---- what the audit log says of it ---- */

/* False: it only looks. */
static bool query_question(const struct query *query, enum inspect_request *out)
{
    switch (query->op) {
    case INSPECT_LAUNCH:
    case INSPECT_STOP:
    case INSPECT_RESTART:
    case INSPECT_KILL:
        *out = INSPECT_ASKED_LAUNCH;
        return true;
    case INSPECT_POWEROFF:
    case INSPECT_REBOOT:
        *out = INSPECT_ASKED_POWER;
        return true;
    case INSPECT_MEASURE:
    case INSPECT_POPULATE:
        *out = INSPECT_ASKED_COPIES;
        return true;
    default:
        return false;
    }
}

/* Who steers sees what comes of it, so the log is told of no refusal. */
static void query_note(const struct query *query, enum status s)
{
    struct audit_question question = {.client = query->index, .target = query->name};

    if (!query_question(query, &question.request))
        return;
    if (query->client == NULL) {
        question.target = "by a life that is over";
        question.is_stranger = true;
    } else if (query->target == NULL && query->name[0] != '\0') {
        question.is_stranger = true;
    }
    (void)audit_log_note(&question, s);
}

/* ---- steering ---- */

/* The argument: in how many milliseconds, up to a day; empty: now. */
static enum status inspect_kill_request(const struct query *query)
{
    uint64_t delay_ms = 0;

    for (const char *c = query->argument; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return STATUS_BAD_ARGUMENT;
        delay_ms = delay_ms * 10 + (uint64_t)(*c - '0');
        if (delay_ms > INSPECT_KILL_MS_MAX)
            return STATUS_BAD_ARGUMENT;
    }
    return supervisor_kill(query->target, delay_ms);
}

static enum status inspect_steer(struct query *query)
{
    const char *argument = query->argument[0] == '\0' ? NULL : query->argument;

    switch (query->op) {
    case INSPECT_LAUNCH:
        return supervisor_launch(query->target, argument, 0);
    case INSPECT_STOP:
        return supervisor_stop(query->target);
    case INSPECT_KILL:
        return inspect_kill_request(query);
    default:
        return supervisor_restart(query->target);
    }
}

static enum status inspect_control_request(struct query *query)
{
    if (query->target == NULL)
        return STATUS_BAD_ARGUMENT;
    voice_refresh(query->target->domain->name);
    return inspect_steer(query);
}

static enum status inspect_machine_control(const struct query *query, enum system_control what)
{
    query_note(query, STATUS_OK); /* nobody comes back from it */
    log_line("%s asked for %s", query->client->domain->name,
             what == SYSTEM_POWEROFF ? "power off" : "a reboot");
    return system_control(origin_get()->boot.factory, what);
}

/* ---- requests ---- */

static enum status inspect_run(struct query *query)
{
    if (query->op != INSPECT_OPEN && query->buffer == NULL)
        return STATUS_BAD_STATE;
    switch (query->op) {
    case INSPECT_OPEN:
        return inspect_open_request(query);
    case INSPECT_ADDRESS:
        return inspect_address_request(query);
    case INSPECT_MEMORY:
        return inspect_system_request(query, INFO_MEMORY, sizeof(struct info_memory));
    case INSPECT_MACHINE:
        return inspect_system_request(query, INFO_MACHINE, sizeof(struct info_machine));
    case INSPECT_SYMBOL:
        return inspect_symbol_request(query);
    case INSPECT_FAULT:
        return inspect_fault_request(query);
    case INSPECT_MEASURE:
        return inspect_measure_request(query);
    case INSPECT_POPULATE:
        return inspect_populate_request(query);
    case INSPECT_WHY:
        return inspect_why_request(query);
    case INSPECT_LAUNCH:
    case INSPECT_STOP:
    case INSPECT_RESTART:
    case INSPECT_KILL:
        return inspect_control_request(query);
    case INSPECT_POWEROFF:
        return inspect_machine_control(query, SYSTEM_POWEROFF);
    case INSPECT_REBOOT:
        return inspect_machine_control(query, SYSTEM_REBOOT);
    default:
        return inspect_list_request(query);
    }
}

/* Find the child that the name means.  Errors: NOT_FOUND (a name, but nobody's). */
static enum status query_target(struct query *query, const struct portal_message *in)
{
    char name[NAME_BYTES + 1] = {0};

    memcpy(name, &in->word[NAME_WORD], NAME_BYTES);
    if (name[0] == '\0')
        return STATUS_OK;
    shown_text(query->name, sizeof query->name, name, NAME_BYTES);
    query->target = supervisor_find(name);
    return query->target == NULL ? STATUS_NOT_FOUND : STATUS_OK;
}

/* The argument is text; a program shows it to people. */
static enum status query_argument(struct query *query, const struct portal_message *in)
{
    memcpy(query->argument, &in->word[ARGUMENT_WORD], INSPECT_ARGUMENT_BYTES);
    for (const char *c = query->argument; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return STATUS_BAD_ARGUMENT;
    }
    return STATUS_OK;
}

void inspect_on_request(uint64_t badge, struct portal_message *m)
{
    const struct portal_message in = *m;
    struct query query = {
        .client = supervisor_by_badge(badge),
        .index = supervisor_badge_index(badge),
        .op = in.word[0] <= INSPECT_KILL ? (enum inspect_op)in.word[0] : 0,
        .cursor = in.word[CURSOR_WORD],
        .domains = in.word[DOMAINS_WORD],
        .handles = in.word[HANDLES_WORD],
        .out = m,
    };
    enum status s = STATUS_DENIED;

    *m = (struct portal_message){.word = {0}};
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        handle_drop(in.handle[i]);
    if (query.client != NULL && query.op != 0) {
        query.buffer = buffers[query.client->index].address;
        s = query_target(&query, &in);
        if (s == STATUS_OK && query.op != INSPECT_POPULATE)
            s = query_argument(&query, &in);
        if (s == STATUS_OK)
            s = inspect_run(&query);
    }
    query_note(&query, s);
    m->word[0] = s;
}
