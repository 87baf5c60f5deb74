#include "core/info.h"

#include "arch/timer.h"
#include "arch/usercopy.h"
#include "base/bits.h"
#include "base/string.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/interrupt.h"
#include "core/portal.h"
#include "core/thread.h"
#include "domains/asid.h"
#include "domains/frame.h"
#include "domains/space.h"
#include "domains/view.h"

enum { LOOKS_MAX = 64 }; /* in one step, at what is mostly empty */

union info_record {
    struct info_domain domain;
    struct info_thread thread;
    struct info_handle handle;
    struct info_view view;
    struct fault_record fault;
    struct info_memory memory;
    struct info_interrupt interrupt;
    struct info_machine machine;
    struct info_cpu cpu;
};

static struct info_machine machine;
static uint64_t kernel_frames, image_bytes, archive_bytes;

void info_set_machine(const struct info_machine *found)
{
    machine = *found;
}

struct info_machine *info_machine_record(void)
{
    return &machine;
}

void info_set_memory(uint64_t frames, uint64_t image, uint64_t archive)
{
    kernel_frames = frames;
    image_bytes = image;
    archive_bytes = archive;
}

/* Of a record that is all zeroes: NULL stays 0. */
static void id_put(uint32_t *out, const struct domain *domain)
{
    if (domain != NULL)
        *out = domain->id;
}

/*
 * Each fills in a record that is all zeroes, and leaves `*next` 0 if there is no next.
 * WOULD_BLOCK: an interrupt waits, or this was enough for one step; it goes on from `*next`.
 */
static enum status fill_domain(struct domain *domain, struct info_domain *out)
{
    out->id = domain->id;
    out->state = domain->state;
    out->name = domain->name;
    out->asid = asid_of(domain);
    out->thread_count = domain->used.threads;
    out->cpu_time_ns = domain->dead_threads_cpu_time_ns;
    out->switches = domain->dead_threads_dispatches;
    out->portal_calls = domain->dead_portal_calls;
    out->faults = domain->fault_count;
    out->denied_calls = domain->denied_calls;
    out->syscall_mask = domain->cross.syscall_mask;
    out->limit = domain->limit;
    out->used = domain->used;
    out->used.handles = domain->handles.used;
    out->table_frames = domain->table_frames;
    LIST_FOR_EACH (node, &domain->threads) {
        const struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
        out->cpu_time_ns += thread_cpu_time_ns(thread);
        out->switches += thread->dispatches;
        if (cpu_is_interrupted())
            return STATUS_WOULD_BLOCK;
    }
    LIST_FOR_EACH (node, &domain->belongings) {
        struct object *object = &LIST_ENTRY(node, struct belonging, node)->object;
        if (object->class->type == OBJECT_PORTAL)
            out->portal_calls += portal_calls(portal_of_object(object));
        if (cpu_is_interrupted())
            return STATUS_WOULD_BLOCK;
    }
    out->switches += out->portal_calls;
    return STATUS_OK;
}

/* Threads in the order of their ids. */
static enum status fill_thread(struct domain *domain, uint64_t index, struct info_thread *out,
                               uint64_t *next)
{
    struct thread *found = NULL;

    LIST_FOR_EACH (node, &domain->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
        if (cpu_is_interrupted()) {
            *next = index;
            return STATUS_WOULD_BLOCK;
        }
        if (thread->id < index)
            continue;
        if (found != NULL) {
            *next = thread->id;
            break;
        }
        found = thread;
    }
    if (found == NULL)
        return STATUS_NOT_FOUND;
    out->id = found->id;
    out->state = found->state;
    out->priority = found->priority;
    out->depth = portal_depth(found);
    out->home_domain_id = domain->id;
    out->current_domain_id = thread_domain(found)->id;
    out->cpu_time_ns = thread_cpu_time_ns(found);
    out->switches = found->dispatches;
    out->pc = found->cross.regs.pc;
    out->affinity = found->affinity;
    out->cpu = found->cpu->number;
    out->base_priority = found->base_priority;
    out->has_used_budget = budget_is_used_up(found);
    out->budget_ns = found->budget.budget_ns;
    out->period_ns = found->budget.period_ns;
    if (found->waiting_portal != NULL)
        id_put(&out->callee_domain_id, found->waiting_portal->belonging.domain);
    return STATUS_OK;
}

static void fill_handle_object(struct object *object, struct info_handle *out)
{
    const struct domain *owner = NULL;

    switch (object->class->type) {
    case OBJECT_DOMAIN:
        owner = domain_of_object(object);
        out->detail = owner->id;
        break;
    case OBJECT_THREAD:
        owner = thread_of_object(object)->home;
        out->detail = thread_of_object(object)->id;
        break;
    case OBJECT_SEGMENT:
        owner = segment_of_object(object)->owner;
        out->detail = segment_of_object(object)->address;
        break;
    case OBJECT_PORTAL:
        owner = belonging_of_object(object)->domain;
        out->detail = portal_of_object(object)->cross.entry;
        break;
    case OBJECT_INTERRUPT:
        owner = belonging_of_object(object)->domain;
        out->detail = interrupt_of_object(object)->number;
        break;
    case OBJECT_EVENT:
    case OBJECT_CLOCK:
        owner = belonging_of_object(object)->domain;
        break;
    default:
        break;
    }
    id_put(&out->owner_domain_id, owner);
}

static enum status fill_handle(struct domain *domain, uint64_t index, struct info_handle *out,
                               uint64_t *next)
{
    const struct handle_slot *slot = NULL;
    uint64_t looks = 0;

    if (domain->root == NULL)
        return STATUS_NOT_FOUND;
    *next = index;
    while (slot == NULL) {
        if (*next >= handle_table_end(&domain->handles)) {
            *next = 0;
            return STATUS_NOT_FOUND;
        }
        if (looks++ == LOOKS_MAX)
            return STATUS_WOULD_BLOCK;
        slot = handle_table_at(&domain->handles, (uint32_t)(*next)++, &out->handle);
    }
    out->badge = slot->badge;
    out->type = slot->object->class->type;
    out->rights = slot->rights;
    fill_handle_object(slot->object, out);
    return STATUS_OK;
}

/* The segments of a view by address. */
static enum status fill_view(struct domain *domain, uint64_t index, struct info_view *out,
                             uint64_t *next)
{
    uaddr_t after;

    if (index >= SPACE_SLOTS)
        return STATUS_NOT_FOUND;
    const struct segment *segment = view_next(domain, index << SLOT_SHIFT, &after);
    if (segment == NULL)
        return STATUS_NOT_FOUND;
    out->address = segment->address;
    out->length = segment->length;
    out->rights = view_granted(domain, segment);
    out->widest = segment->widest;
    id_put(&out->owner_domain_id, segment->owner);
    out->view_count = segment->object.uses;
    out->label = segment->label;
    out->is_device = segment->backing == SEGMENT_DEVICE;
    out->physical = segment_physical(segment, 0);
    *next = after >> SLOT_SHIFT;
    return STATUS_OK;
}

static void fill_memory(struct info_memory *out)
{
    const struct frame_totals totals = frame_totals();

    out->total_frames = totals.total + kernel_frames;
    out->free_frames = totals.free;
    out->kernel_frames = kernel_frames;
    out->segment_frames = totals.used[FRAME_SEGMENT];
    out->table_frames = totals.used[FRAME_TABLE];
    out->object_frames = totals.used[FRAME_OBJECT];
    out->image_bytes = image_bytes;
    out->archive_bytes = archive_bytes;
}

static enum status fill_interrupt(uint64_t index, struct info_interrupt *out, uint64_t *next)
{
    const uint64_t end = index + LOOKS_MAX;

    for (*next = index; *next < IRQ_SPECIAL_FIRST;) {
        if (*next == end)
            return STATUS_WOULD_BLOCK;
        if (interrupt_info((uint32_t)(*next)++, out))
            return STATUS_OK;
    }
    *next = 0;
    return STATUS_NOT_FOUND;
}

static enum status fill_cpu(uint64_t index, struct info_cpu *out, uint64_t *next)
{
    if (index >= cpu_count())
        return STATUS_NOT_FOUND;
    if (index + 1 < cpu_count())
        *next = index + 1;

    const struct cpu *cpu = cpu_at((uint32_t)index);
    out->number = cpu->number;
    out->state = cpu->state;
    out->mpidr = cpu->mpidr;
    out->midr = cpu->midr;
    out->ready = cpu->ready_count;
    out->kicks = cpu->kicks;
    if (cpu->state != CPU_STATE_ONLINE)
        return STATUS_OK;
    const uint64_t now = timer_now_ticks();
    const bool runs = cpu->current != NULL && !cpu->is_idle;
    out->online_ns = timer_ticks_to_ns(now - cpu->online_ticks);
    out->idle_ns = timer_ticks_to_ns(cpu->idle_ticks + (runs ? 0 : now - cpu->switched_at_ticks));
    if (runs) {
        out->thread_id = cpu->current->id;
        out->domain_id = thread_domain(cpu->current)->id;
    }
    memcpy(out->name, cpu->name, sizeof out->name);
    return STATUS_OK;
}

static enum status fill(struct domain *domain, uint64_t what, uint64_t index,
                        union info_record *record, uint64_t *next)
{
    switch (what) {
    case INFO_DOMAIN:
        return fill_domain(domain, &record->domain);
    case INFO_THREADS:
        return fill_thread(domain, index, &record->thread, next);
    case INFO_HANDLES:
        return fill_handle(domain, index, &record->handle, next);
    case INFO_VIEW:
        return fill_view(domain, index, &record->view, next);
    case INFO_FAULT:
        if (domain->fault->reason == FAULT_NONE)
            return STATUS_NOT_FOUND;
        record->fault = *domain->fault;
        return STATUS_OK;
    case INFO_MEMORY:
        fill_memory(&record->memory);
        return STATUS_OK;
    case INFO_INTERRUPTS:
        return fill_interrupt(index, &record->interrupt, next);
    case INFO_CPUS:
        return fill_cpu(index, &record->cpu, next);
    default:
        record->machine = machine;
        return STATUS_OK;
    }
}

static const uint16_t record_bytes[] = {
    [INFO_DOMAIN] = sizeof(struct info_domain),
    [INFO_THREADS] = sizeof(struct info_thread),
    [INFO_HANDLES] = sizeof(struct info_handle),
    [INFO_VIEW] = sizeof(struct info_view),
    [INFO_FAULT] = sizeof(struct fault_record),
    [INFO_MEMORY] = sizeof(struct info_memory),
    [INFO_INTERRUPTS] = sizeof(struct info_interrupt),
    [INFO_MACHINE] = sizeof(struct info_machine),
    [INFO_CPUS] = sizeof(struct info_cpu),
};

enum { KINDS = sizeof(record_bytes) / sizeof(record_bytes[0]) };

enum status info_copy(struct domain *domain, uint64_t what, uint64_t index, uaddr_t out,
                      uint64_t out_bytes, uint64_t *next)
{
    union info_record record;

    *next = 0;
    if (what >= KINDS)
        return STATUS_BAD_ARGUMENT;
    const size_t bytes = record_bytes[what];
    if (bytes == 0 || out_bytes < bytes || (domain == NULL) != (what >= INFO_MEMORY))
        return STATUS_BAD_ARGUMENT;
    memset(&record, 0, bytes);
    const enum status status = fill(domain, what, index, &record, next);
    return status == STATUS_OK ? usercopy_to(out, &record, bytes) : status;
}
