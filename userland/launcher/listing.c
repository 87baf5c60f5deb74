/*
 * Listing: one function for each kind of record.
 *
 * Cursors of listings over all children are child index << 32 | cursor inside it; the
 * cursor inside is the kernel's.
 */
#include "listing.h"

#include "audit_log.h"
#include "crash_list.h"
#include "grants.h"
#include "places.h"
#include "rings.h"
#include "services.h"

#include "rt/syscall.h"

#include <string.h>

bool listing_has_room(const struct listing *listing)
{
    return (uint64_t)(listing->count + 1) * listing->record_bytes <= INSPECT_BUFFER_BYTES;
}

void listing_add(struct listing *listing, const void *record)
{
    memcpy(listing->buffer + (size_t)listing->count * listing->record_bytes, record,
           listing->record_bytes);
    listing->count++;
}

handle_t listing_domain(const struct child *child)
{
    return child->index == 0 ? 0 : child->loaded.domain;
}

/* ---- domains ---- */

static void domain_describe(const struct child *child, struct inspect_domain *out)
{
    uint64_t next = 0;

    *out = (struct inspect_domain){
        .name = name_from(child->domain->name),
        .program = name_from(child->domain->program),
        .state = child->state,
        .restarts = child->restarts,
        .last_fault = child->last_fault,
        .priority = child->domain->priority,
        .next_start_ns = child->next_start_ns,
        .quota_connections = child->domain->quota_connections,
        .denial_faults = child->domain->denial_faults,
    };
    if (child->state != INSPECT_RUNNING)
        return;
    out->connections = grants_held(child);
    if (domain_info(listing_domain(child), INFO_DOMAIN, 0, &out->kernel, sizeof out->kernel, &next)
        != STATUS_OK)
        out->kernel = (struct info_domain){0};
}

static enum status list_domains(struct listing *listing)
{
    uint64_t index = listing->cursor;

    listing->record_bytes = sizeof(struct inspect_domain);
    for (; index < supervisor_count() && listing_has_room(listing); index++) {
        struct inspect_domain record;
        domain_describe(supervisor_child((unsigned)index), &record);
        listing_add(listing, &record);
    }
    listing->cursor = index < supervisor_count() ? index : 0;
    return STATUS_OK;
}

/* ---- services ---- */

static enum status list_services(struct listing *listing)
{
    uint32_t clients[SERVICES_MAX];
    uint64_t index = listing->cursor;

    grants_count_clients(clients);
    listing->record_bytes = sizeof(struct inspect_service);
    for (; index < services_count() && listing_has_room(listing); index++) {
        const struct service_entry *entry = services_entry((unsigned)index);
        const struct inspect_service record = {
            .name = name_from(entry->name),
            .owner = name_from(entry->owner->domain->name),
            .is_up = entry->portal != 0,
            .client_count = clients[index],
            .waiting = entry->waiting_count,
            .owner_state = entry->owner->state,
        };
        listing_add(listing, &record);
    }
    listing->cursor = index < services_count() ? index : 0;
    return STATUS_OK;
}

/* ---- threads ---- */

/* Threads of one child from `*inner` on; `*inner` becomes 0 at its last one. */
static void child_threads(struct listing *listing, const struct child *child, uint64_t *inner)
{
    do {
        struct inspect_thread record = {.home = name_from(child->domain->name)};
        uint64_t next = 0;
        if (domain_info(listing_domain(child), INFO_THREADS, *inner, &record.kernel,
                        sizeof record.kernel, &next)
            != STATUS_OK) {
            *inner = 0;
            return;
        }
        record.current = place_domain_name(record.kernel.current_domain_id);
        listing_add(listing, &record);
        *inner = next;
    } while (*inner != 0 && listing_has_room(listing));
}

static enum status list_threads(struct listing *listing)
{
    uint64_t inner = listing->cursor & UINT32_MAX;
    uint64_t index = listing->cursor >> 32;

    if (listing->child != NULL && listing->child->state != INSPECT_RUNNING)
        return STATUS_BAD_STATE;
    listing->record_bytes = sizeof(struct inspect_thread);
    for (; index < supervisor_count(); index++, inner = 0) {
        const struct child *child = supervisor_child((unsigned)index);
        if (child->state != INSPECT_RUNNING || (listing->child != NULL && listing->child != child))
            continue;
        if (listing_has_room(listing))
            child_threads(listing, child, &inner);
        if (inner != 0 || !listing_has_room(listing))
            break;
    }
    /* A full buffer may hide that this was the last one; the next call then brings nothing. */
    if (index < supervisor_count() && inner == 0)
        index++;
    listing->cursor = index < supervisor_count() ? index << 32 | inner : 0;
    return STATUS_OK;
}

/* ---- the kernel's own records ---- */

static enum status list_info(struct listing *listing, enum info what, uint32_t record_bytes)
{
    union {
        struct info_handle handle;
        struct info_view view;
    } record;

    if (listing->child == NULL)
        return STATUS_BAD_ARGUMENT;
    if (listing->child->state != INSPECT_RUNNING)
        return STATUS_BAD_STATE;
    listing->record_bytes = record_bytes;
    do {
        uint64_t next = 0;
        const enum status s = domain_info(listing_domain(listing->child), what, listing->cursor,
                                          &record, record_bytes, &next);
        if (s != STATUS_OK && s != STATUS_NOT_FOUND)
            return s;
        listing->cursor = s == STATUS_OK ? next : 0;
        if (s == STATUS_OK)
            listing_add(listing, &record);
    } while (listing->cursor != 0 && listing_has_room(listing));
    return STATUS_OK;
}

static enum status list_interrupts(struct listing *listing)
{
    listing->record_bytes = sizeof(struct inspect_interrupt);
    do {
        struct inspect_interrupt record = {.kernel = {0}};
        uint64_t next = 0;
        const enum status s = system_info(INFO_INTERRUPTS, listing->cursor, &record.kernel,
                                          sizeof record.kernel, &next);
        if (s != STATUS_OK && s != STATUS_NOT_FOUND)
            return s;
        listing->cursor = s == STATUS_OK ? next : 0;
        if (s == STATUS_OK) {
            record.owner = place_domain_name(record.kernel.owner_domain_id);
            listing_add(listing, &record);
        }
    } while (listing->cursor != 0 && listing_has_room(listing));
    return STATUS_OK;
}

static enum status list_cpus(struct listing *listing)
{
    listing->record_bytes = sizeof(struct inspect_cpu);
    do {
        struct inspect_cpu record = {.kernel = {0}};
        uint64_t next = 0;
        const enum status s =
            system_info(INFO_CPUS, listing->cursor, &record.kernel, sizeof record.kernel, &next);
        if (s != STATUS_OK)
            return s;
        if (record.kernel.domain_id != 0)
            record.domain = place_domain_name(record.kernel.domain_id);
        listing_add(listing, &record);
        listing->cursor = next;
    } while (listing->cursor != 0 && listing_has_room(listing));
    return STATUS_OK;
}

static enum status list_audit(struct listing *listing)
{
    struct inspect_decision record;
    uint64_t number = listing->cursor;
    uint32_t client;

    listing->record_bytes = sizeof record;
    listing->cursor = 0;
    while (audit_log_next(number, &record, &client)) {
        if (!listing_has_room(listing)) {
            listing->cursor = record.number;
            break;
        }
        record.client = name_from(supervisor_child(client)->domain->name);
        listing_add(listing, &record);
        number = record.number + 1;
    }
    return STATUS_OK;
}

static enum status list_crashes(struct listing *listing)
{
    uint64_t number = listing->cursor;
    const struct inspect_crash *crash;

    listing->record_bytes = sizeof *crash;
    listing->cursor = 0;
    while ((crash = crash_list_next(number)) != NULL) {
        if (!listing_has_room(listing)) {
            listing->cursor = crash->number;
            break;
        }
        listing_add(listing, crash);
        number = crash->number + 1;
    }
    return STATUS_OK;
}

enum status listing_fill(struct listing *listing, enum inspect_op op)
{
    switch (op) {
    case INSPECT_DOMAINS:
        return list_domains(listing);
    case INSPECT_SERVICES:
        return list_services(listing);
    case INSPECT_THREADS:
        return list_threads(listing);
    case INSPECT_HANDLES:
        return list_info(listing, INFO_HANDLES, sizeof(struct info_handle));
    case INSPECT_VIEW:
        return list_info(listing, INFO_VIEW, sizeof(struct info_view));
    case INSPECT_RINGS:
        return rings_list(listing);
    case INSPECT_INTERRUPTS:
        return list_interrupts(listing);
    case INSPECT_CPUS:
        return list_cpus(listing);
    case INSPECT_AUDIT:
        return list_audit(listing);
    case INSPECT_CRASHES:
        return list_crashes(listing);
    default:
        return STATUS_BAD_ARGUMENT;
    }
}
