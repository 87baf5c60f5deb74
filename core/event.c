#include "core/event.h"

#include "arch/mmu.h"
#include "base/bits.h"
#include "core/log_watchers.h"
#include "core/scheduler.h"
#include "domains/pool.h"

/* One domain's wish to be told of another's end.  It goes with the event, or with that end. */
struct watch {
    struct list_node node;       /* in the watched domain's list */
    struct list_node event_node; /* in the event's list */
    const struct domain *domain;
    struct event *event;
    uint64_t bits;
};

enum { CLOSE_STEP = 8 };

static struct pool event_pool;
static struct pool watch_pool;

static void event_on_destroy(struct object *object);
static void event_on_stop(struct belonging *belonging, unsigned *budget);

static const struct belonging_class event_class = {
    .object = {.type = OBJECT_EVENT, .destroy = event_on_destroy},
    .pool = &event_pool,
    .stop = event_on_stop,
};

_Static_assert(THREAD_STATE_READY == 0 && THREAD_STATE_RUNNING == 1
                   && THREAD_STATE_WAITING_EVENT == 2 && RIGHT_WAIT == 1 << 6,
               "event.S");

void events_init(void)
{
    pool_init(&event_pool, sizeof(struct event));
    pool_init(&watch_pool, sizeof(struct watch));
}

static void watch_free(struct watch *watch)
{
    list_remove(&watch->node);
    list_remove(&watch->event_node);
    pool_return(&watch_pool, watch);
}

/*
 * Others may hold the event for ever; what they must not hold is its owner's memory.  Returns
 * whether `*budget` reached.
 */
static bool event_detach(struct event *event, unsigned *budget)
{
    struct list_node *node;

    for (; *budget > 0 && (node = list_first(&event->watches)) != NULL; --*budget)
        watch_free(LIST_ENTRY(node, struct watch, event_node));
    if (*budget == 0)
        return false;
    log_watchers_forget(event);
    if (event->belonging.domain == NULL)
        return true;
    cpus_hold(); /* signal_path may be about to set a bit */
    belonging_leave(&event->belonging);
    event->cross.word = NULL;
    object_put(&event->segment->object);
    event->segment = NULL;
    return true;
}

static void event_close(struct deferred *closing)
{
    struct event *event = LIST_ENTRY(closing, struct event, closing);
    const struct thread *current = thread_current();
    unsigned budget = CLOSE_STEP;

    if (event_detach(event, &budget))
        belonging_free(&event->belonging);
    else
        deferred_add(closing, event_close, current == NULL ? 0 : current->priority);
}

static void event_on_destroy(struct object *object)
{
    struct event *event = event_of_object(object);

    cpus_hold();
    cpus_forget(event);
    if (event->cross.waiter != NULL)
        thread_wake(event->cross.waiter, STATUS_BAD_HANDLE);
    event_close(&event->closing);
}

enum status event_create(struct domain *domain, struct segment *segment, uint64_t offset,
                         struct event **out)
{
    struct belonging *belonging;

    if (segment->owner != domain || !is_aligned(offset, sizeof(uint64_t))
        || offset >= segment->length || segment->backing == SEGMENT_DEVICE
        || segment->backing == SEGMENT_PHYSICAL || segment->backing == SEGMENT_ALIAS)
        return STATUS_BAD_ARGUMENT;
    const paddr_t physical = segment_physical(segment, offset);
    if (physical == 0)
        return STATUS_BAD_ARGUMENT;
    const enum status status = belonging_create(domain, &event_class, 1, &belonging);
    if (status != STATUS_OK)
        return status;

    struct event *event = event_of_object(&belonging->object);
    list_init(&event->watches);
    event->segment = segment;
    object_get(&segment->object);
    event->cross.word = direct_map(physical);
    *out = event;
    return STATUS_OK;
}

/* The waiter's wait is over, with OK.  It is in no queue. */
static struct thread *waiter_release(struct event *event)
{
    struct thread *waiter = event->cross.waiter;

    event->cross.waiter = NULL;
    waiter->waiting_event = NULL;
    timeout_cancel(&waiter->timeout);
    waiter->cross.regs.x[0] = STATUS_OK;
    waiter->cross.regs.x[1] = 0;
    return waiter;
}

void event_signal(struct event *event, uint64_t bits)
{
    if (event->belonging.domain == NULL)
        return;
    /* Release: what the signaller wrote before is there when the owner takes the bits. */
    (void)__atomic_fetch_or(event->cross.word, bits, __ATOMIC_ACQ_REL);
    if (event->cross.waiter != NULL && bits != 0)
        thread_make_ready(waiter_release(event));
}

struct thread *event_post(struct event *event, uint64_t bits)
{
    (void)__atomic_fetch_or(event->cross.word, bits, __ATOMIC_ACQ_REL);
    return event->cross.waiter == NULL ? NULL : waiter_release(event);
}

/*
 * Register `thread`, unless there are bits already.  On many CPUs a signaller may set some between
 * two looks; it looks for a waiter after that.
 */
static enum status waiter_register(struct event *event, struct thread *thread)
{
    if (event->belonging.domain == NULL)
        return STATUS_PEER_DEAD;
    if (event->cross.waiter != NULL)
        return __atomic_load_n(event->cross.word, __ATOMIC_ACQUIRE) != 0 ? STATUS_OK : STATUS_BUSY;
    event->cross.waiter = thread;
    dmb_ish(); /* pairs with the one in event.S */
    if (__atomic_load_n(event->cross.word, __ATOMIC_ACQUIRE) != 0) {
        event->cross.waiter = NULL;
        return STATUS_OK;
    }
    thread->waiting_event = event;
    return STATUS_WOULD_BLOCK;
}

enum status event_wait(struct event *event, struct thread *thread, nsec_t deadline_ns)
{
    const enum status status = waiter_register(event, thread);

    if (status != STATUS_WOULD_BLOCK)
        return status;
    thread_block(thread, THREAD_STATE_WAITING_EVENT, deadline_ns);
    return STATUS_OK;
}

struct cross_thread *kernel_on_signal(struct cross_thread *cross, void *object)
{
    const bool goes_on = kernel_lock_take_with(&object);
    struct event *event = object;

    if (event == NULL || event->cross.waiter == NULL) /* gone, or somebody was faster */
        return goes_on ? scheduler_go_on() : scheduler_leave();
    if (goes_on)
        return scheduler_wake(thread_of_cross(cross), waiter_release(event));
    thread_make_ready(
        waiter_release(event)); /* the signal was given, whatever became of its giver */
    return scheduler_leave();
}

struct cross_thread *kernel_on_wait(struct cross_thread *cross, void *object, nsec_t deadline_ns)
{
    struct thread *thread = thread_of_cross(cross);

    if (!kernel_lock_take_with(&object))
        return scheduler_leave();
    const enum status status = object == NULL ? STATUS_BAD_HANDLE : waiter_register(object, thread);
    if (status != STATUS_WOULD_BLOCK) {
        cross->regs.x[0] = status;
        return scheduler_go_on();
    }
    return scheduler_wait(thread, THREAD_STATE_WAITING_EVENT, deadline_ns);
}

static void event_on_stop(struct belonging *belonging, unsigned *budget)
{
    struct event *event = event_of_object(&belonging->object);

    if (event_detach(event, budget) && event->cross.waiter != NULL)
        thread_wake(event->cross.waiter, STATUS_PEER_DEAD);
}

enum status watch_add(struct domain *domain, struct event *event, uint64_t bits)
{
    void *memory;

    if (event->belonging.domain == NULL)
        return STATUS_PEER_DEAD;
    if (domain->state >= DOMAIN_STATE_STOPPED) {
        event_signal(event, bits);
        return STATUS_OK;
    }
    /* Watching twice with the same event is one watch with both bits: no need for a quota. */
    LIST_FOR_EACH (node, &event->watches) {
        struct watch *watch = LIST_ENTRY(node, struct watch, event_node);
        if (cpu_is_interrupted())
            return STATUS_WOULD_BLOCK;
        if (watch->domain == domain) {
            watch->bits |= bits;
            return STATUS_OK;
        }
    }
    const enum status status = pool_take(&watch_pool, &memory);
    if (status != STATUS_OK)
        return status;

    struct watch *watch = memory;
    watch->domain = domain;
    watch->event = event;
    watch->bits = bits;
    list_push_back(&domain->watchers, &watch->node);
    list_push_back(&event->watches, &watch->event_node);
    return STATUS_OK;
}

void watch_fire_first(struct domain *domain)
{
    struct watch *watch = LIST_ENTRY(list_first(&domain->watchers), struct watch, node);

    event_signal(watch->event, watch->bits);
    watch_free(watch);
}
