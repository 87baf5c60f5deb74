#include "core/fault.h"

#include "arch/mmu.h"
#include "arch/usercopy.h"
#include "base/string.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/portal.h"
#include "core/power.h"
#include "domains/asid.h"
#include "domains/segment.h"
#include "domains/space.h"
#include "domains/view.h"

static const struct domain *launcher;

void fault_set_launcher(const struct domain *domain)
{
    launcher = domain;
}

/* What owns the address, and what the faulting view may do there. */
static void owner_describe(struct fault_record *record, const struct domain *domain)
{
    const struct segment *segment = space_owner(record->address);

    if (segment == NULL)
        return;
    record->owner_address = segment->address;
    record->owner_label = segment->label;
    if (segment->owner != NULL)
        record->owner_domain_id = segment->owner->id;
    record->owner_rights = view_rights_at(domain, record->address);
}

/*
 * Follow the chain of frame records (AAPCS64, "The Frame Pointer") through the stopped domain's
 * own eyes: the view is still current, and what it may not read ends the walk.
 */
static void backtrace_take(struct fault_record *record)
{
    uaddr_t frame = record->x[29];

    record->backtrace[0] = record->pc;
    record->backtrace_count = 1;
    while (record->backtrace_count < FAULT_BACKTRACE_DEPTH) {
        uint64_t next, link;
        if (usercopy_load64(frame, &next) != STATUS_OK
            || usercopy_load64(frame + 8, &link) != STATUS_OK || link == 0)
            return;
        record->backtrace[record->backtrace_count++] = link;
        if (next <= frame)
            return; /* stacks grow down: anything else is a loop or the end */
        frame = next;
    }
}

/* A data abort in a guard page is a stack that was too small. */
static enum fault_reason reason_refine(enum fault_reason reason, uaddr_t address)
{
    const struct segment *segment = space_owner(address);

    if ((reason != FAULT_READ && reason != FAULT_WRITE) || segment == NULL
        || segment->guard_stride_pages == 0 || address - segment->address >= segment->length)
        return reason;
    const uint64_t page = (address - segment->address) / PAGE_BYTES;
    return page % segment->guard_stride_pages == 0 ? FAULT_STACK_OVERFLOW : reason;
}

/* Fill `domain`'s record: `thread` faulted in it with these registers.  Its view is current. */
static void record_fill(struct domain *domain, const struct thread *thread,
                        const struct context *regs, enum fault_reason reason, uint64_t address,
                        uint64_t esr)
{
    struct fault_record *record = domain->fault;

    memset(record, 0, sizeof(*record));
    record->reason = reason;
    record->thread_id = thread->id;
    record->domain_id = domain->id;
    record->home_domain_id = thread->home->id;
    record->address = address;
    record->esr = esr;
    record->pc = regs->pc;
    record->sp = regs->sp;
    record->pstate = regs->pstate;
    memcpy(record->x, regs->x, sizeof(record->x));
    owner_describe(record, domain);
    backtrace_take(record);
}

/* Nobody is left to tell: say it here, and start over. */
static void launcher_died(const struct fault_record *record)
{
    log_console_seize();
    log_info("the launcher stopped: %s at 0x%lx, pc 0x%lx, sp 0x%lx",
             fault_reason_text((enum fault_reason)record->reason), record->address, record->pc,
             record->sp);
    for (uint32_t i = 0; i < record->backtrace_count; i++)
        log_info("  called from 0x%lx (launcher's text + 0x%lx)", record->backtrace[i],
                 record->backtrace[i] & (SLOT_BYTES - 1));
    power_reboot();
}

static void stop_with_record(struct domain *domain)
{
    if (domain == launcher)
        launcher_died(domain->fault);
    domain_stop(domain); /* no more: this may be a step of another domain's stop */
}

_Static_assert(FAULT_RESTART == 1 && FAULT_SKIP == 2, "FAULT_VERDICT_RESTART in fault.S");

/* What the handler finds in x0..x5 (abi/fault.h); the context is in `fault_regs`. */
void fault_describe(struct thread *thread, struct domain *domain, enum fault_reason reason,
                    uint64_t address, uint64_t esr)
{
    uint64_t *word = thread->cross.fault_in;

    domain->fault_count++;
    word[0] = reason_refine(reason, address);
    word[1] = address;
    word[2] = thread->cross.fault_regs.pc;
    word[3] = domain->id;
    word[4] = thread->id;
    word[5] = esr;
}

void fault_handle(struct thread *thread, enum fault_reason reason, uint64_t address, uint64_t esr)
{
    struct domain *domain = thread_domain(thread);

    if (domain->cross.fault_portal != NULL
        && portal_call_fault(thread, portal_of_object(domain->cross.fault_portal), reason, address,
                             esr))
        return;
    domain->fault_count++;
    record_fill(domain, thread, &thread->cross.regs, reason_refine(reason, address), address, esr);
    stop_with_record(domain);
    (void)domain_stop_some(domain); /* who watches it hears of it before others get far */
}

void fault_stop(const struct thread *thread, struct domain *domain)
{
    /* The backtrace is read through the domain's own view; leaving the kernel enters another. */
    cpu_self()->exit_work |= EXIT_SCHEDULE;
    if (domain->state >= DOMAIN_STATE_STOPPED)
        return; /* while the fault was handled: with a view it would go on */
    asid_assign(domain);
    mmu_switch(domain->cross.ttbr);
    const uint64_t *word = thread->cross.fault_in;
    record_fill(domain, thread, &thread->cross.fault_regs, (enum fault_reason)word[0], word[1],
                word[5]);
    stop_with_record(domain);
}
