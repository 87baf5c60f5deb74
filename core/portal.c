#include "core/portal.h"

#include "arch/timer.h"
#include "base/bits.h"
#include "core/fault.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "core/scheduler.h"
#include "domains/pool.h"
#include "domains/segment.h"

enum { CLOSE_STEP = 2 };

static struct pool portal_pool;
static struct pool record_pool;

static void portal_on_destroy(struct object *object);
static void portal_on_stop(struct belonging *belonging, unsigned *budget);

static const struct belonging_class portal_class = {
    .object = {.type = OBJECT_PORTAL, .destroy = portal_on_destroy},
    .pool = &portal_pool,
    .stop = portal_on_stop,
};

void portals_init(void)
{
    pool_init(&portal_pool, sizeof(struct portal));
    pool_init(&record_pool, sizeof(struct record));
}

static struct record *record_of_cross(struct cross_record *cross)
{
    return (struct record *)cross; /* its first member */
}

/* The innermost call's record; NULL at home. */
static struct record *record_innermost(struct thread *thread)
{
    const struct cross_frame *frame = cross_innermost(&thread->cross);

    return frame == NULL ? NULL : record_of_cross(frame->record);
}

static void on_deadline(struct timeout *timeout);

static enum status record_add(struct portal *portal, uaddr_t stack_top)
{
    struct cross_record *first = portal->cross.first;
    void *memory;
    const enum status status = pool_take(&record_pool, &memory);

    if (status != STATUS_OK)
        return status;
    struct record *record = memory;
    record->portal = portal;
    line_init(&record->creditors);
    record->cross.stack_top = stack_top;
    record->deadline.fire = on_deadline;
    if (first == NULL)
        first = portal->cross.first = &record->cross;
    else
        record->cross.next = first->next;
    first->next = &record->cross; /* a ring, of which `first` is any */
    list_push_back(&portal->records, &record->portal_node);
    portal->record_count++;
    return STATUS_OK;
}

/* Take a free stack for the thread; NULL if there is none. */
static struct record *record_claim(struct portal *portal, struct thread *thread)
{
    LIST_FOR_EACH (node, &portal->records) {
        struct record *record = LIST_ENTRY(node, struct record, portal_node);
        if (cross_record_claim(&record->cross, &thread->cross))
            return record;
    }
    return NULL;
}

enum status portal_create(struct domain *domain, uaddr_t entry, uaddr_t first_stack_top,
                          uint64_t stack_stride, uint64_t stack_count, uint64_t cookie,
                          struct portal **out)
{
    struct belonging *belonging;

    if (stack_count - 1 >= PORTAL_STACKS_MAX || !is_aligned(entry, 4)
        || !is_aligned(first_stack_top | stack_stride, 16))
        return STATUS_BAD_ARGUMENT;
    enum status status =
        belonging_create(domain, &portal_class, 1 + (uint32_t)stack_count, &belonging);
    if (status != STATUS_OK)
        return status;

    struct portal *portal = portal_of_object(&belonging->object);
    list_init(&portal->records);
    line_init(&portal->waiting);
    portal->cross = (struct cross_portal){
        .domain = &domain->cross,
        .entry = entry,
        .cookie = cookie,
    };
    domain_use(domain); /* cross.domain is read without a lock */
    for (uint64_t i = 0; i < stack_count && status == STATUS_OK; i++)
        status = record_add(portal, first_stack_top + i * stack_stride);
    if (status != STATUS_OK) {
        object_put(&portal->belonging.object);
        return status;
    }
    *out = portal;
    return STATUS_OK;
}

/* Whoever runs on one of the portal's stacks returns by the slow path, which looks who waits. */
static void records_want(struct portal *portal)
{
    cpus_hold(); /* nobody is on the portal path, and has looked at the flags */
    LIST_FOR_EACH (node, &portal->records)
        priority_want(LIST_ENTRY(node, struct record, portal_node));
}

static uint32_t records_taken(const struct portal *portal)
{
    uint32_t taken = 0;

    LIST_FOR_EACH (node, &portal->records)
        taken += LIST_ENTRY(node, struct record, portal_node)->cross.thread != NULL;
    return taken;
}

static bool is_stopped(const struct domain *domain)
{
    return domain->state >= DOMAIN_STATE_STOPPED;
}

/* Who gets the next stack; NULL if nobody waits for one. */
static struct thread *waiting_first(const struct portal *portal)
{
    struct waiter *first = line_first(&portal->waiting);

    return first == NULL ? NULL : LIST_ENTRY(first, struct thread, waiter);
}

/* Nobody gets a stack any more; returns whether `*budget` reached for all. */
static bool waiting_fail_some(struct portal *portal, unsigned *budget)
{
    struct thread *thread;

    while ((thread = waiting_first(portal)) != NULL) {
        if (*budget == 0)
            return false;
        --*budget;
        portal_fail_waiting(thread, STATUS_PEER_DEAD);
    }
    return true;
}

/* The portal leaves its domain, which was charged for it. */
static void portal_detach(struct portal *portal)
{
    if (portal->belonging.domain != NULL)
        portal->belonging.domain->dead_portal_calls += portal_calls(portal);
    belonging_leave(&portal->belonging);
}

static void portal_free(struct portal *portal)
{
    struct domain *domain = domain_of_cross(portal->cross.domain);
    struct list_node *node;

    portal_detach(portal);
    while ((node = list_pop_front(&portal->records)) != NULL)
        pool_return(&record_pool, LIST_ENTRY(node, struct record, portal_node));
    deferred_drop(&portal->outdated);
    deferred_drop(&portal->closing);
    belonging_free(&portal->belonging);
    domain_unuse(domain);
}

static void portal_close(struct deferred *closing)
{
    struct portal *portal = LIST_ENTRY(closing, struct portal, closing);
    unsigned budget = CLOSE_STEP;

    if (!waiting_fail_some(portal, &budget))
        deferred_add(closing, portal_close, line_urgency(&portal->waiting));
    else if (records_taken(portal) == 0)
        portal_free(portal);
}

/*
 * The last handle is gone.  Calls that are inside still return through their records, and the
 * portal stays in its domain's list, so that they are found when that stops.
 */
static void portal_on_destroy(struct object *object)
{
    struct portal *portal = portal_of_object(object);

    records_want(portal); /* returns come by the slow path, which closes it with the last */
    portal->lingers = true;
    portal_close(&portal->closing);
}

/* What a thread finds after a call that failed; nothing of the callee's registers is left. */
static void context_set_status(struct thread *thread, enum status status)
{
    struct context *regs = &thread->cross.regs;

    thread->cross.is_light = 0;
    for (unsigned i = 0; i < 31; i++)
        regs->x[i] = 0;
    regs->x[8] = status;
    regs->pstate = 0;
}

/* The contents of its FP registers stay behind.  If it is another CPU's, that closes access. */
static void fp_leave(struct thread *thread)
{
    if (thread == thread_current()) /* even if it is on its way to another CPU */
        fp_drop(&thread->cross);
    else
        fp_forget(&thread->cross);
}

/* The thread is inside the portal from here on; its FP registers stay behind. */
static void frame_push(struct thread *thread, struct portal *portal, struct record *record)
{
    struct cross_thread *cross = &thread->cross;
    const unsigned depth = cross_depth(cross);

    cross->frames[depth] = (struct cross_frame){
        .sp = cross->regs.sp,
        .pc = cross->regs.pc,
        .caller = cross->domain,
        .record = &record->cross,
    };
    record->cross.calls++;
    if (!line_is_empty(&portal->waiting)) {
        priority_want(record);
        priority_update(thread);
    }
    cross->domain = portal->cross.domain;
    fp_leave(thread);
    cross_set_depth(cross, depth + 1);
}

static void deadline_arm(struct thread *thread, struct record *record, nsec_t deadline_ns)
{
    record->cross.flags |= RECORD_DEADLINE;
    record->deadline.deadline_ns = deadline_ns;
    scheduler_timeout_add(&record->deadline, thread->priority);
}

void portal_arm_lazy(struct thread *thread)
{
    const unsigned depth = cross_depth(&thread->cross);

    thread->cross.is_lazy = 0;
    for (unsigned i = 0; i < depth; i++) {
        struct record *record = record_of_cross(thread->cross.frames[i].record);
        if ((record->cross.flags & RECORD_LAZY) == 0)
            continue;
        record->cross.flags &= ~(uint32_t)RECORD_LAZY;
        deadline_arm(thread, record, record->cross.deadline_ns);
    }
}

/* Run the call on `record`, which has been taken.  Passing the handles is what can still fail. */
static CHECK_RESULT enum status portal_enter(struct thread *thread, struct portal *portal,
                                             struct record *record)
{
    struct context *regs = &thread->cross.regs;
    handle_t received[PORTAL_HANDLES] = {0};

    if (thread->call_has_handles) {
        const enum status status =
            handles_transfer(&thread_domain(thread)->handles, &portal->belonging.domain->handles,
                             &regs->x[9], PORTAL_HANDLES, received);
        if (status != STATUS_OK)
            return status;
    }
    frame_push(thread, portal, record);
    if (thread->call_deadline_ns != DEADLINE_NEVER)
        deadline_arm(thread, record, thread->call_deadline_ns);

    for (unsigned i = 9; i < 31; i++)
        regs->x[i] = 0;
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        regs->x[9 + i] = received[i];
    regs->x[8] = thread->call_badge;
    regs->x[13] = portal->cross.cookie;
    regs->pc = portal->cross.entry;
    regs->sp = record->cross.stack_top;
    regs->pstate = 0;
    return STATUS_OK;
}

static void record_pass_on(struct record *record);

/* A stack may be free although somebody waits. */
static void portal_offer(struct deferred *closing)
{
    struct portal *portal = LIST_ENTRY(closing, struct portal, closing);
    struct thread *thread = waiting_first(portal);

    if (thread == NULL)
        return;
    records_want(portal); /* whoever has taken it meanwhile returns by the slow path */
    struct record *record = record_claim(portal, thread);
    if (record == NULL)
        return;
    record_pass_on(record);
    /* There may be more of either, and nobody who waits is more urgent. */
    deferred_add(closing, portal_offer, thread->priority);
}

/*
 * A stack goes from its call to the first of those who wait, or free.  Not free in between: another
 * CPU could take it by the portal path, and nobody would look who waits when that call returns.
 */
static void record_pass_on(struct record *record)
{
    struct portal *portal = record->portal;
    struct thread *thread = waiting_first(portal);

    if (thread == NULL) {
        cross_record_release(&record->cross);
        return;
    }
    thread_unqueue(thread);
    record->cross.thread = &thread->cross;
    const enum status status = portal_enter(thread, portal, record);
    if (status != STATUS_OK) {
        context_set_status(thread, status);
        cross_record_release(&record->cross);
        /* One at a time, however many can't enter. */
        deferred_add(&portal->closing, portal_offer, line_urgency(&portal->waiting));
    }
    thread_make_ready(thread);
}

static void record_release(struct record *record)
{
    struct portal *portal = record->portal;
    struct thread *thread = thread_of_cross(record->cross.thread);

    timeout_cancel(&record->deadline);
    if (list_node_is_linked(&record->wanted_node))
        priority_unwant(record, thread);
    record->cross.flags = 0;
    if (!portal->lingers) {
        record_pass_on(record);
        return;
    }
    cross_record_release(&record->cross);
    /* Maybe at a deadline, and somebody more urgent comes first. */
    deferred_add(&portal->closing, portal_close, thread->base_priority);
}

/* Queue the caller, behind those of its priority. */
COLD static void portal_wait(struct thread *thread, struct portal *portal)
{
    line_join(&portal->waiting, &thread->waiter, thread->priority);
    thread->waiting_portal = portal;
    records_want(portal);
    priority_lend(portal);
    thread_block(thread, THREAD_STATE_WAITING_PORTAL, thread->call_deadline_ns);
}

void portal_forget_waiting(struct thread *thread)
{
    struct portal *portal = thread->waiting_portal;

    thread->waiting_portal = NULL;
    line_leave(&portal->waiting, &thread->waiter);
    priority_lend(portal);
}

void portal_fail_waiting(struct thread *thread, enum status status)
{
    thread_unqueue(thread);
    context_set_status(thread, status);
    thread_make_ready(thread);
}

/* Whether one of the portal's stacks is the thread's own already: waiting would never end. */
static bool thread_holds_stack(const struct thread *thread, const struct portal *portal)
{
    const unsigned depth = cross_depth(&thread->cross);

    for (unsigned i = 0; i < depth; i++)
        if (record_of_cross(thread->cross.frames[i].record)->portal == portal)
            return true;
    return false;
}

static enum status portal_try_call(struct thread *thread, handle_t h)
{
    struct handle_slot *slot;
    const enum status status =
        handle_lookup(&thread_domain(thread)->handles, h, OBJECT_PORTAL, RIGHT_CALL, &slot);

    if (status != STATUS_OK)
        return status;
    struct portal *portal = portal_of_object(slot->object);
    if (portal->belonging.domain == NULL || is_stopped(portal->belonging.domain))
        return STATUS_PEER_DEAD;
    if (cross_depth(&thread->cross) == THREAD_DEPTH_MAX)
        return STATUS_TOO_DEEP;
    thread->call_badge = slot->badge;
    struct record *record = record_claim(portal, thread);
    if (record == NULL) {
        if (thread_holds_stack(thread, portal))
            return STATUS_TOO_DEEP;
        cpus_hold(); /* who has found, just before, that nobody waits, has returned now */
        record = record_claim(portal, thread);
    }
    if (record == NULL) {
        portal_wait(thread, portal);
        return STATUS_OK;
    }
    const enum status entered = portal_enter(thread, portal, record);
    if (entered != STATUS_OK)
        cross_record_release(&record->cross);
    return entered;
}

void portal_call(struct thread *thread, bool with_handles)
{
    const struct context *regs = &thread->cross.regs;

    thread->call_has_handles =
        with_handles && (regs->x[9] | regs->x[10] | regs->x[11] | regs->x[12]) != 0;
    thread->call_deadline_ns = with_handles ? regs->x[13] : DEADLINE_NEVER;
    const enum status status = portal_try_call(thread, regs->x[8]);
    if (status != STATUS_OK)
        context_set_status(thread, status);
}

OUT_OF_LINE static uint32_t pass_several(struct domain *from, struct domain *to, uint64_t *words)
{
    handle_t received[PORTAL_HANDLES];
    const enum status status =
        handles_transfer(&from->handles, &to->handles, words, PORTAL_HANDLES, received);

    if (status == STATUS_OK)
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            words[i] = received[i];
    return status;
}

/* Called with one CPU only: it needs no lock.  Mostly it is one, and stays the sender's too. */
uint32_t kernel_on_pass(struct cross_domain *from, struct cross_domain *to, uint64_t *words)
{
    if ((words[1] | words[2] | words[3]) != 0 || (words[0] & HANDLE_MOVE) != 0)
        return pass_several(domain_of_cross(from), domain_of_cross(to), words);
    return handle_transfer(from, &domain_of_cross(to)->handles, words[0], &words[0]);
}

/* As above. */
struct cross_thread *kernel_on_refusal(struct cross_thread *cross, uint32_t status)
{
    portal_unwind(thread_of_cross(cross), (enum status)status);
    return scheduler_go_on();
}

bool portal_call_fault(struct thread *thread, struct portal *portal, enum fault_reason reason,
                       uint64_t address, uint64_t esr)
{
    struct cross_thread *cross = &thread->cross;
    struct context *regs = &cross->regs;

    if (portal->belonging.domain == NULL || is_stopped(portal->belonging.domain)
        || cross->has_fault != 0 || cross_depth(cross) == THREAD_DEPTH_MAX)
        return false;
    struct record *record = record_claim(portal, thread);
    if (record == NULL)
        return false;

    fp_save(cross, thread_fp(thread));
    cross->fault_fp = cross->fp_state;
    cross->has_fault = 1;
    cross->fault_regs = *regs;
    fault_describe(thread, thread_domain(thread), reason, address, esr);
    record->cross.flags |= RECORD_FAULT;
    frame_push(thread, portal, record);
    *regs = (struct context){.sp = record->cross.stack_top, .pc = portal->cross.entry};
    for (unsigned i = 0; i < 6; i++)
        regs->x[i] = cross->fault_in[i];
    regs->x[13] = portal->cross.cookie;
    return true;
}

/* Leave the innermost record: the thread is back where it called from. */
static void record_leave(struct thread *thread)
{
    struct cross_thread *cross = &thread->cross;
    const struct cross_frame *frame = cross_innermost(cross);
    const unsigned depth = cross_depth(cross);

    fp_leave(thread);
    cross->domain = frame->caller;
    cross->regs.sp = frame->sp;
    cross->regs.pc = frame->pc;
    cross_set_depth(cross, depth - 1);
    record_release(record_of_cross(frame->record));
}

/* Unwind up to and including `last`, and on through domains that have stopped. */
static void unwind_to(struct thread *thread, const struct record *last, enum status status)
{
    struct domain *faulted = NULL;
    bool goes_on = true; /* `last` is still to come */

    thread_recall(thread);
    do {
        const struct record *left = record_innermost(thread);
        goes_on = goes_on && left != last;
        if ((left->cross.flags & RECORD_FAULT) != 0) {
            thread->cross.has_fault = 0;
            faulted = domain_of_cross(cross_innermost(&thread->cross)->caller);
        }
        record_leave(thread);
    } while (goes_on || (portal_depth(thread) > 0 && is_stopped(thread_domain(thread))));

    context_set_status(thread, status);
    thread_building_drop(thread); /* of a segment_create that will not go on */
    const bool ends =
        is_stopped(thread_domain(thread)) || (portal_depth(thread) == 0 && thread->is_doomed);
    if (!ends && thread->state != THREAD_STATE_RUNNING)
        thread_make_ready(thread);
    /* The handler of its fault is gone, so the fault stops the domain after all. */
    if (faulted != NULL)
        fault_stop(thread, faulted);
    if (ends)
        thread_end(thread);
}

void portal_unwind(struct thread *thread, enum status status)
{
    unwind_to(thread, record_innermost(thread), status);
}

static void on_deadline(struct timeout *timeout)
{
    struct record *record = LIST_ENTRY(timeout, struct record, deadline);
    struct thread *thread = thread_of_cross(record->cross.thread);
    thread_hold(thread);
    const bool works = thread->state == THREAD_STATE_RUNNING || thread->state == THREAD_STATE_READY;

    if (works) {
        const nsec_t ran_ns = thread_cpu_time_ns(thread);
        if ((record->cross.flags & RECORD_LATE) == 0)
            record->cross.deadline_ns = ran_ns + PORTAL_GRACE_NS / 16 * 15;
        record->cross.flags |= RECORD_LATE;
        if (ran_ns < record->cross.deadline_ns) {
            deadline_arm(thread, record, timer_now_ns() + PORTAL_GRACE_NS);
            return;
        }
    }
    if (thread->state != THREAD_STATE_RUNNING)
        thread_unqueue(thread);
    unwind_to(thread, record, STATUS_TIMED_OUT);
}

/* A fault's handler has answered. */
static void fault_return(struct thread *thread)
{
    const uint64_t verdict = thread->cross.regs.x[0];

    record_leave(thread);
    thread->cross.regs = thread->cross.fault_regs;
    thread->cross.has_fault = 0;
    fp_restore(&thread->cross, thread->cross.fault_fp);
    if (verdict == FAULT_SKIP)
        thread->cross.regs.pc += 4;
    else if (verdict != FAULT_RESTART)
        fault_stop(thread, thread_domain(thread));
}

static void values_return(struct thread *thread, struct domain *caller, bool with_handles)
{
    struct context *regs = &thread->cross.regs;
    handle_t passed[PORTAL_HANDLES] = {0};
    enum status status = is_stopped(caller) ? STATUS_PEER_DEAD : STATUS_OK;

    if (with_handles) {
        struct handle_table *from = &thread_domain(thread)->handles;
        if (status == STATUS_OK)
            status = handles_transfer(from, &caller->handles, &regs->x[9], PORTAL_HANDLES, passed);
        if (status != STATUS_OK) /* the callee has done with what moves */
            handles_give_up(from, &regs->x[9], PORTAL_HANDLES);
    }
    if (status == STATUS_PEER_DEAD) {
        portal_unwind(thread, status);
        return;
    }
    record_leave(thread);
    regs->x[8] = status;
    for (unsigned i = 9; i < 18; i++)
        regs->x[i] = i - 9 < PORTAL_HANDLES ? passed[i - 9] : 0;
    regs->pstate = 0;
}

bool portal_return(struct thread *thread, bool with_handles)
{
    const struct record *record = record_innermost(thread);

    if (record == NULL) {
        thread->cross.regs.x[12] = 0; /* where the path has looked: an address of the kernel */
        return false;
    }
    struct domain *caller = domain_of_cross(cross_innermost(&thread->cross)->caller);
    if ((record->cross.flags & RECORD_FAULT) != 0)
        fault_return(thread);
    else
        values_return(thread, caller, with_handles);
    if (thread->is_doomed && portal_depth(thread) == 0)
        thread_end(thread);
    return true;
}

/* Send home whoever executes in the portal's domain by this portal, as far as `*budget` reaches. */
static void callers_unwind(struct portal *portal, unsigned *budget)
{
    LIST_FOR_EACH (node, &portal->records) {
        struct record *record = LIST_ENTRY(node, struct record, portal_node);
        if (record->cross.thread == NULL)
            continue;
        struct thread *thread = thread_of_cross(record->cross.thread);
        if (record_innermost(thread) != record)
            continue; /* it is further inside, and will find out on its return */
        if (*budget == 0)
            return;
        --*budget;
        if (thread->state != THREAD_STATE_RUNNING)
            thread_unqueue(thread);
        portal_unwind(thread, STATUS_PEER_DEAD);
    }
}

/* Nobody waits any more, and nobody executes inside: those who do are sent home. */
static void portal_on_stop(struct belonging *belonging, unsigned *budget)
{
    struct portal *portal = portal_of_object(&belonging->object);

    if (!waiting_fail_some(portal, budget))
        return;
    const bool lingers = portal->lingers;

    /* Unwinding may close the portal's last handle: keep it meanwhile. */
    if (!lingers)
        object_get(&belonging->object);
    callers_unwind(portal, budget);
    if (*budget > 0)
        portal_detach(portal);
    if (!lingers)
        object_put(&belonging->object);
}

uint64_t portal_calls(const struct portal *portal)
{
    uint64_t calls = 0;

    LIST_FOR_EACH (node, &portal->records)
        calls += LIST_ENTRY(node, struct record, portal_node)->cross.calls;
    return calls;
}

void portal_doom(const struct thread *thread)
{
    cpus_hold(); /* or it might have looked at them, and go home by the portal path */
    if (portal_depth(thread) > 0)
        thread->cross.frames[0].record->flags |= RECORD_DOOMED;
}
