/*
 * A machine with hardly a frame left: every call that needs one is refused, whichever of the frames
 * it needs is the one that is missing, and has then taken none.
 */
#include "server.h"

enum { SINGLES = 40, GIVEN = 200 };

static handle_t singles[SINGLES];
static uint64_t word;
static unsigned refusals;

static const rights_t rw = RIGHT_READ | RIGHT_WRITE;

/* Take everything that is left, in ever smaller pieces. */
static void take_the_rest(void)
{
    handle_t h = 0;
    uaddr_t address = 0;

    for (uint64_t bytes = UINT64_C(1) << 27; bytes >= PAGE_BYTES; bytes /= 2) {
        while (segment_create(bytes, rw, 0, 0, name_from("rest"), &h, &address) == STATUS_OK) {
        }
        test_settle(); /* what the last one had before it failed comes back */
    }
}

/* Whether it worked; the only other answer that is right is OUT_OF_MEMORY. */
static bool worked(enum status s, int line)
{
    if (s != STATUS_OK && s != STATUS_OUT_OF_MEMORY)
        test_fail(__FILE__, line, "status", s, STATUS_OUT_OF_MEMORY);
    refusals += s != STATUS_OK;
    return s == STATUS_OK;
}

/* Everything that makes something, for a domain that may not even come to be. */
static void make_everything(handle_t event)
{
    const struct domain_attributes attributes = {
        .syscall_mask = ~UINT64_C(0), .quota = {1000, 1000, 1000, 1000, 0}, .highest_priority = 3};
    handle_t domain = 0, out = 0, made[8] = {0};
    uaddr_t address = 0;

    if (!worked(domain_create(test_factory(), &attributes, &domain), __LINE__))
        return;
    (void)worked(thread_create(domain, 0, 0, 0, 0, &made[0]), __LINE__);
    (void)worked(segment_create(600 * PAGE_BYTES, rw, 0, 0, name_from("m"), &made[1], &address),
                 __LINE__);
    if (worked(segment_create(PAGE_BYTES, rw, 0, 0, name_from("m"), &made[2], &address), __LINE__))
        (void)worked(segment_grant(made[2], domain, rw), __LINE__);
    (void)worked(segment_create(3 * PAGE_BYTES, rw, SEGMENT_CONTIGUOUS, 0, name_from("m"), &made[3],
                                &address),
                 __LINE__);
    (void)worked(portal_create(0, 0, 0, 16, 0, &made[4]), __LINE__);
    (void)worked(clock_create(event, 1, &made[5]), __LINE__);
    (void)worked(interrupt_create(test_factory(), 130, 0, &made[6]), __LINE__);
    (void)worked(domain_watch(domain, event, 1), __LINE__);
    (void)worked(segment_create_device(test_factory(), 0x0a000000, SLOT_BYTES, name_from("m"),
                                       &made[7], &address),
                 __LINE__);
    for (unsigned i = 0; i < GIVEN; i++)
        if (!worked(domain_give(domain, event, RIGHT_ALL, 0, &out), __LINE__))
            break;
    if (domain_destroy(domain) != STATUS_OK || handle_close(domain) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "end of the domain", 0, 1);
    for (unsigned i = 0; i < 8; i++)
        if (made[i] != 0 && handle_close(made[i]) != STATUS_OK)
            test_fail(__FILE__, __LINE__, "end of what was made", i, 0);
}

static uint64_t frames_free(void)
{
    struct info_memory memory = {0};
    uint64_t next;

    test_settle();
    return system_info(INFO_MEMORY, 0, &memory, sizeof memory, &next) == STATUS_OK
               ? memory.free_frames
               : 0;
}

static void missing_frame_is_an_error_to_whom_it_is_missing(void)
{
    handle_t event = 0;
    uaddr_t address = 0;

    EXPECT_OK(test_event(&word, &event));
    for (unsigned i = 0; i < SINGLES; i++)
        EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("one"), &singles[i], &address));
    take_the_rest();
    refusals = 0;
    for (unsigned i = 0; i < SINGLES && !test_has_failed(); i++) {
        const uint64_t before = frames_free();
        make_everything(event);
        EXPECT_IS(frames_free(), before);
        EXPECT_OK(handle_close(singles[i]));
    }
    EXPECT(refusals > SINGLES / 2);
    make_everything(event);
}

/* A portal call whose handles find no room for a table at the other end. */
static void passing_needs_memory_at_the_other_end(void)
{
    struct server server;
    handle_t event = 0;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    EXPECT_OK(test_event(&word, &event));
    const uint32_t used = child_info(&server.child).used.handles;
    handle_t out = 0;
    for (uint32_t i = used; i < 126; i++) /* the first chunk of its table but one slot */
        EXPECT_OK(domain_give(server.child.domain, event, RIGHT_ALL, 0, &out));
    take_the_rest();
    struct portal_message m = {.handle = {event, event}};
    EXPECT_IS(portal_call_with(server.portal, &m, DEADLINE_NEVER), STATUS_OUT_OF_MEMORY);
    EXPECT_IS(child_info(&server.child).used.handles, 126);
    m = (struct portal_message){.handle = {event}};
    EXPECT_OK(portal_call_with(server.portal, &m, DEADLINE_NEVER));
    EXPECT_IS(child_info(&server.child).used.handles, 126);
}

/* What no call that only uses things may need: a frame. */
static void use_everything(const struct server *server, handle_t event, handle_t segment)
{
    const handle_t callee = server->child.domain;
    struct portal_message m = {.word = {1}};
    uint64_t bits = 0;
    handle_t copy = 0;

    EXPECT_OK(portal_call(server->portal, &m));
    EXPECT_OK(portal_call_with(server->portal, &m, test_soon(1000 * TEST_MS)));
    m = (struct portal_message){.handle = {event}}; /* there and back, moved on the way back */
    EXPECT_OK(portal_call_with(server->portal, &m, DEADLINE_NEVER));
    EXPECT_OK(handle_close(m.handle[0]));
    EXPECT_OK(event_signal(event, 1));
    EXPECT_OK(event_wait(event, DEADLINE_NEVER));
    bits = __atomic_exchange_n(&word, 0, __ATOMIC_ACQ_REL);
    EXPECT_IS(bits, 1);
    EXPECT_IS(event_wait(event, test_soon(TEST_MS)), STATUS_TIMED_OUT);
    EXPECT_OK(segment_revoke(segment, callee));
    EXPECT_OK(segment_grant(segment, callee, rw));
    EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 0, &copy));
    EXPECT_OK(handle_close(copy));
    thread_yield();
}

/* Not one frame is left: whatever exists already still works, as often as one likes. */
static void what_exists_works_without_a_frame(void)
{
    struct server server;
    handle_t event = 0, clock = 0, segment[2] = {0}, more = 0;
    uaddr_t address = 0;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(clock_create(event, 1, &clock));
    for (unsigned i = 0; i < 2; i++) { /* the second keeps the view's table when one is revoked */
        EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("used"), &segment[i], &address));
        EXPECT_OK(segment_grant(segment[i], server.child.domain, rw));
    }
    use_everything(&server, event, segment[0]);
    take_the_rest();
    while (clock_create(event, 1, &more) == STATUS_OK) { /* what is too little for a segment */
    }
    const uint64_t before = frames_free();
    EXPECT_IS(before, 0);
    for (unsigned i = 0; i < 100 && !test_has_failed(); i++)
        use_everything(&server, event, segment[0]);
    EXPECT_IS(frames_free(), before);
}

static const struct test pressure_tests[] = {
    TEST(missing_frame_is_an_error_to_whom_it_is_missing),
    TEST(passing_needs_memory_at_the_other_end),
    TEST(what_exists_works_without_a_frame),
};
TEST_GROUP(pressure);
