#include "core/info.h"

#include "arch/timer.h"
#include "base/bits.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/interrupt.h"
#include "core/portal.h"
#include "core/thread.h"
#include "domains/asid.h"
#include "domains/frame.h"
#include "domains/space.h"
#include "domains/view.h"

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

static void fill_domain(struct domain *domain, struct info_domain *out)
{
    *out = (struct info_domain){
        .id = domain->id,
        .state = domain->state,
        .name = domain->name,
        .asid = asid_of(domain),
        .thread_count = domain->used.threads,
        .cpu_time_ns = domain->dead_threads_cpu_time_ns,
        .portal_calls = domain->dead_portal_calls,
        .faults = domain->fault_count,
        .denied_calls = domain->denied_calls,
        .syscall_mask = domain->cross.syscall_mask,
        .limit = domain->limit,
        .used = domain->used,
        .view_slots = view_slots(domain),
        .table_frames = domain->table_frames,
    };
    out->used.handles = domain->handles.used;
    out->switches = domain->dead_threads_dispatches;
    LIST_FOR_EACH (node, &domain->threads) {
        const struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
        out->cpu_time_ns += thread_cpu_time_ns(thread);
        out->switches += thread->dispatches;
    }
    LIST_FOR_EACH (node, &domain->belongings) {
        struct object *object = &LIST_ENTRY(node, struct belonging, node)->object;
        if (object->class->type == OBJECT_PORTAL)
            out->portal_calls += portal_calls(portal_of_object(object));
    }
    out->switches += out->portal_calls;
}

static uint32_t id_of(const struct domain *domain)
{
    return domain == NULL ? 0 : domain->id;
}

/* Threads in the order of their ids. */
static enum status fill_thread(struct domain *domain, uint64_t index, struct info_thread *out,
                               uint64_t *next)
{
    struct thread *found = NULL;

    *next = 0;
    LIST_FOR_EACH (node, &domain->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
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
    *out = (struct info_thread){
        .id = found->id,
        .state = found->state,
        .priority = found->priority,
        .depth = portal_depth(found),
        .home_domain_id = domain->id,
        .current_domain_id = thread_domain(found)->id,
        .cpu_time_ns = thread_cpu_time_ns(found),
        .switches = found->dispatches,
        .pc = found->cross.regs.pc,
        .affinity = found->affinity,
        .cpu = found->cpu->number,
        .base_priority = found->base_priority,
        .has_used_budget = budget_is_used_up(found),
        .budget_ns = found->budget.budget_ns,
        .period_ns = found->budget.period_ns,
    };
    if (found->waiting_portal != NULL)
        out->callee_domain_id = id_of(found->waiting_portal->belonging.domain);
    return STATUS_OK;
}

static void fill_handle_detail(struct object *object, struct info_handle *out)
{
    switch (object->class->type) {
    case OBJECT_DOMAIN:
        out->detail = domain_of_object(object)->id;
        out->owner_domain_id = domain_of_object(object)->id;
        break;
    case OBJECT_THREAD:
        out->detail = thread_of_object(object)->id;
        out->owner_domain_id = thread_of_object(object)->home->id;
        break;
    case OBJECT_PORTAL:
        out->detail = portal_of_object(object)->cross.entry;
        out->owner_domain_id = id_of(belonging_of_object(object)->domain);
        break;
    case OBJECT_SEGMENT:
        out->detail = segment_of_object(object)->address;
        out->owner_domain_id = id_of(segment_of_object(object)->owner);
        break;
    case OBJECT_INTERRUPT:
        out->detail = interrupt_of_object(object)->number;
        out->owner_domain_id = id_of(belonging_of_object(object)->domain);
        break;
    case OBJECT_EVENT:
    case OBJECT_CLOCK:
        out->owner_domain_id = id_of(belonging_of_object(object)->domain);
        break;
    default:
        break;
    }
}

static enum status fill_handle(const struct domain *domain, uint64_t index, struct info_handle *out,
                               uint64_t *next)
{
    handle_t h;

    if (domain->root == NULL || index > UINT32_MAX)
        return STATUS_NOT_FOUND;
    const struct handle_slot *slot = handle_table_next(&domain->handles, (uint32_t)index, &h);
    if (slot == NULL)
        return STATUS_NOT_FOUND;
    *out = (struct info_handle){
        .handle = h,
        .badge = slot->badge,
        .type = slot->object->class->type,
        .rights = slot->rights,
    };
    fill_handle_detail(slot->object, out);
    handle_t after;
    *next =
        handle_table_next(&domain->handles, (uint32_t)h + 1, &after) == NULL ? 0 : (uint32_t)h + 1;
    return STATUS_OK;
}

/* The segments of a view by address. */
static enum status fill_view(const struct domain *domain, uint64_t index, struct info_view *out,
                             uint64_t *next)
{
    uaddr_t after;

    if (index >= SPACE_SLOTS)
        return STATUS_NOT_FOUND;
    const struct segment *segment = view_next(domain, index << SLOT_SHIFT, &after);
    if (segment == NULL)
        return STATUS_NOT_FOUND;
    *out = (struct info_view){
        .address = segment->address,
        .length = segment->length,
        .rights = view_granted(domain, segment),
        .widest = segment->widest,
        .owner_domain_id = id_of(segment->owner),
        .view_count = segment->object.uses,
        .label = segment->label,
        .is_device = segment->backing == SEGMENT_DEVICE,
        .physical = segment_physical(segment, 0),
    };
    *next = after >> SLOT_SHIFT;
    return STATUS_OK;
}

enum status info_of_domain(struct domain *domain, uint64_t what, uint64_t index,
                           union info_record *out, size_t *size, uint64_t *next)
{
    *next = 0;
    switch (what) {
    case INFO_DOMAIN:
        *size = sizeof(out->domain);
        fill_domain(domain, &out->domain);
        return STATUS_OK;
    case INFO_THREADS:
        *size = sizeof(out->thread);
        return fill_thread(domain, index, &out->thread, next);
    case INFO_HANDLES:
        *size = sizeof(out->handle);
        return fill_handle(domain, index, &out->handle, next);
    case INFO_VIEW:
        *size = sizeof(out->view);
        return fill_view(domain, index, &out->view, next);
    case INFO_FAULT:
        *size = sizeof(out->fault);
        if (domain->fault->reason == FAULT_NONE)
            return STATUS_NOT_FOUND;
        out->fault = *domain->fault;
        return STATUS_OK;
    default:
        return STATUS_BAD_ARGUMENT;
    }
}

static void fill_memory(struct info_memory *out)
{
    const struct frame_totals totals = frame_totals();

    *out = (struct info_memory){
        .total_frames = totals.total + kernel_frames,
        .free_frames = totals.free,
        .kernel_frames = kernel_frames,
        .segment_frames = totals.used[FRAME_SEGMENT],
        .table_frames = totals.used[FRAME_TABLE],
        .object_frames = totals.used[FRAME_OBJECT],
        .image_bytes = image_bytes,
        .archive_bytes = archive_bytes,
    };
}

static enum status fill_interrupt(uint64_t index, struct info_interrupt *out, uint64_t *next)
{
    struct info_interrupt after;

    const uint32_t number = index > UINT32_MAX ? 0 : interrupt_next((uint32_t)index, out);
    if (number == 0)
        return STATUS_NOT_FOUND;
    *next = interrupt_next(number + 1, &after);
    return STATUS_OK;
}

static uint32_t ready_count(const struct cpu *cpu)
{
    uint32_t ready = 0;

    for (uint64_t left = cpu->ready_mask; left != 0; left &= left - 1)
        LIST_FOR_EACH (node, &cpu->ready[bits_trailing_zeros(left)])
            ready++;
    return ready;
}

static enum status fill_cpu(uint64_t index, struct info_cpu *out, uint64_t *next)
{
    if (index >= cpu_count())
        return STATUS_NOT_FOUND;
    *next = index + 1 < cpu_count() ? index + 1 : 0;

    const struct cpu *cpu = cpu_at((uint32_t)index);
    *out = (struct info_cpu){
        .number = cpu->number,
        .state = cpu->state,
        .mpidr = cpu->mpidr,
        .midr = cpu->midr,
        .ready = ready_count(cpu),
        .kicks = cpu->kicks,
    };
    if (cpu->state != CPU_STATE_ONLINE)
        return STATUS_OK;
    const uint64_t now = timer_now_ticks();
    const bool runs = cpu->current != NULL && !cpu->is_idle;
    out->online_ns = timer_ticks_to_ns(now - cpu->online_ticks);
    out->idle_ns = timer_ticks_to_ns(cpu->idle_ticks + (runs ? 0 : now - cpu->switched_at_ticks));
    out->thread_id = runs ? cpu->current->id : 0;
    out->domain_id = runs ? thread_domain(cpu->current)->id : 0;
    cpu_name(cpu->midr, out->name);
    return STATUS_OK;
}

enum status info_of_system(uint64_t what, uint64_t index, union info_record *out, size_t *size,
                           uint64_t *next)
{
    *next = 0;
    switch (what) {
    case INFO_MEMORY:
        *size = sizeof(out->memory);
        fill_memory(&out->memory);
        return STATUS_OK;
    case INFO_INTERRUPTS:
        *size = sizeof(out->interrupt);
        return fill_interrupt(index, &out->interrupt, next);
    case INFO_CPUS:
        *size = sizeof(out->cpu);
        return fill_cpu(index, &out->cpu, next);
    case INFO_MACHINE:
        *size = sizeof(out->machine);
        out->machine = machine;
        return STATUS_OK;
    default:
        return STATUS_BAD_ARGUMENT;
    }
}
