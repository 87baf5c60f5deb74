/*
 * Services: the tables of names and of those who wait.
 */
#include "services.h"

#include "grants.h"
#include "handle.h"
#include "inspect.h"
#include "origin.h"
#include "voice.h"

#include "rt/app.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <string.h>

enum {
    PORTAL_NEEDS = RIGHT_CALL | RIGHT_DUPLICATE | RIGHT_TRANSFER,
    PORTAL_GIVES = RIGHT_CALL | RIGHT_INSPECT, /* a connection can't be passed on */
    WAITERS_PER_SERVICE = 4,                   /* of one client */
    WAITERS_PER_CLIENT = WAITERS_MAX / 4,      /* for all services */
};

struct waiter {
    struct service_entry *service; /* NULL: unused */
    struct child *child;
    handle_t event;
    uint64_t badge; /* of `event` */
};

static struct service_entry services[SERVICES_MAX];
static unsigned service_count;
static struct waiter waiters[WAITERS_MAX];

enum status services_init(void)
{
    for (unsigned i = 1; i < supervisor_count(); i++) {
        struct child *child = supervisor_child(i);
        for (uint32_t j = 0; j < child->domain->offer_count; j++) {
            if (service_count == SERVICES_MAX)
                return STATUS_OUT_OF_QUOTA;
            services[service_count++] =
                (struct service_entry){.name = child->domain->offers[j], .owner = child};
        }
    }
    return STATUS_OK;
}

unsigned services_count(void)
{
    return service_count;
}

const struct service_entry *services_entry(unsigned index)
{
    return &services[index];
}

static struct service_entry *service_find(const char *name)
{
    for (unsigned i = 0; i < service_count; i++) {
        if (strcmp(services[i].name, name) == 0)
            return &services[i];
    }
    return NULL;
}

bool services_has(const char *name)
{
    return manifest_is_builtin(name) || service_find(name) != NULL;
}

/* ---- waiting ---- */

static void waiter_end(struct waiter *waiter, bool signal)
{
    if (signal)
        (void)event_signal(waiter->event, UINT64_MAX);
    handle_drop(waiter->event);
    waiter->service->waiting_count--;
    *waiter = (struct waiter){0};
}

/* The bits that it sets; a program has one event, and each of its connections bits of its own. */
static uint64_t event_badge(handle_t event)
{
    struct handle_info info;

    return handle_info(event, &info) == STATUS_OK ? info.badge : 0;
}

/* A place for one more; NULL: there is none, or the client has all that it may have. */
static struct waiter *waiter_place(const struct service_entry *service, const struct child *child)
{
    struct waiter *place = NULL;
    unsigned of_client = 0;
    unsigned of_both = 0;

    for (unsigned i = 0; i < WAITERS_MAX; i++) {
        const struct waiter *waiter = &waiters[i];

        if (waiter->service == NULL)
            place = place == NULL ? &waiters[i] : place;
        of_client += waiter->child == child;
        of_both += waiter->child == child && waiter->service == service;
    }
    return of_client < WAITERS_PER_CLIENT && of_both < WAITERS_PER_SERVICE ? place : NULL;
}

/* One place for each client, service and bit: who asks again replaces its event. */
static enum status waiter_add(struct service_entry *service, struct child *child, handle_t event)
{
    const uint64_t badge = event_badge(event);

    for (unsigned i = 0; i < WAITERS_MAX; i++) {
        if (waiters[i].service == service && waiters[i].child == child && waiters[i].badge == badge)
            waiter_end(&waiters[i], false);
    }

    struct waiter *place = waiter_place(service, child);

    if (place == NULL)
        return STATUS_OUT_OF_QUOTA;
    *place = (struct waiter){.service = service, .child = child, .event = event, .badge = badge};
    service->waiting_count++;
    return STATUS_OK;
}

static void service_wake_waiters(struct service_entry *service)
{
    for (unsigned i = 0; i < WAITERS_MAX; i++) {
        if (waiters[i].service == service)
            waiter_end(&waiters[i], true);
    }
}

/* ---- offering ---- */

static bool is_offerable(handle_t portal)
{
    struct handle_info info;

    return handle_info(portal, &info) == STATUS_OK && info.type == OBJECT_PORTAL && info.badge == 0
           && (info.rights & PORTAL_NEEDS) == PORTAL_NEEDS;
}

/* The console is there: from now on it shows the log, and the kernel needn't. */
static void release_log(const struct child *child)
{
    const enum status s = system_control(origin_get()->boot.factory, SYSTEM_LOG_RELEASE);

    if (s != STATUS_OK)
        voice_line(child->domain->name, "the early console stays: %s", status_text(s));
}

static bool child_offers_all(const struct child *child)
{
    for (unsigned i = 0; i < service_count; i++) {
        if (services[i].owner == child && services[i].portal == 0)
            return false;
    }
    return true;
}

enum status services_offer(struct child *child, const char *name, handle_t portal)
{
    struct service_entry *service = service_find(name);

    if (service == NULL || service->owner != child) {
        handle_drop(portal);
        return STATUS_DENIED;
    }
    if (!is_offerable(portal)) {
        handle_drop(portal);
        return STATUS_BAD_ARGUMENT;
    }
    handle_drop(service->portal);
    service->portal = portal;
    service->offered_in = child->starts;
    if (child->domain->takes_log)
        release_log(child);
    service_wake_waiters(service);
    if (child_offers_all(child))
        supervisor_on_service(child);
    return STATUS_OK;
}

/* ---- connecting ---- */

/* Asking for it has it started: on demand, but not again after a life that ended in order without
 * having served it. */
static bool service_is_summonable(const struct service_entry *service)
{
    const struct child *owner = service->owner;

    return owner->domain->start == MANIFEST_START_ON_DEMAND
           && (owner->state == INSPECT_IDLE
               || (owner->state == INSPECT_EXITED && service->offered_in == owner->starts));
}

/*
 * Whether the owner may yet come up; if it only waits to be asked, ask it.  One that has failed,
 * was stopped, or ended in order and isn't asked to come back, comes up if somebody starts it: who
 * asks may wait for that, but hears what it waits for.
 */
static enum status service_summon(const struct service_entry *service)
{
    struct child *owner = service->owner;

    if (owner->state == INSPECT_NO_DEVICE)
        return STATUS_NOT_SUPPORTED;
    if (service_is_summonable(service)) {
        const enum status s = supervisor_launch(owner, NULL, 0);
        return s == STATUS_OK ? STATUS_WOULD_BLOCK : s;
    }
    const bool is_down = owner->state == INSPECT_FAILED || owner->state == INSPECT_STOPPED
                         || owner->state == INSPECT_EXITED;
    return is_down ? STATUS_PEER_DEAD : STATUS_WOULD_BLOCK;
}

static enum status connect_waiting(struct service_entry *service, struct child *child,
                                   handle_t event)
{
    enum status s = service_summon(service);

    if ((s == STATUS_WOULD_BLOCK || s == STATUS_PEER_DEAD) && event != 0) {
        const enum status added = waiter_add(service, child, event);
        if (added == STATUS_OK)
            return s;
        s = added;
    }
    handle_drop(event);
    return s;
}

static enum status connection_give(struct child *child, const struct service_entry *service,
                                   handle_t *portal)
{
    uint64_t badge;
    enum status s = grants_badge(child, service, &badge);

    if (s == STATUS_OK)
        s = domain_give(child->loaded.domain, service->portal, PORTAL_GIVES, badge, portal);
    if (s == STATUS_OK)
        grants_note(child, service, badge);
    return s;
}

static enum status builtin_give(struct child *child, handle_t *portal)
{
    if (!grants_may_have_builtin(child))
        return STATUS_OUT_OF_QUOTA;
    const enum status s = inspect_connect(child, portal);
    if (s == STATUS_OK)
        grants_note_builtin(child);
    return s;
}

enum status services_connect(struct child *child, const char *name, handle_t event,
                             handle_t *portal)
{
    const bool is_builtin = manifest_is_builtin(name);
    struct service_entry *service = service_find(name);

    if (service == NULL && !is_builtin) {
        handle_drop(event);
        return STATUS_NOT_FOUND;
    }
    if (!manifest_may_connect(child->domain, name)) {
        handle_drop(event);
        return STATUS_DENIED;
    }
    if (!is_builtin && service->portal == 0)
        return connect_waiting(service, child, event);
    handle_drop(event);
    return is_builtin ? builtin_give(child, portal) : connection_give(child, service, portal);
}

/* ---- explaining ---- */

static void service_explain(const struct child *child, const struct service_entry *service,
                            struct inspect_why *out)
{
    bool has_all;

    if (child->state == INSPECT_RUNNING && child->index != 0) {
        out->connections = grants_count(child, service, &has_all);
        out->quota = has_all ? child->domain->quota_connections : 0;
    }
    out->target_kind = INSPECT_TARGET_SERVICE;
    out->owner = name_from(service->owner->domain->name);
    out->owner_state = service->owner->state;
    out->is_own = service->owner == child;
    out->is_up = service->portal != 0;
}

void services_explain(const struct child *child, const char *name, struct inspect_why *out)
{
    const struct service_entry *service = service_find(name);
    const struct child *other = supervisor_find(name);

    *out = (struct inspect_why){.is_allowed = manifest_may_connect(child->domain, name)};
    if (service != NULL) {
        service_explain(child, service, out);
    } else if (manifest_is_builtin(name)) {
        out->target_kind = INSPECT_TARGET_BUILTIN;
        out->is_up = true;
    } else if (other != NULL) {
        out->target_kind = INSPECT_TARGET_DOMAIN;
        out->owner = name_from(other->domain->name);
        out->owner_state = other->state;
        out->is_allowed = manifest_may_launch(child->domain, name);
        out->steers_all = manifest_may_connect(child->domain, INSPECT_SERVICE);
    }
}

/* ---- ends ---- */

void services_withdraw(struct child *child)
{
    for (unsigned i = 0; i < service_count; i++) {
        if (services[i].owner != child)
            continue;
        handle_drop(services[i].portal);
        services[i].portal = 0;
        grants_end_of_service(&services[i]);
    }
    for (unsigned i = 0; i < WAITERS_MAX; i++) {
        if (waiters[i].service != NULL && waiters[i].child == child)
            waiter_end(&waiters[i], false);
    }
    inspect_withdraw(child);
}

void services_wake_hopeless(struct child *child)
{
    for (unsigned i = 0; i < service_count; i++) {
        if (services[i].owner == child && !service_is_summonable(&services[i]))
            service_wake_waiters(&services[i]);
    }
}
