/*
 * Connections that the launcher gives: their badges, and that neither handles nor the rings that
 * outlive them are more than the quota.  The test plays the supervisor, the table of services and
 * the kernel.
 */
// include first: tests/host/fake
// source: userland/launcher/grants.c
// source: core/abi/status.c
#include "userland/launcher/grants.h"

#include "rt/app.h"
#include "rt/svc.h"
#include "rt/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    SELF,
    CLIENT,
    OWNER,
    OTHER_OWNER,
    CHILDREN,
    CLOCK = 0,
    ECHO,
    SERVICES,
    LAUNCHER_ID = 1,
    CLIENT_ID = 77,
    LAUNCHER_BADGE = 0x101,
    QUOTA = 5,
    HANDLES = 64,
};

static struct manifest_domain entries[CHILDREN];
static struct child children[CHILDREN];
static const struct service_entry services[SERVICES] = {
    {.name = "rtc:Clock", .owner = &children[OWNER]},
    {.name = "test:Echo", .owner = &children[OTHER_OWNER]}};
static struct info_handle handles[HANDLES]; /* the client's; type 0: unused */
static nsec_t now, look_ns;
static unsigned looks;

unsigned supervisor_count(void)
{
    return CHILDREN;
}

struct child *supervisor_child(unsigned index)
{
    return &children[index];
}

uint64_t supervisor_badge(const struct child *child)
{
    (void)child;
    return LAUNCHER_BADGE;
}

unsigned services_count(void)
{
    return SERVICES;
}

const struct service_entry *services_entry(unsigned index)
{
    return &services[index];
}

nsec_t time_now_ns(void)
{
    return now;
}

enum status svc_8(enum syscall number, struct svc_words *w)
{
    assert_int_equal(number, SYS_DOMAIN_INFO);
    assert_int_equal(w->word[1], INFO_HANDLES);
    if (w->word[0] != children[CLIENT].loaded.domain)
        return STATUS_NOT_FOUND; /* the others have none */
    const uint64_t i = w->word[2];

    looks += i == 0;
    now += i == 0 ? look_ns : 0;
    memcpy((void *)w->word[3], &handles[i], sizeof handles[i]);
    w->word[1] = i + 1 < HANDLES ? i + 1 : 0;
    return STATUS_OK;
}

static int begin(void **state)
{
    (void)state;
    memset(handles, 0, sizeof handles);
    now = look_ns = looks = 0;
    for (unsigned i = 0; i < CHILDREN; i++) {
        entries[i] = (struct manifest_domain){.quota_connections = QUOTA};
        children[i] = (struct child){.domain = &entries[i],
                                     .index = i,
                                     .state = INSPECT_RUNNING,
                                     .loaded = {.domain = 100 + i, .domain_id = LAUNCHER_ID + i}};
    }
    children[CLIENT].loaded.domain_id = CLIENT_ID;
    entries[CLIENT].connects[entries[CLIENT].connect_count++] = "app:Inspect";
    entries[CLIENT].connects[entries[CLIENT].connect_count++] = "rtc:Clock";
    entries[CLIENT].connects[entries[CLIENT].connect_count++] = "test:Echo";
    handles[0] = (struct info_handle){
        .type = OBJECT_PORTAL, .badge = LAUNCHER_BADGE, .owner_domain_id = LAUNCHER_ID};
    grants_begin(&children[CLIENT]);
    return 0;
}

/* A place in the client's table; what is there is its newest connection. */
static unsigned hold(uint64_t badge, uint32_t owner)
{
    unsigned i = 1;

    while (handles[i].type != OBJECT_NONE)
        assert_in_range(++i, 1, HANDLES - 1);
    handles[i] =
        (struct info_handle){.type = OBJECT_PORTAL, .badge = badge, .owner_domain_id = owner};
    return i;
}

/* 0: it is refused one. */
static unsigned connect_to(unsigned service, uint64_t *badge)
{
    if (grants_badge(&children[CLIENT], &services[service], badge) != STATUS_OK)
        return 0;
    grants_note(&children[CLIENT], &services[service], *badge);
    return hold(*badge, services[service].owner->loaded.domain_id);
}

static void connect_builtin(void)
{
    assert_true(grants_may_have_builtin(&children[CLIENT]));
    grants_note_builtin(&children[CLIENT]);
    (void)hold(LAUNCHER_BADGE, LAUNCHER_ID);
}

static void close_handle(unsigned i)
{
    handles[i] = (struct info_handle){.type = OBJECT_NONE};
}

static void a_badge_says_whose_it_is_and_which(void **state)
{
    uint64_t first, second, other;

    (void)state;
    (void)connect_to(CLOCK, &first);
    (void)connect_to(CLOCK, &second);
    (void)connect_to(ECHO, &other);
    assert_int_equal(app_badge_domain(first), CLIENT_ID);
    assert_int_equal(app_badge_domain(other), CLIENT_ID);
    assert_int_not_equal(first, 0);
    assert_int_not_equal(first, second);
    assert_int_not_equal(first, other);
    assert_int_not_equal(second, other);
    assert_int_equal(looks, 0);
}

/* Whose rings are still at the service, for all that the launcher knows. */
static void who_closes_the_handle_gets_the_same_number_again(void **state)
{
    uint64_t badges[QUOTA], again;
    unsigned held[QUOTA];

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        assert_int_not_equal(held[i] = connect_to(CLOCK, &badges[i]), 0);
    assert_int_equal(connect_to(CLOCK, &again), 0);
    for (unsigned round = 0; round < 100; round++) {
        close_handle(held[round % QUOTA]);
        assert_int_not_equal(held[round % QUOTA] = connect_to(CLOCK, &again), 0);
        assert_int_equal(again, badges[round % QUOTA]);
    }
    assert_int_equal(connect_to(CLOCK, &again), 0);
    assert_int_equal(children[CLIENT].connections, QUOTA);
}

static void numbers_come_again_in_turn(void **state)
{
    uint64_t badges[QUOTA], again;
    unsigned held[QUOTA];

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        held[i] = connect_to(CLOCK, &badges[i]);
    for (unsigned i = 0; i < QUOTA; i++)
        close_handle(held[i]);
    for (unsigned i = 0; i < QUOTA; i++) {
        close_handle(connect_to(CLOCK, &again));
        assert_int_equal(again, badges[i]);
    }
}

static void a_number_stays_the_service_s(void **state)
{
    uint64_t badge;
    unsigned held = 0;

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        held = connect_to(CLOCK, &badge);
    close_handle(held);
    assert_int_equal(connect_to(ECHO, &badge), 0);
    assert_int_not_equal(connect_to(CLOCK, &badge), 0);
}

static void numbers_are_free_when_their_service_ends(void **state)
{
    uint64_t badge, first = 0;

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        (void)connect_to(CLOCK, i == 0 ? &first : &badge);
    grants_end_of_service(&services[CLOCK]);
    children[OWNER].loaded.domain_id = 200; /* its next life: the handles lead nowhere */
    assert_int_equal(children[CLIENT].connections, 0);
    for (unsigned i = 0; i < QUOTA; i++) {
        assert_int_not_equal(connect_to(i % SERVICES, &badge), 0);
        assert_int_equal(i != 0 || badge == first, true);
    }
    assert_int_equal(connect_to(ECHO, &badge), 0);
}

static void the_end_of_a_service_takes_nothing_from_others(void **state)
{
    uint64_t badge;

    (void)state;
    (void)connect_to(CLOCK, &badge);
    (void)connect_to(ECHO, &badge);
    (void)connect_to(ECHO, &badge);
    grants_end_of_service(&services[CLOCK]);
    assert_int_equal(children[CLIENT].connections, 2);
    for (unsigned i = 2; i < QUOTA; i++)
        assert_int_not_equal(connect_to(ECHO, &badge), 0);
    assert_int_equal(connect_to(ECHO, &badge), 0);
}

/* They have no rings, so a closed handle is all of it. */
static void connections_to_the_launcher_count_while_there_is_a_handle(void **state)
{
    uint64_t badge;

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        connect_builtin();
    assert_false(grants_may_have_builtin(&children[CLIENT]));
    assert_int_equal(connect_to(CLOCK, &badge), 0);
    close_handle(1);
    assert_int_not_equal(connect_to(CLOCK, &badge), 0);
    assert_false(grants_may_have_builtin(&children[CLIENT]));
    close_handle(2);
    assert_true(grants_may_have_builtin(&children[CLIENT]));
}

/* A service's own portals, whose badges it chooses, harm nobody. */
static void numbers_that_were_not_given_are_ignored(void **state)
{
    uint64_t badge;
    unsigned held = 0;

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        held = connect_to(CLOCK, &badge);
    (void)hold((badge | 0xffffff), children[OWNER].loaded.domain_id);
    (void)hold((badge & ~UINT64_C(0xffffff)), children[OWNER].loaded.domain_id);
    (void)hold(UINT64_MAX, children[OWNER].loaded.domain_id);
    close_handle(held);
    const uint64_t closed = badge;
    assert_int_not_equal(connect_to(CLOCK, &badge), 0);
    assert_int_equal(badge, closed);
}

/* As many looks as fit into a sixteenth of the time. */
static void who_asks_without_end_is_refused_unseen(void **state)
{
    enum { ASKED = 10000, ASK_NS = 10000, LOOK_NS = 100000 };
    uint64_t badge;

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        (void)connect_to(CLOCK, &badge);
    look_ns = LOOK_NS;
    for (unsigned i = 0; i < ASKED; i++, now += ASK_NS)
        assert_int_equal(connect_to(CLOCK, &badge), 0);
    assert_in_range(looks * (uint64_t)LOOK_NS, now / 16, now / 16 + 25 * NS_PER_MS);
}

/* Numbers whose handles are closed, too, but none that the launcher has back. */
static void what_counts_is_told(void **state)
{
    uint64_t badge;
    unsigned held;

    (void)state;
    assert_int_equal(grants_held(&children[CLIENT]), 0);
    held = connect_to(CLOCK, &badge);
    (void)connect_to(ECHO, &badge);
    close_handle(held);
    assert_int_equal(grants_held(&children[CLIENT]), 2);
    assert_int_equal(looks, 0);
    connect_builtin();
    connect_builtin();
    assert_int_equal(grants_held(&children[CLIENT]), 4);
    close_handle(held);
    assert_int_equal(grants_held(&children[CLIENT]), 3);
    grants_end_of_service(&services[ECHO]);
    assert_int_equal(grants_held(&children[CLIENT]), 2);
}

/* A client that the service ends again and again, and that closes each connection. */
static void who_closes_what_it_gets_is_looked_at_seldom(void **state)
{
    enum { ASKED = 2000, ASK_NS = 1000000, LOOK_NS = 100000 };
    uint64_t badge;

    (void)state;
    look_ns = LOOK_NS;
    for (unsigned i = 0; i < ASKED; i++, now += ASK_NS) {
        const unsigned held = connect_to(CLOCK, &badge);
        assert_int_not_equal(held, 0);
        close_handle(held);
    }
    assert_in_range(looks, ASKED / QUOTA - 2, ASKED / QUOTA + 2);
}

/* Numbers that were seen to be free are free until they are given. */
static void what_was_seen_is_given_once(void **state)
{
    uint64_t badges[QUOTA], again;
    unsigned held[QUOTA];

    (void)state;
    for (unsigned i = 0; i < QUOTA; i++)
        held[i] = connect_to(CLOCK, &badges[i]);
    close_handle(held[1]);
    close_handle(held[3]);
    assert_int_not_equal(connect_to(CLOCK, &again), 0);
    assert_int_equal(again, badges[1]);
    assert_int_not_equal(connect_to(CLOCK, &again), 0);
    assert_int_equal(again, badges[3]);
    assert_int_equal(looks, 1);
    assert_int_equal(connect_to(CLOCK, &again), 0);
}

/* More than a look remembers. */
static void a_great_quota_is_used_up_and_given_again(void **state)
{
    enum { GREAT = 50 };
    uint64_t badge, seen = 0;

    (void)state;
    entries[CLIENT].quota_connections = 3 * GREAT;
    for (unsigned round = 0; round < 9; round++) {
        unsigned held[GREAT];
        for (unsigned i = 0; i < GREAT; i++)
            assert_int_not_equal(held[i] = connect_to(CLOCK, &badge), 0);
        seen = badge > seen ? badge : seen;
        for (unsigned i = 0; i < GREAT; i++)
            close_handle(held[i]);
    }
    assert_int_equal(seen & 0xffffff, 3 * GREAT);
    assert_in_range(looks, 1, 15);
}

static void who_looks_sees_handles(void **state)
{
    uint32_t counts[SERVICES_MAX];
    uint64_t badge;
    bool has_all;

    (void)state;
    for (unsigned i = 0; i < QUOTA - 1; i++)
        (void)connect_to(ECHO, &badge);
    close_handle(1);
    assert_int_equal(grants_count(&children[CLIENT], &services[ECHO], &has_all), QUOTA - 2);
    assert_false(has_all);
    grants_count_clients(counts);
    assert_int_equal(counts[ECHO], QUOTA - 2);
    assert_int_equal(counts[CLOCK], 0);
    (void)connect_to(CLOCK, &badge);
    assert_int_equal(grants_count(&children[CLIENT], &services[CLOCK], &has_all), 1);
    assert_true(has_all);
    (void)grants_count(&children[CLIENT], &services[ECHO], &has_all);
    assert_false(has_all); /* the one that was closed is to be had again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_badge_says_whose_it_is_and_which, begin),
        cmocka_unit_test_setup(who_closes_the_handle_gets_the_same_number_again, begin),
        cmocka_unit_test_setup(numbers_come_again_in_turn, begin),
        cmocka_unit_test_setup(a_number_stays_the_service_s, begin),
        cmocka_unit_test_setup(numbers_are_free_when_their_service_ends, begin),
        cmocka_unit_test_setup(the_end_of_a_service_takes_nothing_from_others, begin),
        cmocka_unit_test_setup(connections_to_the_launcher_count_while_there_is_a_handle, begin),
        cmocka_unit_test_setup(numbers_that_were_not_given_are_ignored, begin),
        cmocka_unit_test_setup(who_asks_without_end_is_refused_unseen, begin),
        cmocka_unit_test_setup(what_counts_is_told, begin),
        cmocka_unit_test_setup(who_closes_what_it_gets_is_looked_at_seldom, begin),
        cmocka_unit_test_setup(what_was_seen_is_given_once, begin),
        cmocka_unit_test_setup(a_great_quota_is_used_up_and_given_again, begin),
        cmocka_unit_test_setup(who_looks_sees_handles, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
