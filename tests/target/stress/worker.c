/*
 * Stress: what a worker does, one deed after another, picked by its seed.
 */
#include "field.h"

#define RW ((rights_t)(RIGHT_READ | RIGHT_WRITE))

enum {
    SHORT_LIFE = 4, /* deeds of a worker's own threads */
    FEW_PAGES = 6,
    MANY_PAGES = 513, /* a block of 2 MiB, and a page */
};

/* Hidden, so that a child finds it without the table of addresses in the data. */
void child_entry(void) __attribute__((visibility("hidden")));

struct worker {
    uint64_t seed;
    struct field *field;
    struct row *row;
    struct seat *seat;
    bool is_short; /* makes no threads of its own */
};

static uint64_t chance(struct worker *w)
{
    return w->seed = field_mix(w->seed);
}

static bool call(struct worker *w, unsigned ask, nsec_t deadline, const handle_t *handles)
{
    const uint64_t r = chance(w);
    const uint64_t target = ask == ASK_ECHO ? r % (SERVERS + 1) : r % SERVERS;
    struct portal_message m = {.word = {syscall_word(w->field), r >> 8, target, ask, r}};
    enum status s;

    for (unsigned i = 0; i < PORTAL_HANDLES && handles != NULL; i++)
        m.handle[i] = handles[i];
    if (deadline == DEADLINE_NEVER && handles == NULL)
        s = portal_call(w->row->portal[target], &m);
    else
        s = portal_call_with(w->row->portal[target], &m, deadline);
    for (unsigned i = 0; i < PORTAL_HANDLES && handles != NULL && s == STATUS_OK; i++)
        if (m.handle[i] != 0)
            FIELD_EXPECT(w->field, handle_close(m.handle[i]) == STATUS_OK);
    FIELD_EXPECT(w->field, s != STATUS_OK || m.word[4] == ~r);
    FIELD_EXPECT(w->field, s != STATUS_OK || m.word[1] == r >> 8);
    return s == STATUS_OK;
}

/* Up to four handles, some of which move.  A call that failed may have taken them or not. */
static bool do_pass(struct worker *w)
{
    const uint64_t r = chance(w);
    handle_t pass[PORTAL_HANDLES] = {0}, own[PORTAL_HANDLES] = {0};

    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if ((r >> i & 1) != 0 && handle_duplicate(w->row->bell, RIGHT_ALL, 0, &own[i]) == STATUS_OK)
            pass[i] = own[i] | ((r >> (8 + i) & 1) != 0 ? HANDLE_MOVE : 0);
    }
    const bool well =
        call(w, ASK_HANDLES, r >> 62 == 0 ? time_here_ns() + TEST_MS : DEADLINE_NEVER, pass);
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        const bool moved = well && (pass[i] & HANDLE_MOVE) != 0;
        const enum status s = own[i] == 0 ? STATUS_OK : handle_close(own[i]);
        if (own[i] != 0 && well)
            FIELD_EXPECT(w->field, (s == STATUS_OK) != moved);
    }
    return well;
}

/* A segment of `pages`, in this domain's view. */
static bool memory_make(uint64_t pages, uint64_t guard, handle_t *segment, uaddr_t *address)
{
    if (segment_create(pages * PAGE_BYTES, RW, 0, guard, (struct name){"stress"}, segment, address)
        != STATUS_OK)
        return false;
    if (segment_grant(*segment, 0, RW) == STATUS_OK)
        return true;
    (void)handle_close(*segment);
    return false;
}

static void memory_end(struct worker *w, handle_t segment)
{
    FIELD_EXPECT(w->field, segment_revoke(segment, 0) == STATUS_OK);
    FIELD_EXPECT(w->field, handle_close(segment) == STATUS_OK);
}

/* Each page is zero first, and then what was written. */
static void memory_use(struct worker *w, uaddr_t address, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)(address + i * PAGE_BYTES);
        FIELD_EXPECT(w->field, word[i % 512] == 0);
        word[i % 512] = w->seed;
    }
    for (uint64_t i = 0; i < pages; i += pages / 8 + 1) {
        const volatile uint64_t *word =
            (const volatile uint64_t *)(uintptr_t)(address + i * PAGE_BYTES);
        FIELD_EXPECT(w->field, word[i % 512] == w->seed);
    }
}

static bool do_segment(struct worker *w)
{
    const uint64_t r = chance(w);
    const uint64_t pages = r % 64 == 0 ? MANY_PAGES : 1 + (r >> 8) % FEW_PAGES;
    handle_t segment = 0;
    uaddr_t address = 0;

    if (!memory_make(pages, 0, &segment, &address))
        return false;
    memory_use(w, address, pages);
    memory_end(w, segment);
    return true;
}

/* To another domain, or to one that may be gone: and back, or with the segment's end. */
static bool do_grant(struct worker *w)
{
    const uint64_t r = chance(w);
    handle_t segment = 0, guest = r % 2 == 0 ? atomic_exchange(&w->row->guest, 0) : 0;
    const handle_t to = guest != 0 ? guest : w->row->peer;
    uaddr_t address = 0;

    if (!memory_make(1 + (r >> 8) % FEW_PAGES, 0, &segment, &address))
        return false;
    const enum status granted = segment_grant(segment, to, (r >> 16) % 2 == 0 ? RIGHT_READ : RW);
    if (granted == STATUS_OK && (r >> 20) % 4 == 0)
        end_as_it_may(segment_grant(segment, to, RIGHT_READ));
    memory_use(w, address, 1);
    if (granted == STATUS_OK)
        end_as_it_may(segment_revoke(segment, to));
    memory_end(w, segment);
    if (guest != 0)
        (void)handle_close(guest);
    return granted == STATUS_OK;
}

static void deed_do(struct worker *w, enum deed deed);

/* In a worker's own thread.  Arguments: seed, field, row, seat, where to say that it is done. */
static void work_shortly(const struct birth *birth)
{
    struct field *field = (struct field *)(uintptr_t)birth->argument[1];
    struct worker w = {.seed = birth->argument[0],
                       .field = field,
                       .row = &field->row[birth->argument[2]],
                       .seat = &field->seat[SEAT_NONE],
                       .is_short = true};

    for (unsigned i = 0; i < SHORT_LIFE && field->stop == 0; i++)
        deed_do(&w, (enum deed)(chance(&w) % DEED_WORKER_COUNT));
    atomic_store((_Atomic uint64_t *)(uintptr_t)birth->argument[4], 1);
}

/*
 * A thread on a stack of its own; it ends by itself, or wherever it is when its time is over.  If
 * that is a server, its stack goes before it does.
 */
static bool do_thread(struct worker *w, bool is_killed)
{
    const uint64_t bytes = PAGE_BYTES + CHILD_STACK_BYTES;
    _Atomic uint64_t done = 0;
    handle_t segment = 0, thread = 0;
    uaddr_t address = 0;

    if (!memory_make(bytes / PAGE_BYTES, bytes, &segment, &address))
        return false;
    const uaddr_t top = address + bytes - (sizeof(struct birth) + 15) / 16 * 16;
    const uint64_t row = (uint64_t)(w->row - w->field->row);
    *(struct birth *)(uintptr_t)top = (struct birth){
        .run = work_shortly,
        .argument = {chance(w), syscall_word(w->field), row, 0, (uint64_t)(uintptr_t)&done}};
    const bool well = thread_create(0, syscall_word((void *)(uintptr_t)child_entry), top, top,
                                    WORK_PRIORITY, &thread)
                      == STATUS_OK;
    if (well && is_killed)
        (void)thread_sleep(time_here_ns() + chance(w) % (TEST_MS / 2));
    while (well && !is_killed && done == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS / 10);
    if (well) {
        FIELD_EXPECT(w->field, thread_destroy(thread) == STATUS_OK);
        FIELD_EXPECT(w->field, handle_close(thread) == STATUS_OK);
    }
    memory_end(w, segment);
    return well;
}

/* An event of one's own, in memory of one's own, that is signalled or times out. */
static bool do_event(struct worker *w)
{
    const uint64_t r = chance(w);
    handle_t segment = 0, event = 0;
    uaddr_t address = 0;

    if (!memory_make(1, 0, &segment, &address))
        return false;
    if (event_create(segment, (r >> 4) % 512 * sizeof(uint64_t), &event) != STATUS_OK) {
        memory_end(w, segment);
        return false;
    }
    if (r % 2 == 0)
        (void)event_signal(event, 1);
    const enum status s = event_wait(event, time_here_ns() + (r >> 8) % (TEST_MS / 5));
    FIELD_EXPECT(w->field,
                 s == STATUS_OK || (s == STATUS_TIMED_OUT && (r % 2 != 0 || w->is_short)));
    if ((r >> 2) % 2 == 0) { /* either may go first */
        memory_end(w, segment);
        (void)handle_close(event);
    } else {
        (void)handle_close(event);
        memory_end(w, segment);
    }
    return s == STATUS_OK;
}

static bool do_park(struct worker *w)
{
    const uint64_t r = chance(w);
    _Atomic uint32_t *word = &w->field->seat[r % CREW].parked;

    if ((r >> 8) % 2 == 0)
        return thread_unpark(word, (uint32_t)(1 + (r >> 16) % 3)) == STATUS_OK;
    return thread_park(word, 0, time_here_ns() + (r >> 16) % (TEST_MS / 5)) == STATUS_OK;
}

/* What is in the registers stays over system calls, and is gone after a portal call. */
static bool do_fp(struct worker *w)
{
    const uint64_t mine = chance(w);
    uint64_t then;

    __asm__ volatile(".arch_extension fp\n\tfmov d8, %0" : : "r"(mine) : "v8");
    if (mine % 3 == 0)
        (void)thread_sleep(time_here_ns() + (mine >> 8) % (TEST_MS / 10));
    else
        thread_yield();
    __asm__ volatile(".arch_extension fp\n\tfmov %0, d8" : "=r"(then));
    FIELD_EXPECT(w->field, then == mine);
    const bool well = call(w, mine % 2 == 0 ? ASK_ECHO : ASK_WANDER, DEADLINE_NEVER, NULL);
    __asm__ volatile(".arch_extension fp\n\tfmov %0, d8" : "=r"(then));
    FIELD_EXPECT(w->field, !well || then == 0);
    return well;
}

/* The load is skipped, and everything is as it was. */
static bool do_fault(struct worker *w)
{
    register uint64_t x1 __asm__("x1") = chance(w);
    const uint64_t before = x1;

    if (w->row->has_handler == 0 || w->is_short)
        return false;
    __asm__ volatile("ldr x1, [%1]" : "+r"(x1) : "r"(UINT64_C(0)));
    FIELD_EXPECT(w->field, x1 == before);
    return true;
}

/* More urgent than all others, for one call. */
static bool do_priority(struct worker *w)
{
    const uint32_t urgent = WORK_PRIORITY + (uint32_t)(chance(w) % 15);

    if (thread_set_priority(0, urgent) != STATUS_OK)
        return false;
    const bool well = call(w, ASK_ECHO, DEADLINE_NEVER, NULL);
    FIELD_EXPECT(w->field, thread_set_priority(0, WORK_PRIORITY) == STATUS_OK);
    return well;
}

/* A budget that a call may use up, here or inside. */
static bool do_budget(struct worker *w)
{
    const uint64_t r = chance(w);

    if (thread_set_budget(0, TEST_MS / 10 + r % TEST_MS, 2 * TEST_MS) != STATUS_OK)
        return false;
    const bool well = call(w, ASK_WANDER, DEADLINE_NEVER, NULL);
    FIELD_EXPECT(w->field, thread_set_budget(0, 0, 0) == STATUS_OK);
    return well;
}

static bool do_affinity(struct worker *w)
{
    const uint64_t wanted = w->field->cpus & chance(w);

    return thread_set_affinity(0, wanted != 0 ? wanted : w->field->cpus) == STATUS_OK;
}

static bool do_one(struct worker *w, enum deed deed)
{
    switch (deed) {
    case DEED_CALL:
        return call(w, ASK_ECHO, DEADLINE_NEVER, NULL);
    case DEED_NEST:
        return call(w, ASK_WANDER, DEADLINE_NEVER, NULL);
    case DEED_PASS:
        return do_pass(w);
    case DEED_DEADLINE:
        return call(w, ASK_WANDER, time_here_ns() + chance(w) % (TEST_MS / 2), NULL);
    case DEED_GRANT:
        return do_grant(w);
    case DEED_SEGMENT:
        return do_segment(w);
    case DEED_THREAD:
    case DEED_KILL:
        return !w->is_short && do_thread(w, deed == DEED_KILL);
    case DEED_AFFINITY:
        return do_affinity(w);
    case DEED_PRIORITY:
        return do_priority(w);
    case DEED_BUDGET:
        return do_budget(w);
    case DEED_EVENT:
        return do_event(w);
    case DEED_SIGNAL:
        return event_signal(w->row->bell, 1) == STATUS_OK;
    case DEED_PARK:
        return do_park(w);
    case DEED_YIELD:
        thread_yield();
        return true;
    case DEED_SLEEP:
        return thread_sleep(time_here_ns() + chance(w) % (TEST_MS / 5)) == STATUS_OK;
    case DEED_FP:
        return do_fp(w);
    case DEED_FAULT:
        return do_fault(w);
    default:
        return false;
    }
}

static void deed_do(struct worker *w, enum deed deed)
{
    w->seat->doing = deed;
    w->field->deed[deed].tried++;
    if (do_one(w, deed))
        w->field->deed[deed].well++;
    w->seat->steps++;
    /* An idle CPU gets out of the others' way at once, which a host with fewer of them needs. */
    if (chance(w) % 2 == 0)
        (void)thread_sleep(time_here_ns() + chance(w) % (TEST_MS / 2));
}

void work(const struct birth *birth)
{
    struct field *field = (struct field *)(uintptr_t)birth->argument[1];
    struct worker w = {.seed = birth->argument[0],
                       .field = field,
                       .row = &field->row[birth->argument[2]],
                       .seat = &field->seat[birth->argument[3]],
                       .is_short = birth->argument[3] == SEAT_NONE};

    while (field->stop == 0)
        deed_do(&w, (enum deed)(chance(&w) % DEED_WORKER_COUNT));
    w.seat->is_done = 1;
}

/* ---- the ring ---- */

static void bell_await(handle_t event, _Atomic uint64_t *pending)
{
    (void)event_wait(event, DEADLINE_NEVER);
    (void)atomic_exchange(pending, 0);
}

/* The last message is a 0: then both have seen the end. */
void talk(const struct birth *birth)
{
    struct field *field = (struct field *)(uintptr_t)birth->argument[0];
    struct seat *seat = &field->seat[SEAT_TALKER];
    struct ring_producer ring;
    bool is_last = false;

    ring_producer_init(&ring, &field->producer, &field->consumer, field->message, RING_CAPACITY);
    for (uint64_t i = 1; !is_last; i++) {
        is_last = field->stop != 0;
        const struct ring_message message = {{is_last ? 0 : i, i * 3, i * 5, i * 7}};
        while (!ring_put(&ring, &message)) {
            if (ring_publish(&ring))
                (void)event_signal(birth->argument[2], 1);
            if (ring_producer_sleep(&ring))
                bell_await(birth->argument[1], &field->ring_pending[0]);
        }
        field->deed[DEED_MESSAGE].tried++;
        if ((i % 5 == 0 || is_last) && ring_publish(&ring))
            (void)event_signal(birth->argument[2], 1);
        if (i % 64 == 0)
            (void)thread_sleep(time_here_ns() + 2 * TEST_MS);
        seat->steps++;
    }
    seat->is_done = 1;
}

void listen(const struct birth *birth)
{
    struct field *field = (struct field *)(uintptr_t)birth->argument[0];
    struct seat *seat = &field->seat[SEAT_TALKER + 1];
    struct ring_consumer ring;
    struct ring_message message = {{1}};

    ring_consumer_init(&ring, &field->consumer, &field->producer, field->message, RING_CAPACITY);
    for (uint64_t i = 1; message.word[0] != 0; i++) {
        while (!ring_take(&ring, &message)) {
            if (ring_release(&ring))
                (void)event_signal(birth->argument[2], 1);
            if (ring_consumer_sleep(&ring))
                bell_await(birth->argument[1], &field->ring_pending[1]);
        }
        FIELD_EXPECT(field, message.word[1] == i * 3 && message.word[3] == i * 7);
        field->deed[DEED_MESSAGE].well++;
        if (ring_release(&ring))
            (void)event_signal(birth->argument[2], 1);
        seat->steps++;
    }
    seat->is_done = 1;
}
