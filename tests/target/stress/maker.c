#include "maker.h"

#define RW ((rights_t)(RIGHT_READ | RIGHT_WRITE))

enum {
    THREADS = 2, /* of a mayfly's */
    MAKER_PRIORITY = 25,
    MAKER_STACK_BYTES = 16384,
    MAYFLY_STACK_BYTES = 2 * PAGE_BYTES,
};

struct field *field;
handle_t field_handle;
_Atomic uint64_t server_portal[SERVERS];

struct maker {
    unsigned number;
    uint64_t seed;
    handle_t host;
    handle_t keeper;
    handle_t thread;
    uint64_t word; /* of the event that tells of its domains' ends */
    handle_t event;
};

static struct maker makers[MAKERS];
static _Alignas(16) unsigned char stacks[MAKERS][MAKER_STACK_BYTES];

static uint64_t chance(struct maker *m)
{
    return m->seed = field_mix(m->seed);
}

/* A thread with its stack.  What it takes is given up at once: the domain's end is theirs. */
static bool thread_add(struct maker *m, handle_t domain)
{
    const rights_t rw = RW;
    handle_t segment = 0, thread = 0;
    uaddr_t address = 0;

    if (segment_create(MAYFLY_STACK_BYTES, rw, 0, 0, name_from("mayfly"), &segment, &address)
        != STATUS_OK)
        return false;
    const uaddr_t top = address + MAYFLY_STACK_BYTES - (sizeof(struct birth) + 15) / 16 * 16;
    enum status s = segment_grant(segment, 0, rw);
    if (s == STATUS_OK) {
        *(struct birth *)(uintptr_t)top = (struct birth){
            .run = work,
            .argument = {chance(m), syscall_word(field), ROW_MAYFLY + m->number, SEAT_NONE}};
        s = segment_revoke(segment, 0);
    }
    if (s == STATUS_OK)
        s = segment_grant(segment, domain, rw);
    if (s == STATUS_OK)
        s = thread_create(domain, syscall_word((void *)(uintptr_t)child_entry), top, top,
                          WORK_PRIORITY, &thread);
    if (s == STATUS_OK)
        s = handle_close(thread);
    const enum status closed = handle_close(segment);
    return s == STATUS_OK && closed == STATUS_OK;
}

static handle_t given(handle_t domain, handle_t h, rights_t rights)
{
    handle_t out = 0;

    return domain_give(domain, h, rights, 0, &out) == STATUS_OK ? out : 0;
}

/* All that it may do anything with. */
static bool equip(struct maker *m, handle_t domain)
{
    struct row *row = &field->row[ROW_MAYFLY + m->number];

    if (segment_grant(test_text(), domain, RIGHT_READ | RIGHT_EXECUTE) != STATUS_OK
        || segment_grant(field_handle, domain, RW) != STATUS_OK)
        return false;
    for (unsigned i = 0; i < SERVERS; i++)
        row->portal[i] = given(domain, server_portal[i], RIGHT_CALL);
    row->portal[KEEPER] = given(domain, m->keeper, RIGHT_CALL);
    row->field = given(domain, field_handle, RIGHT_ALL);
    row->bell = given(domain, m->event, RIGHT_ALL);
    row->peer = given(domain, m->host, RIGHT_ALL);
    return true;
}

/* Stop it first, or not; take it apart, or let that happen when nobody names it any more. */
static void mayfly_end(struct maker *m, handle_t domain)
{
    const uint64_t how = chance(m);
    enum status s = STATUS_OK;

    if (how % 3 == 0)
        s = domain_stop(domain);
    if (s == STATUS_OK && how / 3 % 3 != 0)
        s = domain_destroy(domain);
    if (s == STATUS_OK)
        s = handle_close(domain);
    FIELD_EXPECT(field, s == STATUS_OK);
}

static bool mayfly(struct maker *m)
{
    const bool has_budget = chance(m) % 2 == 0;
    const struct domain_attributes attributes = {
        .name = name_from("mayfly"),
        .syscall_mask = ~UINT64_C(0),
        .quota = {.frames = 1500, .handles = 200, .threads = 8, .objects = 60},
        .highest_priority = 60,
        .budget_ns = has_budget ? TEST_MS : 0,
        .period_ns = has_budget ? 3 * TEST_MS : 0,
        .event = m->event,
        .event_bits = 1,
    };
    struct row *host = &field->row[ROW_CREW + m->number];
    handle_t domain = 0;

    if (domain_create(test_factory(), &attributes, &domain) != STATUS_OK)
        return false;
    bool well = equip(m, domain);
    for (unsigned i = 0; i < THREADS && well; i++)
        well = thread_add(m, domain);
    if (host->guest == 0)
        host->guest = given(m->host, domain, RIGHT_ALL);
    (void)thread_sleep(time_here_ns() + chance(m) % (8 * TEST_MS));
    mayfly_end(m, domain);
    return well;
}

static void make_for_ever(struct maker *m)
{
    struct seat *seat = &field->seat[SEAT_MAKER + m->number];

    while (field->stop == 0) {
        seat->doing = DEED_DOMAIN;
        field->deed[DEED_DOMAIN].tried++;
        if (mayfly(m))
            field->deed[DEED_DOMAIN].well++;
        seat->steps++;
    }
    seat->is_done = 1;
    thread_exit();
}

void maker_start(unsigned maker, uint64_t seed, handle_t host, handle_t keeper)
{
    struct maker *m = &makers[maker];

    *m = (struct maker){
        .number = maker, .seed = field_mix(seed + 1000 + maker), .host = host, .keeper = keeper};
    EXPECT_OK(test_event(&m->word, &m->event));
    EXPECT_OK(thread_create(0, syscall_word((void *)(uintptr_t)make_for_ever),
                            syscall_word(stacks[maker]) + MAKER_STACK_BYTES, syscall_word(m),
                            MAKER_PRIORITY, &m->thread));
}

void makers_end(void)
{
    for (unsigned i = 0; i < MAKERS; i++) {
        EXPECT_OK(thread_destroy(makers[i].thread));
        EXPECT_OK(handle_close(makers[i].thread));
        EXPECT_OK(handle_close(makers[i].event));
    }
}
