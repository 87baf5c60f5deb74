/*
 * Trap dispatch: what each exception from EL0 means.
 *
 * Source: Arm ARM, "ESR_EL1, Exception Syndrome Register", ISS encodings.
 */
#include "arch/cpu.h"
#include "arch/crossing.h"
#include "arch/fp.h"
#include "base/string.h"
#include "core/fault.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/portal.h"
#include "core/scheduler.h"

/* ESR_EL1.EC */
enum exception_class {
    EC_UNKNOWN = 0x00,
    EC_WFX = 0x01,
    EC_FP = 0x07,
    EC_BTI = 0x0d,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SVC64 = 0x15,
    EC_SYSREG = 0x18,
    EC_SVE = 0x19,
    EC_INSTRUCTION_ABORT = 0x20,
    EC_PC_ALIGNMENT = 0x22,
    EC_DATA_ABORT = 0x24,
    EC_SP_ALIGNMENT = 0x26,
    EC_BREAKPOINT = 0x30,
    EC_STEP = 0x32,
    EC_WATCHPOINT = 0x34,
    EC_BRK = 0x3c,
};

enum {
    FSC_EXTERNAL = 0x10,
    FSC_ALIGNMENT = 0x21,
};

static enum exception_class class_of(uint64_t esr)
{
    return (enum exception_class)bits_field(esr, 26, 6);
}

static enum fault_reason abort_reason(uint64_t esr)
{
    const uint64_t code = bits_field(esr, 0, 6);

    if (code == FSC_ALIGNMENT)
        return FAULT_ALIGNMENT;
    if (code == FSC_EXTERNAL || (code >= 0x14 && code <= 0x17))
        return FAULT_BUS;
    if (class_of(esr) == EC_INSTRUCTION_ABORT)
        return FAULT_EXECUTE;
    return (esr & BIT(6)) != 0 && (esr & BIT(8)) == 0 ? FAULT_WRITE : FAULT_READ;
}

/* A system call that the fast path did not take: an unknown number, or one outside the mask. */
static void on_refused_call(struct thread *thread, uint64_t esr)
{
    struct context *regs = &thread->cross.regs;
    struct domain *domain = thread_domain(thread);
    const uint64_t number = regs->x[8];

    memset(&regs->x[1], 0, 17 * sizeof regs->x[0]);
    regs->pstate = 0;
    thread_building_drop(thread); /* of a call that was in the mask when it began */
    if (number >= SYS_COUNT) {
        regs->x[0] = STATUS_BAD_CALL;
        return;
    }
    domain->denied_calls++;
    if ((domain->denied_named & BIT(number)) == 0) {
        domain->denied_named |= BIT(number);
        log_info("%.16s: system call %s is outside its mask", domain->name.text,
                 syscall_names[number]);
    }
    regs->x[0] = STATUS_DENIED;
    if ((domain->flags & DOMAIN_DENIAL_FAULTS) != 0)
        fault_handle(thread, FAULT_DENIED_CALL, number, esr);
}

static void on_svc(struct thread *thread, uint64_t esr)
{
    const uint64_t immediate = bits_field(esr, 0, 16);

    switch (immediate) {
    case SVC_CALL:
    case SVC_CALL_WITH:
        portal_call(thread, immediate == SVC_CALL_WITH);
        return;
    case SVC_RETURN:
    case SVC_RETURN_WITH:
        if (!portal_return(thread, immediate == SVC_RETURN_WITH))
            fault_handle(thread, FAULT_BAD_RETURN, 0, esr);
        return;
    case SVC_SYSTEM:
        on_refused_call(thread, esr);
        return;
    default:
        thread->cross.regs.pc -= 4; /* report the svc itself */
        fault_handle(thread, FAULT_UNDEFINED, 0, esr);
    }
}

struct cross_thread *kernel_on_exception(struct cross_thread *cross, uint64_t esr)
{
    struct thread *thread = thread_of_cross(cross);
    const uint64_t far = SYSREG_READ(far_el1);

    if (!kernel_lock_take())
        return scheduler_leave();
    enum fault_reason reason = FAULT_UNDEFINED;
    uint64_t address = 0;
    switch (class_of(esr)) {
    case EC_SVC64:
        on_svc(thread, esr);
        return scheduler_go_on();
    case EC_FP:
        fp_on_trap(cross, thread_fp(thread));
        return scheduler_go_on();
    case EC_INSTRUCTION_ABORT:
    case EC_DATA_ABORT:
        reason = abort_reason(esr);
        address = far;
        break;
    case EC_PC_ALIGNMENT:
        reason = FAULT_ALIGNMENT;
        address = far;
        break;
    case EC_SP_ALIGNMENT:
        reason = FAULT_ALIGNMENT;
        address = cross->regs.sp;
        break;
    case EC_BREAKPOINT:
    case EC_STEP:
    case EC_WATCHPOINT:
    case EC_BRK:
        reason = FAULT_BREAKPOINT;
        break;
    default:
        break;
    }
    fault_handle(thread, reason, address, esr);
    return scheduler_go_on();
}

/* Called with one CPU only: it needs no lock. */
void kernel_on_fault(struct cross_thread *cross, struct cross_domain *domain, uint64_t esr)
{
    const uint64_t far = SYSREG_READ(far_el1);

    fault_describe(thread_of_cross(cross), domain_of_cross(domain), abort_reason(esr), far, esr);
}

struct cross_thread *kernel_on_slow_fault(struct cross_thread *cross, uint64_t esr)
{
    cross->regs = cross->fault_regs;
    return kernel_on_exception(cross, esr);
}

struct cross_thread *kernel_on_interrupt(struct cross_thread *cross)
{
    /* One at a time: if there are more, they interrupt again. */
    const struct irq_ack ack = interrupt_accept();
    const bool goes_on = kernel_lock_take();
    struct thread *woken = interrupt_serve(ack);

    if (!goes_on) {
        if (woken != NULL)
            thread_make_ready(woken);
        return scheduler_leave();
    }
    return woken == NULL ? scheduler_go_on() : scheduler_wake(thread_of_cross(cross), woken);
}

/* An error that no instruction can be blamed for; the domain that runs is the best guess. */
struct cross_thread *kernel_on_serror(struct cross_thread *cross)
{
    const uint64_t esr = SYSREG_READ(esr_el1);

    if (!kernel_lock_take())
        return scheduler_leave();
    fault_handle(thread_of_cross(cross), FAULT_BUS, 0, esr);
    return scheduler_go_on();
}

struct cross_thread *kernel_on_recall(void)
{
    return scheduler_leave();
}

void kernel_on_kernel_fault(const struct context *regs, uint64_t esr, uint64_t far)
{
    panic("exception in the kernel: esr 0x%lx, address 0x%lx, pc 0x%lx, sp 0x%lx, lr 0x%lx", esr,
          far, regs->pc, regs->sp, regs->x[30]);
}
