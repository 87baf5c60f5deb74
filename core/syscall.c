/*
 * The table of system calls, what their handlers share, and the way out of those that leave work.
 */
#include "core/sysret.h"

#include "base/assert.h"
#include "core/lifecycle.h"
#include "core/portal.h"
#include "core/scheduler.h"

/* Handlers have eight parameters whether they need them or not: vectors.S passes x0..x7. */
#define UNUSED __attribute__((unused))

_Static_assert(SYS_COUNT == 48 && SYS_NULL == 0 && SYS_EVENT_SIGNAL == 32 && SYS_EVENT_WAIT == 33
                   && STATUS_OK == 0,
               "system_call.S answers these");

struct spinlock kernel_lock;

static struct sysret sys_null(UNUSED uint64_t a0, UNUSED uint64_t a1, UNUSED uint64_t a2,
                              UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                              UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    return sysret(STATUS_OK);
}

extern syscall_fn *const syscall_table[SYS_COUNT];

/* Called from vectors.S. */
syscall_fn *const syscall_table[SYS_COUNT] = {
    [SYS_NULL] = sys_null,
    [SYS_HANDLE_CLOSE] = sys_handle_close,
    [SYS_HANDLE_DUPLICATE] = sys_handle_duplicate,
    [SYS_HANDLE_REVOKE] = sys_handle_revoke,
    [SYS_HANDLE_INFO] = sys_handle_info,
    [SYS_HANDLE_NARROW] = sys_handle_narrow,
    [SYS_SEGMENT_CREATE] = sys_segment_create,
    [SYS_SEGMENT_GRANT] = sys_segment_grant,
    [SYS_SEGMENT_REVOKE] = sys_segment_revoke,
    [SYS_SEGMENT_INFO] = sys_segment_info,
    [SYS_SEGMENT_DMA_ADDRESS] = sys_segment_dma_address,
    [SYS_SEGMENT_CREATE_DEVICE] = sys_segment_create_device,
    [SYS_SEGMENT_CREATE_ALIAS] = sys_segment_create_alias,
    [SYS_SEGMENT_CREATE_BEHIND] = sys_segment_create_behind,
    [SYS_SEGMENT_OPEN] = sys_segment_open,
    [SYS_SEGMENT_ASSIGN] = sys_segment_assign,
    [SYS_DOMAIN_CREATE] = sys_domain_create,
    [SYS_DOMAIN_GIVE] = sys_domain_give,
    [SYS_DOMAIN_STOP] = sys_domain_stop,
    [SYS_DOMAIN_DESTROY] = sys_domain_destroy,
    [SYS_DOMAIN_WATCH] = sys_domain_watch,
    [SYS_DOMAIN_INFO] = sys_domain_info,
    [SYS_DOMAIN_SET_FAULT_PORTAL] = sys_domain_set_fault_portal,
    [SYS_DOMAIN_NARROW_MASK] = sys_domain_narrow_mask,
    [SYS_THREAD_CREATE] = sys_thread_create,
    [SYS_THREAD_EXIT] = sys_thread_exit,
    [SYS_THREAD_DESTROY] = sys_thread_destroy,
    [SYS_THREAD_YIELD] = sys_thread_yield,
    [SYS_THREAD_SLEEP] = sys_thread_sleep,
    [SYS_THREAD_PARK] = sys_thread_park,
    [SYS_THREAD_UNPARK] = sys_thread_unpark,
    [SYS_THREAD_SET_PRIORITY] = sys_thread_set_priority,
    [SYS_THREAD_SET_AFFINITY] = sys_thread_set_affinity,
    [SYS_THREAD_SET_BUDGET] = sys_thread_set_budget,
    [SYS_PORTAL_CREATE] = sys_portal_create,
    [SYS_EVENT_CREATE] = sys_event_create,
    [SYS_EVENT_SIGNAL] = sys_event_signal,
    [SYS_EVENT_WAIT] = sys_event_wait,
    [SYS_INTERRUPT_CREATE] = sys_interrupt_create,
    [SYS_INTERRUPT_BIND] = sys_interrupt_bind,
    [SYS_INTERRUPT_ACK] = sys_interrupt_ack,
    [SYS_CLOCK_CREATE] = sys_clock_create,
    [SYS_CLOCK_SET] = sys_clock_set,
    [SYS_LOG_WRITE] = sys_log_write,
    [SYS_LOG_READ] = sys_log_read,
    [SYS_LOG_WATCH] = sys_log_watch,
    [SYS_SYSTEM_CONTROL] = sys_system_control,
    [SYS_SYSTEM_INFO] = sys_system_info,
};

OUT_OF_LINE enum status caller_lookup(handle_t h, enum object_type type, rights_t need,
                                      struct object **out)
{
    struct handle_slot *slot;
    const enum status status = handle_find(&caller_domain()->cross, h, type, need, &slot);

    if (status == STATUS_OK)
        *out = slot->object;
    return status;
}

enum status caller_lookup_domain(handle_t h, rights_t need, struct domain **out)
{
    struct object *object;

    if (h == 0) {
        *out = caller_domain();
        return STATUS_OK;
    }
    const enum status status = caller_lookup(h, OBJECT_DOMAIN, need, &object);
    if (status == STATUS_OK)
        *out = domain_of_object(object);
    return status;
}

enum status caller_insert(struct object *object, rights_t rights, handle_t *out)
{
    const enum status status =
        handle_insert(&caller_domain()->handles, object, rights, 0, NULL, out);

    object_put(object);
    return status;
}

enum status caller_has_factory(handle_t factory)
{
    struct object *object;

    return caller_lookup(factory, OBJECT_FACTORY, RIGHT_MANAGE, &object);
}

struct sysret sysret_more(uint64_t x1, uint64_t x2, uint64_t x3)
{
    struct cpu *cpu = cpu_self();

    for (unsigned i = 2; i < 8; i++)
        cpu->current->cross.regs.x[i] = 0;
    cpu->current->cross.regs.x[2] = x2;
    cpu->current->cross.regs.x[3] = x3;
    cpu->exit_work |= EXIT_RESULTS;
    return sysret_value(x1);
}

struct sysret sysret_restart(enum syscall number, const uint64_t arguments[8])
{
    struct cpu *cpu = cpu_self();
    struct context *regs = &cpu->current->cross.regs;

    for (unsigned i = 0; i < 8; i++)
        regs->x[i] = arguments[i];
    regs->x[8] = number;
    cpu->exit_work |= EXIT_RESTART;
    return sysret(STATUS_OK);
}

struct sysret sysret_again(enum syscall number, uint64_t x0, uint64_t x1)
{
    return sysret_restart(number, (const uint64_t[8]){x0, x1});
}

struct sysret sysret_handle(struct object *object, rights_t rights)
{
    handle_t h;
    const enum status status = caller_insert(object, rights, &h);

    return status == STATUS_OK ? sysret_value(h) : sysret(status);
}

/*
 * What a call leaves in x2..x17: zeroes, unless the context holds its results (to x7), or the
 * arguments and number with which it is to be made again (to x8).  Written out, because a loop
 * costs more than all else here.
 */
static void context_clear(struct context *regs, uint32_t work)
{
    if ((work & (EXIT_RESULTS | EXIT_RESTART)) == 0) {
        regs->x[2] = regs->x[3] = 0;
        regs->x[4] = regs->x[5] = 0;
        regs->x[6] = regs->x[7] = 0;
    }
    if ((work & EXIT_RESTART) == 0)
        regs->x[8] = 0;
    regs->x[9] = regs->x[10] = 0;
    regs->x[11] = regs->x[12] = 0;
    regs->x[13] = regs->x[14] = 0;
    regs->x[15] = regs->x[16] = 0;
    regs->x[17] = 0;
}

struct cross_thread *kernel_on_syscall_exit(struct cross_thread *cross, uint64_t status,
                                            uint64_t value)
{
    struct thread *thread = thread_of_cross(cross);
    struct context *regs = &cross->regs;
    const uint32_t work = cpu_self()->exit_work;

    if ((work & EXIT_RESTART) != 0) {
        regs->pc -= 4;
    } else {
        regs->x[0] = status;
        regs->x[1] = value;
    }
    context_clear(regs, work);

    if (work == EXIT_RESULTS) {
        cpu_self()->exit_work = 0;
        return scheduler_go_on();
    }
    if ((work & EXIT_END) != 0) {
        if (portal_depth(thread) > 0)
            portal_unwind(thread, STATUS_PEER_DEAD);
        else
            thread_end(thread);
    }
    return scheduler_leave();
}
