/*
 * Request: the mailboxes.
 *
 * `state` says who may touch the request: WRITING the caller, TAKING the loop.  The
 * answer is the loop's until it stores the caller's number in `answered`.  Handle words
 * change hands by atomic exchange, because the side that should have taken them may be
 * gone.
 */
#include "request.h"

#include "handle.h"

#include "rt/loop.h"
#include "rt/syscall.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
    STACK_BYTES = 8192,
    STACKS_APP = 8,
    STACKS_INSPECT = 4,
    MAILBOXES = STACKS_APP + STACKS_INSPECT,
};

enum mailbox_state {
    MAILBOX_IDLE = 0,
    MAILBOX_WRITING = 1,
    MAILBOX_POSTED = 2,
    MAILBOX_TAKING = 3,
};

struct words {
    _Atomic uint64_t word[PORTAL_WORDS];
    _Atomic handle_t handle[PORTAL_HANDLES];
};

struct mailbox {
    _Atomic uint64_t stack;    /* whose it is, for ever; 0: nobody's yet */
    _Atomic uint32_t state;    /* enum mailbox_state; a caller sleeps on it while TAKING */
    _Atomic uint32_t answered; /* number of the request that `answer` answers */
    _Atomic uint32_t number;   /* of the request; written by the caller only */
    _Atomic uint64_t kind;
    _Atomic uint64_t badge;
    struct words request;
    struct words answer;
};

static struct mailbox mailboxes[MAILBOXES];
static request_handler *handler_of[REQUEST_KINDS];
static unsigned bell;

void request_entry(void);
void request_carry(uint64_t kind, uint64_t badge, uint64_t stack, struct portal_message *m);

static void words_put(struct words *to, const struct portal_message *m)
{
    for (unsigned i = 0; i < PORTAL_WORDS; i++)
        atomic_store_explicit(&to->word[i], m->word[i], memory_order_relaxed);
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        atomic_store_explicit(&to->handle[i], m->handle[i], memory_order_relaxed);
}

/* Handles stay noted: should they not get where they are going, the next one closes them. */
static void words_get(struct words *from, struct portal_message *out)
{
    for (unsigned i = 0; i < PORTAL_WORDS; i++)
        out->word[i] = atomic_load_explicit(&from->word[i], memory_order_relaxed);
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        out->handle[i] = atomic_load_explicit(&from->handle[i], memory_order_relaxed);
}

static void words_forget_handles(struct words *from)
{
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        atomic_store_explicit(&from->handle[i], 0, memory_order_relaxed);
}

/* Most were moved on and are stale by now; closing one of those fails, and harms nobody. */
static void words_close_handles(struct words *from)
{
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        const handle_t h = atomic_exchange_explicit(&from->handle[i], 0, memory_order_relaxed);
        handle_drop(h & ~HANDLE_MOVE);
    }
}

/* The mailbox of a stack.  There are as many as stacks, so there always is one. */
static struct mailbox *mailbox_of(uint64_t stack)
{
    for (unsigned i = 0; i < MAILBOXES; i++) {
        uint64_t owner = 0;
        if (atomic_compare_exchange_strong(&mailboxes[i].stack, &owner, stack) || owner == stack)
            return &mailboxes[i];
    }
    return NULL;
}

/* ---- the caller's thread; nothing here may need the monitor or thread-local storage ---- */

/* Take the mailbox over from whoever used this stack before, once the loop isn't reading it. */
static void mailbox_seize(struct mailbox *box)
{
    uint32_t state = atomic_load_explicit(&box->state, memory_order_relaxed);

    for (;;) {
        if (state == MAILBOX_TAKING) {
            (void)thread_park(&box->state, MAILBOX_TAKING, DEADLINE_NEVER);
            state = atomic_load_explicit(&box->state, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&box->state, &state, MAILBOX_WRITING,
                                                         memory_order_acquire,
                                                         memory_order_relaxed)) {
            return;
        }
    }
}

void request_carry(uint64_t kind, uint64_t badge, uint64_t stack, struct portal_message *m)
{
    struct mailbox *box = mailbox_of(stack);

    if (box == NULL) {
        *m = (struct portal_message){.word = {STATUS_BUSY}};
        return;
    }
    mailbox_seize(box);
    words_close_handles(&box->request);
    words_put(&box->request, m);
    atomic_store_explicit(&box->kind, kind, memory_order_relaxed);
    atomic_store_explicit(&box->badge, badge, memory_order_relaxed);
    const uint32_t number = atomic_load_explicit(&box->number, memory_order_relaxed) + 1;
    atomic_store_explicit(&box->number, number, memory_order_relaxed);
    atomic_store_explicit(&box->state, MAILBOX_POSTED, memory_order_release);
    loop_raise(bell);

    uint32_t seen;
    while ((seen = atomic_load_explicit(&box->answered, memory_order_acquire)) != number)
        (void)thread_park(&box->answered, seen, DEADLINE_NEVER);
    words_get(&box->answer, m);
}

/* ---- the loop's thread ---- */

static bool mailbox_take(struct mailbox *box, uint32_t *number, uint64_t *kind, uint64_t *badge,
                         struct portal_message *m)
{
    uint32_t state = MAILBOX_POSTED;

    if (!atomic_compare_exchange_strong_explicit(&box->state, &state, MAILBOX_TAKING,
                                                 memory_order_acquire, memory_order_relaxed))
        return false;
    *number = atomic_load_explicit(&box->number, memory_order_relaxed);
    *kind = atomic_load_explicit(&box->kind, memory_order_relaxed);
    *badge = atomic_load_explicit(&box->badge, memory_order_relaxed);
    words_get(&box->request, m);
    words_forget_handles(&box->request);
    atomic_store_explicit(&box->state, MAILBOX_IDLE, memory_order_release);
    (void)thread_unpark(&box->state, 1);
    return true;
}

static void on_bell(void *context)
{
    (void)context;
    for (unsigned i = 0; i < MAILBOXES; i++) {
        struct mailbox *box = &mailboxes[i];
        struct portal_message m;
        uint32_t number;
        uint64_t kind;
        uint64_t badge;

        if (!mailbox_take(box, &number, &kind, &badge, &m))
            continue;
        handler_of[kind](badge, &m);
        words_close_handles(&box->answer);
        words_put(&box->answer, &m);
        atomic_store_explicit(&box->answered, number, memory_order_release);
        (void)thread_unpark(&box->answered, 1);
    }
}

enum status request_init(request_handler *const handlers[REQUEST_KINDS],
                         handle_t portals[REQUEST_KINDS])
{
    static const unsigned stacks[REQUEST_KINDS] = {
        [REQUEST_APP] = STACKS_APP, [REQUEST_INSPECT] = STACKS_INSPECT};
    enum status s = loop_bit_allocate(on_bell, NULL, &bell);

    for (unsigned kind = 0; kind < REQUEST_KINDS && s == STATUS_OK; kind++) {
        handler_of[kind] = handlers[kind];
        s = portal_serve_raw(request_entry, kind, STACK_BYTES, stacks[kind], &portals[kind]);
    }
    return s;
}
