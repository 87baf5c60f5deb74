/*
 * App: one function for each operation.
 *
 * Words and handles come from anybody.  A name is checked before it is used or logged;
 * each handle that came is either kept by somebody or closed.
 */
#include "app.h"

#include "audit_log.h"
#include "handle.h"
#include "origin.h"
#include "pulse.h"
#include "services.h"
#include "supervisor.h"
#include "voice.h"

#include "rt/app.h"
#include "rt/log.h"
#include "rt/service_name.h"
#include "rt/syscall.h"

#include <string.h>

enum {
    NAME_WORD = 1,
    ARGUMENT_WORD = 5,
    ARGUMENT_BYTES = 24,
};

struct operation {
    struct child *caller;
    char name[SERVICE_NAME_BYTES]; /* empty where the operation has none */
    const struct portal_message *in;
    handle_t handle; /* the first that came; whoever keeps it sets it to 0 */
    struct portal_message *out;
};

static enum status app_connect_request(struct operation *op)
{
    const handle_t event = op->handle;
    handle_t portal;

    op->handle = 0;
    const enum status s = services_connect(op->caller, op->name, event, &portal);
    if (s == STATUS_OK)
        op->out->word[1] = portal;
    return s;
}

static enum status app_offer_request(struct operation *op)
{
    const handle_t portal = op->handle;

    op->handle = 0;
    return services_offer(op->caller, op->name, portal);
}

/* The child that the caller may launch, stop and restart. */
static enum status app_target(const struct operation *op, struct child **out)
{
    struct child *target = supervisor_find(op->name);

    if (!manifest_may_launch(op->caller->domain, op->name))
        return STATUS_DENIED;
    *out = target;
    return target == NULL ? STATUS_NOT_FOUND : STATUS_OK;
}

/* The argument is text, ended by a zero unless it fills its words. */
static enum status app_argument(const struct operation *op, char out[ARGUMENT_BYTES + 1])
{
    memcpy(out, &op->in->word[ARGUMENT_WORD], ARGUMENT_BYTES);
    out[ARGUMENT_BYTES] = '\0';
    for (const char *c = out; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return STATUS_BAD_ARGUMENT;
    }
    return STATUS_OK;
}

static enum status app_launch_request(struct operation *op)
{
    char argument[ARGUMENT_BYTES + 1];
    struct child *target;
    handle_t domain = 0;
    enum status s = app_target(op, &target);

    if (s == STATUS_OK)
        s = app_argument(op, argument);
    if (s == STATUS_OK)
        s = supervisor_launch(target, argument[0] == '\0' ? NULL : argument, op->handle);
    if (s != STATUS_OK)
        return s;
    op->handle = 0;
    op->out->word[1] = target->loaded.domain_id;
    s = handle_duplicate(target->loaded.domain, RIGHT_INSPECT | RIGHT_TRANSFER, 0, &domain);
    if (s == STATUS_OK)
        op->out->handle[0] = domain | HANDLE_MOVE;
    else
        (void)!supervisor_stop(target); /* who hears of an error has launched nobody */
    return s;
}

static enum status app_stop_request(struct operation *op)
{
    struct child *target;
    const enum status s = app_target(op, &target);

    return s == STATUS_OK ? supervisor_stop(target) : s;
}

static enum status app_restart_request(struct operation *op)
{
    struct child *target;
    const enum status s = app_target(op, &target);

    return s == STATUS_OK ? supervisor_restart(target) : s;
}

static enum status app_exit_request(struct operation *op)
{
    supervisor_exit(op->caller, op->in->word[1]);
    return STATUS_OK;
}

static enum status app_power_off_request(const struct operation *op)
{
    if (!op->caller->domain->may_power_off)
        return STATUS_DENIED;
    log_line("%s asked for power off", op->caller->domain->name); /* the last words of a boot */
    return system_control(origin_get()->boot.factory, SYSTEM_POWEROFF);
}

static enum status app_heartbeat_request(struct operation *op)
{
    const handle_t event = op->handle;

    op->handle = 0;
    return pulse_register(op->caller, event);
}

static enum status app_run(struct operation *op)
{
    switch (op->in->word[0]) {
    case APP_CONNECT:
        return app_connect_request(op);
    case APP_OFFER:
        return app_offer_request(op);
    case APP_LAUNCH:
        return app_launch_request(op);
    case APP_STOP:
        return app_stop_request(op);
    case APP_RESTART:
        return app_restart_request(op);
    case APP_EXIT:
        return app_exit_request(op);
    case APP_POWER_OFF:
        return app_power_off_request(op);
    case APP_HEARTBEAT:
        return app_heartbeat_request(op);
    default:
        return STATUS_BAD_ARGUMENT;
    }
}

/* ---- what the audit log and the log say of it ---- */

/* False: nothing was asked for that anybody could refuse. */
static bool app_question(uint64_t operation, enum inspect_request *out)
{
    switch (operation) {
    case APP_CONNECT:
        *out = INSPECT_ASKED_CONNECT;
        return true;
    case APP_OFFER:
        *out = INSPECT_ASKED_OFFER;
        return true;
    case APP_LAUNCH:
    case APP_STOP:
    case APP_RESTART:
        *out = INSPECT_ASKED_LAUNCH;
        return true;
    case APP_POWER_OFF:
        *out = INSPECT_ASKED_POWER;
        return true;
    default:
        return false;
    }
}

static void app_tell_connect(const struct child *child, const char *name, enum status s)
{
    const char *who = child->domain->name;

    if (s == STATUS_NOT_FOUND)
        voice_line(who, "asked for %s, which nobody in the manifest offers", name);
    else if (s == STATUS_DENIED)
        voice_line(who, "may not connect to %s: add it to `connects` of its manifest entry", name);
    else if (s == STATUS_OUT_OF_QUOTA && child->connections >= child->domain->quota_connections)
        voice_line(who, "gets no connection to %s: it has all that `quota-connections` allows",
                   name);
    else if (s == STATUS_OUT_OF_QUOTA)
        voice_line(who, "gets no connection to %s: %s", name, status_text(s));
}

/* A refusal in the log, for whoever wonders why it doesn't work. */
static void app_tell(const struct operation *op, enum inspect_request request, enum status s)
{
    const char *who = op->caller->domain->name;

    if (request == INSPECT_ASKED_CONNECT)
        app_tell_connect(op->caller, op->name, s);
    else if (s != STATUS_DENIED)
        voice_line(who, "asked for %s to be launched or stopped: %s", op->name, status_text(s));
    else if (request == INSPECT_ASKED_OFFER)
        voice_line(who, "may not offer %s: its manifest entry lacks offers = \"%s\"", op->name,
                   op->name);
    else if (request == INSPECT_ASKED_LAUNCH)
        voice_line(who, "may not launch or stop %s: add it to `launches` of its manifest entry",
                   op->name);
    else
        voice_line(who,
                   "may not switch the machine off: add `may-power-off` to its manifest entry");
}

static void app_note(const struct operation *op, enum status s)
{
    struct audit_question question = {
        .client = op->caller->index,
        .target = op->name,
        .is_stranger =
            op->name[0] != '\0' && !services_has(op->name) && supervisor_find(op->name) == NULL,
    };

    if (!app_question(op->in->word[0], &question.request))
        return;
    const enum audit_telling telling = audit_log_note(&question, s);
    if (telling != AUDIT_QUIET)
        app_tell(op, question.request, s);
    if (telling == AUDIT_TELL_LAST)
        voice_line(op->caller->domain->name, "more such refusals stand in the audit log only");
}

/* What isn't even looked at; no name can be like these, for they have spaces. */
static void app_note_unread(uint32_t client, const struct portal_message *in, const char *why,
                            enum status s)
{
    struct audit_question question = {.client = client, .target = why, .is_stranger = true};

    if (app_question(in->word[0], &question.request))
        (void)audit_log_note(&question, s);
}

/* ---- requests ---- */

static bool app_names_nobody(uint64_t operation)
{
    return operation == APP_EXIT || operation == APP_POWER_OFF || operation == APP_HEARTBEAT;
}

void app_on_request(uint64_t badge, struct portal_message *m)
{
    const struct portal_message in = *m;
    struct operation op = {
        .caller = supervisor_by_badge(badge),
        .in = &in,
        .handle = in.handle[0],
        .out = m,
    };
    enum status s = STATUS_BAD_ARGUMENT;

    *m = (struct portal_message){.word = {0}};
    if (op.caller == NULL) {
        s = STATUS_DENIED;
        app_note_unread(supervisor_badge_index(badge), &in, "by a life that is over", s);
    } else if (app_names_nobody(in.word[0]) || service_name_unpack(&in.word[NAME_WORD], op.name)) {
        s = app_run(&op);
        app_note(&op, s);
    } else {
        app_note_unread(op.caller->index, &in, "what is no name", s);
    }
    m->word[0] = s;
    handle_drop(op.handle);
    for (unsigned i = 1; i < PORTAL_HANDLES; i++)
        handle_drop(in.handle[i]);
}
