/*
 * Handles: a name that can be narrowed, passed and taken back, and never comes to mean another.
 */
#include "server.h"

static uint64_t word;

static void close_all(const handle_t *h, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        (void)handle_close(h[i]);
}

static void stale_handle_is_refused_after_reuse(void)
{
    handle_t event = 0, old = 0, later[200] = {0};

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 0, &old));
    EXPECT_OK(handle_close(old));
    EXPECT_IS(handle_close(old), STATUS_BAD_HANDLE);
    for (unsigned i = 0; i < 200; i++) {
        EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 0, &later[i]));
        EXPECT(later[i] != old);
        EXPECT_IS(event_signal(old, 1), STATUS_BAD_HANDLE);
    }
    close_all(later, 200);
    bool reused = false;
    for (unsigned i = 0; i < 4000; i++) {
        handle_t h = 0;
        EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 0, &h));
        reused = reused || (uint32_t)h == (uint32_t)old;
        EXPECT(h != old);
        EXPECT_IS(event_signal(old, 1), STATUS_BAD_HANDLE); /* another's slot now, if reused */
        EXPECT_OK(handle_close(h));
        EXPECT_IS(event_signal(old, 1), STATUS_BAD_HANDLE);
    }
    EXPECT(reused);
}

static void duplicates_only_narrow(void)
{
    handle_t event = 0, weak = 0, weaker = 0, again = 0;
    struct handle_info info = {0};

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(event, RIGHT_SIGNAL | RIGHT_DUPLICATE, 0, &weak));
    EXPECT_OK(handle_duplicate(weak, RIGHT_ALL, 0, &weaker));
    EXPECT_OK(handle_info(weaker, &info));
    EXPECT_IS(info.rights, RIGHT_SIGNAL | RIGHT_DUPLICATE);
    EXPECT_IS(info.type, OBJECT_EVENT);
    EXPECT_OK(handle_narrow(weaker, RIGHT_SIGNAL));
    EXPECT_IS(handle_duplicate(weaker, RIGHT_ALL, 0, &again), STATUS_NO_RIGHT);
    EXPECT_OK(handle_narrow(weaker, RIGHT_ALL));
    EXPECT_OK(handle_info(weaker, &info));
    EXPECT_IS(info.rights, RIGHT_SIGNAL);
    EXPECT_IS(event_wait(weaker, 1), STATUS_NO_RIGHT);
    EXPECT_OK(event_signal(weaker, 1));
}

static void badges_stay(void)
{
    handle_t event = 0, portal = 0, badged = 0, other = 0;
    struct handle_info info = {0};

    EXPECT_OK(portal_here(served_echo, 1, &portal));
    EXPECT_OK(handle_duplicate(portal, RIGHT_ALL, 5, &badged));
    EXPECT_IS(handle_duplicate(badged, RIGHT_ALL, 4, &other), STATUS_BAD_ARGUMENT);
    EXPECT_OK(handle_duplicate(badged, RIGHT_ALL, 0, &other));
    EXPECT_OK(handle_info(other, &info));
    EXPECT_IS(info.badge, 5);
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 6, &badged));
    EXPECT_IS(handle_duplicate(badged, RIGHT_ALL, 7, &other), STATUS_BAD_ARGUMENT);
    EXPECT_IS(handle_duplicate(badged, RIGHT_ALL, 1, &other), STATUS_BAD_ARGUMENT);
    EXPECT_OK(handle_duplicate(badged, RIGHT_ALL, 4, &other));
    EXPECT_OK(event_signal(other, UINT64_MAX));
    EXPECT_IS(word, 4);
    EXPECT_OK(event_signal(badged, UINT64_MAX));
    EXPECT_IS(word, 6);
}

/* A tree over three tables: revoking takes all below, and nothing beside or above. */
static void revoke_takes_all_descendants(void)
{
    handle_t event = 0, root = 0, beside = 0, child[3] = {0}, below = 0;
    struct child a, b;

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&(struct child_needs){0}, &a));
    EXPECT_OK(child_make(&(struct child_needs){0}, &b));
    const uint32_t used_a = child_info(&a).used.handles;
    const uint32_t used_b = child_info(&b).used.handles;
    EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 0, &root));
    EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 0, &beside));
    for (unsigned i = 0; i < 3; i++)
        EXPECT_OK(handle_duplicate(root, RIGHT_ALL, 0, &child[i]));
    for (unsigned i = 0; i < 200; i++) {
        EXPECT_OK(handle_duplicate(child[i % 3], RIGHT_ALL, 0, &below));
        EXPECT(child_give(&a, below, RIGHT_ALL, 0) != 0);
        EXPECT(child_give(&b, child[i % 3], RIGHT_ALL, 0) != 0);
    }
    EXPECT_OK(handle_close(child[1])); /* its children stay below root */
    EXPECT_OK(handle_revoke(root));
    EXPECT_IS(child_info(&a).used.handles, used_a);
    EXPECT_IS(child_info(&b).used.handles, used_b);
    EXPECT_IS(event_signal(child[0], 1), STATUS_BAD_HANDLE);
    EXPECT_IS(event_signal(below, 1), STATUS_BAD_HANDLE);
    EXPECT_OK(event_signal(root, 1));
    EXPECT_OK(event_signal(beside, 1));
    EXPECT_OK(handle_revoke(root));
}

static void deep_derivation_is_revoked_too(void)
{
    handle_t event = 0, h = 0, next = 0;

    EXPECT_OK(test_event(&word, &event));
    h = event;
    for (unsigned i = 0; i < 1000; i++) {
        EXPECT_OK(handle_duplicate(h, RIGHT_ALL, 0, &next));
        if (i > 0)
            EXPECT_OK(handle_close(h));
        h = next;
    }
    EXPECT_OK(handle_revoke(event));
    EXPECT_IS(event_signal(h, 1), STATUS_BAD_HANDLE);
    struct info_domain info;
    EXPECT_OK(domain_info(0, INFO_DOMAIN, 0, &info, sizeof info, &next));
    EXPECT(info.used.handles < 100);
}

/* The end of the domain in the middle of a tree neither spares nor harms those below. */
static void revoke_reaches_through_a_destroyed_domain(void)
{
    struct server a;
    struct child b;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &a))
        return;
    EXPECT_OK(child_make(&(struct child_needs){0}, &b));
    const handle_t given = child_give(&b, a.portal, RIGHT_ALL, 0);
    EXPECT(given != 0);
    EXPECT_OK(domain_destroy(a.child.domain)); /* the root of the tree was in its table */
    test_settle();
    struct portal_message m = {.word = {0}};
    EXPECT_IS(portal_call(a.portal, &m), STATUS_PEER_DEAD);
    EXPECT_OK(handle_revoke(a.portal));
    EXPECT_OK(handle_close(a.portal));
    EXPECT_OK(domain_destroy(b.domain));
}

/* ---- passing ---- */

static uint64_t received[PORTAL_HANDLES];

static void on_receive(uint64_t words[SERVED_WORDS])
{
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        received[i] = words[SERVED_HANDLE + i];
        words[SERVED_HANDLE + i] = 0;
    }
}

static void passing_duplicates_or_moves(void)
{
    handle_t portal = 0, event = 0, moved = 0;

    EXPECT_OK(portal_here(on_receive, 1, &portal));
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(event, RIGHT_ALL, 0, &moved));
    struct portal_message m = {.handle = {event, 0, moved | HANDLE_MOVE, 0}};
    EXPECT_OK(portal_call_with(portal, &m, DEADLINE_NEVER));
    EXPECT(received[0] != 0 && received[1] == 0 && received[2] != 0 && received[3] == 0);
    EXPECT_IS(event_signal(moved, 1), STATUS_BAD_HANDLE);
    EXPECT_OK(event_signal(event, 1));
    EXPECT_OK(event_signal(received[0], 2));
    EXPECT_OK(event_signal(received[2], 4));
    EXPECT_IS(word, 7);
    EXPECT_OK(handle_revoke(event)); /* also what was moved is still below it */
    EXPECT_IS(event_signal(received[2], 1), STATUS_BAD_HANDLE);
}

static void passing_is_all_or_nothing(void)
{
    handle_t portal = 0, event = 0, poor = 0;
    struct info_domain before, after;
    uint64_t next;

    EXPECT_OK(portal_here(on_receive, 1, &portal));
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(event, RIGHT_SIGNAL, 0, &poor));
    const struct {
        uint64_t bad;
        enum status wanted;
    } cases[] = {
        {12345, STATUS_BAD_HANDLE},
        {test_factory(), STATUS_NO_RIGHT},
        {test_factory() | HANDLE_MOVE, STATUS_NO_RIGHT},
        {poor, STATUS_NO_RIGHT},
        {poor | HANDLE_MOVE, STATUS_NO_RIGHT},
        {HANDLE_MOVE, STATUS_BAD_HANDLE},
        {UINT64_MAX, STATUS_BAD_HANDLE},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        EXPECT_OK(domain_info(0, INFO_DOMAIN, 0, &before, sizeof before, &next));
        struct portal_message m = {.handle = {event, event, event, cases[i].bad}};
        received[0] = 0;
        EXPECT_IS(portal_call_with(portal, &m, DEADLINE_NEVER), cases[i].wanted);
        EXPECT_IS(received[0], 0);
        EXPECT_OK(domain_info(0, INFO_DOMAIN, 0, &after, sizeof after, &next));
        EXPECT_IS(after.used.handles, before.used.handles);
    }
    EXPECT_OK(event_signal(event, 1));
}

/* Naming a handle twice to move it must not make two of one that can't be duplicated. */
static void moving_twice_makes_no_duplicate(void)
{
    handle_t portal = 0, event = 0, single = 0;

    EXPECT_OK(portal_here(on_receive, 1, &portal));
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(event, RIGHT_SIGNAL | RIGHT_TRANSFER, 0, &single));
    struct portal_message m = {.handle = {single | HANDLE_MOVE, single | HANDLE_MOVE}};
    EXPECT_IS(portal_call_with(portal, &m, DEADLINE_NEVER), STATUS_BAD_HANDLE);
    EXPECT_OK(event_signal(single, 1));
}

/* entry.S */
void portal_bounce(void) __attribute__((visibility("hidden")));

/* In a child: a call to itself, with the handle that it is about to make by moving the first. */
static void pass_what_is_to_be(const struct birth *birth)
{
    const handle_t event = birth->argument[0];
    _Atomic uint64_t *seen = birth->board->word;
    handle_t portal = 0, moved = 0;

    if (portal_create(syscall_word((void *)(uintptr_t)portal_bounce), birth->argument[1], 16, 1, 0,
                      &portal)
            != STATUS_OK
        || handle_duplicate(event, RIGHT_ALL, 0, &moved) != STATUS_OK)
        return;
    const handle_t next = moved + 1; /* slots that were never used come in order */
    struct portal_message m = {.handle = {moved | HANDLE_MOVE, next}};
    seen[1] = portal_call_with(portal, &m, DEADLINE_NEVER);
    seen[2] = event_signal(moved, 1);
    seen[3] = next;
    seen[4] = event_signal(next, 1);
    seen[5] = handle_revoke(event);
    seen[6] = 1;
}

/* It would get children before it takes its source's place in the tree, and lose them then. */
static void handle_that_a_call_makes_is_not_passed_by_it(void)
{
    struct board *board = board_get();
    handle_t event = 0;
    struct child child;

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&child, event, RIGHT_ALL, 0),
                                                child.stack + 2 * PAGE_BYTES};
    const uint32_t used = child_info(&child).used.handles;
    EXPECT_OK(child_start(&child, pass_what_is_to_be, argument));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board->word[6], 1);
    EXPECT_IS(board->word[1], STATUS_NO_RIGHT);
    EXPECT_IS(board->word[2], STATUS_OK);
    EXPECT_IS(board->word[4], STATUS_BAD_HANDLE);
    EXPECT_IS(board->word[5], STATUS_OK);
    EXPECT_IS(child_info(&child).used.handles, used + 1); /* the portal */
}

static void passing_needs_room_at_the_other_end(void)
{
    const struct child_needs needs = {.quota = {.handles = 5}};
    struct server server;
    handle_t event = 0;

    if (!server_make(&needs, served_echo, 1, &server))
        return;
    EXPECT_OK(test_event(&word, &event));
    const uint32_t room = 5 - child_info(&server.child).used.handles;
    EXPECT(room > 0 && room < PORTAL_HANDLES);
    struct portal_message m = {.word = {0}};
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        m.handle[i] = event;
    EXPECT_IS(portal_call_with(server.portal, &m, DEADLINE_NEVER), STATUS_OUT_OF_QUOTA);
    EXPECT_IS(child_info(&server.child).used.handles, 5 - room);
    m = (struct portal_message){.handle = {event}};
    EXPECT_OK(portal_call_with(server.portal, &m, DEADLINE_NEVER));
    EXPECT(m.handle[0] != 0 && m.handle[0] != event); /* echoed back, moved */
    EXPECT_IS(child_info(&server.child).used.handles, 5 - room);
}

/* In a child: pass a handle to a server that moves it back. */
static void have_it_moved_back(const struct birth *birth)
{
    struct portal_message m = {.word = {(uintptr_t)birth->board},
                               .handle = {birth->argument[1], birth->argument[1]}};

    birth->board->word[3] = portal_call_with(birth->argument[0], &m, DEADLINE_NEVER);
    birth->board->word[4] = m.handle[0] | m.handle[1];
}

/* As served_sleep, and then moves the first handle back. */
static void served_late(uint64_t w[SERVED_WORDS])
{
    served_sleep(w);
    w[SERVED_HANDLE] |= HANDLE_MOVE;
}

/* A child with a handle to pass and room for one less than comes back, which calls `server`. */
static void caller_make(const struct server *server, struct child *out)
{
    const struct child_needs needs = {.quota = {.handles = 4}};
    handle_t event = 0;

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&needs, out));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(out, server->portal, RIGHT_CALL, 0),
                                                child_give(out, event, RIGHT_ALL, 0)};
    EXPECT_IS(child_info(out).used.handles, 3);
    EXPECT_OK(child_start(out, have_it_moved_back, argument));
}

/* The callee has given it up and forgotten it: it would have it for ever. */
static void what_a_reply_moves_in_vain_is_closed(void)
{
    struct board *board = board_get();
    struct server server;
    struct child caller;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    const uint32_t used = child_info(&server.child).used.handles;
    caller_make(&server, &caller);
    EXPECT_IS(child_wait(&caller), CHILD_DONE);
    EXPECT_IS(board->word[3], STATUS_OUT_OF_QUOTA);
    EXPECT_IS(board->word[4], 0);
    EXPECT_IS(child_info(&caller).used.handles, 3);
    EXPECT_IS(child_info(&server.child).used.handles, used);
}

static void what_a_reply_moves_to_a_dead_caller_is_closed(void)
{
    struct board *board = board_get();
    struct server server;
    struct child caller;

    if (!server_make(&(struct child_needs){0}, served_late, 1, &server))
        return;
    const uint32_t used = child_info(&server.child).used.handles;
    board->word[1] = board->word[2] = 0;
    caller_make(&server, &caller);
    while (board->word[1] == 0)
        EXPECT_OK(thread_sleep(test_soon(TEST_MS)));
    EXPECT_IS(child_info(&server.child).used.handles, used + 2);
    child_destroy(&caller);
    board->word[2] = 1;
    EXPECT_OK(thread_sleep(test_soon(10 * TEST_MS)));
    test_settle();
    EXPECT_IS(child_info(&server.child).used.handles, used + 1); /* the one that wasn't to move */
}

/* ---- the factory ---- */

static void factory_can_t_be_copied_or_given(void)
{
    const handle_t factory = test_factory();
    handle_t out = 0;
    struct child child;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_IS(handle_duplicate(factory, RIGHT_ALL, 0, &out), STATUS_NO_RIGHT);
    EXPECT_IS(domain_give(child.domain, factory, RIGHT_ALL, 0, &out), STATUS_NO_RIGHT);
    EXPECT_IS(domain_give(0, factory, RIGHT_ALL, 0, &out), STATUS_NO_RIGHT);
}

/* In a child: try every factory call with every word that could be a handle. */
static void forge_factory(const struct birth *birth)
{
    struct domain_attributes attributes = {.highest_priority = 1, .quota = {100, 100, 100, 100, 0}};
    handle_t out = 0;
    uaddr_t address = 0;
    uint64_t got = 0;

    for (uint64_t generation = 0; generation < 4; generation++)
        for (uint64_t index = 0; index < 200; index++) {
            const handle_t h = generation << 32 | index;
            got += domain_create(h, &attributes, &out) == STATUS_OK;
            got += segment_open(h, birth->argument[1], &out) == STATUS_OK;
            got += interrupt_create(h, 33, 0, &out) == STATUS_OK;
            got += segment_create_device(h, 0x0a000000, PAGE_BYTES, name_from("d"), &out, &address)
                   == STATUS_OK;
            got += system_control(h, SYSTEM_LOG_RELEASE) == STATUS_OK;
        }
    got += domain_create(birth->argument[0], &attributes, &out) == STATUS_OK;
    birth->board->word[1] = got;
    birth->board->word[2] = 1;
}

static void factory_can_t_be_forged(void)
{
    struct child child;

    EXPECT_IS(child_does(&child, forge_factory, test_factory(), syscall_word(board_get()), 0),
              CHILD_DONE);
    EXPECT_IS(board_get()->word[2], 1);
    EXPECT_IS(board_get()->word[1], 0);
}

static const struct test handle_tests[] = {
    TEST(stale_handle_is_refused_after_reuse),
    TEST(duplicates_only_narrow),
    TEST(badges_stay),
    TEST(revoke_takes_all_descendants),
    TEST(deep_derivation_is_revoked_too),
    TEST(revoke_reaches_through_a_destroyed_domain),
    TEST(passing_duplicates_or_moves),
    TEST(passing_is_all_or_nothing),
    TEST(moving_twice_makes_no_duplicate),
    TEST(handle_that_a_call_makes_is_not_passed_by_it),
    TEST(passing_needs_room_at_the_other_end),
    TEST(what_a_reply_moves_in_vain_is_closed),
    TEST(what_a_reply_moves_to_a_dead_caller_is_closed),
    TEST(factory_can_t_be_copied_or_given),
    TEST(factory_can_t_be_forged),
};
TEST_GROUP(handle);
