/*
 * Who waits for a service: each connection is told when it comes up, or that it won't, and no
 * client takes the places of all.  The test plays the supervisor and the kernel.
 */
// include first: tests/host/fake
// source: userland/launcher/grants.c
// source: userland/launcher/services.c
// source: core/abi/status.c
#include "userland/launcher/services.h"

#include "userland/launcher/inspect.h"
#include "userland/launcher/origin.h"
#include "userland/launcher/voice.h"

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
    OTHER,
    OWNER, /* of the first services; the others have owners behind it */
    OWNERS = 10,
    CHILDREN = OWNER + OWNERS,
    SERVICES_EACH = 2,
    SERVICES = OWNERS * SERVICES_EACH,
    PORTAL = 1000,
    EVENTS = 512,
};

static struct manifest_domain entries[CHILDREN];
static struct child children[CHILDREN];
static char names[SERVICES][16];
static unsigned signalled[EVENTS], closed[EVENTS];

/* ---- the launcher's other parts ---- */

unsigned supervisor_count(void)
{
    return CHILDREN;
}

struct child *supervisor_child(unsigned index)
{
    return &children[index];
}

struct child *supervisor_find(const char *name)
{
    (void)name;
    return NULL;
}

uint64_t supervisor_badge(const struct child *child)
{
    (void)child;
    return 0;
}

/* A life of it begins. */
enum status supervisor_launch(struct child *child, const char *argument, handle_t on_end)
{
    (void)argument, (void)on_end;
    child->state = INSPECT_RUNNING;
    child->starts++;
    return STATUS_OK;
}

void supervisor_on_service(struct child *child)
{
    (void)child;
}

bool manifest_is_builtin(const char *name)
{
    (void)name;
    return false;
}

bool manifest_may_connect(const struct manifest_domain *domain, const char *service)
{
    (void)domain, (void)service;
    return true;
}

bool manifest_may_launch(const struct manifest_domain *domain, const char *other)
{
    (void)domain, (void)other;
    return true;
}

enum status inspect_connect(const struct child *child, handle_t *portal)
{
    (void)child, (void)portal;
    return STATUS_DENIED;
}

void inspect_withdraw(const struct child *child)
{
    (void)child;
}

const struct origin *origin_get(void)
{
    static struct origin origin;

    return &origin;
}

void voice_line(const char *who, const char *format, ...)
{
    (void)who, (void)format;
}

nsec_t time_now_ns(void)
{
    return 1;
}

/* An event's handle is its badge; below EVENTS / 2 and above are two handles to the same bit. */
enum status svc_8(enum syscall number, struct svc_words *w)
{
    const handle_t h = w->word[0];

    if (number == SYS_HANDLE_INFO && h < EVENTS)
        *w = (struct svc_words){{0, OBJECT_EVENT, RIGHT_SIGNAL, h % (EVENTS / 2)}};
    else if (number == SYS_HANDLE_INFO)
        *w = (struct svc_words){{0, OBJECT_PORTAL, RIGHT_ALL, 0}};
    else if (number == SYS_EVENT_SIGNAL)
        signalled[h]++;
    else if (number == SYS_HANDLE_CLOSE && h < EVENTS)
        closed[h]++;
    return STATUS_OK;
}

/* ---- asking ---- */

static int first(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHILDREN; i++) {
        entries[i].quota_connections = SERVICES;
        children[i] = (struct child){.domain = &entries[i], .index = i};
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        struct manifest_domain *owner = &entries[OWNER + i / SERVICES_EACH];

        snprintf(names[i], sizeof names[i], "s:%u", i);
        owner->start = MANIFEST_START_ON_DEMAND;
        owner->offers[owner->offer_count++] = names[i];
    }
    return services_init() == STATUS_OK ? 0 : -1;
}

static int begin(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHILDREN; i++) {
        services_withdraw(&children[i]);
        children[i].state = INSPECT_IDLE;
    }
    memset(signalled, 0, sizeof signalled);
    memset(closed, 0, sizeof closed);
    return 0;
}

static enum status ask(unsigned client, unsigned service, handle_t event)
{
    handle_t portal;

    return services_connect(&children[client], names[service], event, &portal);
}

static void offer(unsigned service)
{
    assert_int_equal(services_offer(&children[OWNER], names[service], PORTAL), STATUS_OK);
}

static void each_connection_of_a_client_is_told(void **state)
{
    (void)state;
    assert_int_equal(ask(CLIENT, 0, 1), STATUS_WOULD_BLOCK);
    assert_int_equal(ask(CLIENT, 0, 2), STATUS_WOULD_BLOCK);
    assert_int_equal(ask(OTHER, 0, 3), STATUS_WOULD_BLOCK);
    assert_int_equal(services_entry(0)->waiting_count, 3);
    offer(0);
    for (handle_t event = 1; event <= 3; event++) {
        assert_int_equal(signalled[event], 1);
        assert_int_equal(closed[event], 1);
    }
    assert_int_equal(services_entry(0)->waiting_count, 0);
}

static void the_same_bit_again_replaces_its_event(void **state)
{
    (void)state;
    assert_int_equal(ask(CLIENT, 0, 1), STATUS_WOULD_BLOCK);
    assert_int_equal(ask(CLIENT, 0, 1 + EVENTS / 2), STATUS_WOULD_BLOCK);
    assert_int_equal(services_entry(0)->waiting_count, 1);
    assert_int_equal(signalled[1], 0);
    assert_int_equal(closed[1], 1);
    offer(0);
    assert_int_equal(signalled[1], 0);
    assert_int_equal(signalled[1 + EVENTS / 2], 1);
}

/* As the supervisor does it. */
static void owner_ends_in_order(void)
{
    services_withdraw(&children[OWNER]);
    children[OWNER].state = INSPECT_EXITED;
    services_wake_hopeless(&children[OWNER]);
}

static void what_a_life_has_not_offered_is_not_waited_for_any_more(void **state)
{
    (void)state;
    assert_int_equal(ask(CLIENT, 0, 1), STATUS_WOULD_BLOCK);
    assert_int_equal(ask(CLIENT, 1, 2), STATUS_WOULD_BLOCK);
    offer(0);
    owner_ends_in_order();
    assert_int_equal(signalled[2], 1);
    assert_int_equal(ask(CLIENT, 1, 2), STATUS_PEER_DEAD);
    assert_int_equal(children[OWNER].state, INSPECT_EXITED);
}

static void what_a_life_has_offered_is_asked_for_again(void **state)
{
    (void)state;
    assert_int_equal(ask(CLIENT, 0, 1), STATUS_WOULD_BLOCK);
    offer(0);
    owner_ends_in_order();
    assert_int_equal(ask(CLIENT, 0, 1), STATUS_WOULD_BLOCK);
    assert_int_equal(children[OWNER].state, INSPECT_RUNNING);
    owner_ends_in_order();
    assert_int_equal(ask(CLIENT, 0, 1), STATUS_PEER_DEAD);
}

static void one_client_takes_a_quarter_of_the_places(void **state)
{
    handle_t event = 1;
    unsigned waiting = 0;

    (void)state;
    for (unsigned service = 0; service < SERVICES; service++) {
        const unsigned before = waiting;

        while (ask(CLIENT, service, event++) == STATUS_WOULD_BLOCK)
            assert_in_range(++waiting - before, 1, 4);
        assert_int_equal(closed[event - 1], 1);
    }
    assert_int_equal(waiting, WAITERS_MAX / 4);
    assert_int_equal(ask(OTHER, 0, event), STATUS_WOULD_BLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_connection_of_a_client_is_told, begin),
        cmocka_unit_test_setup(the_same_bit_again_replaces_its_event, begin),
        cmocka_unit_test_setup(what_a_life_has_not_offered_is_not_waited_for_any_more, begin),
        cmocka_unit_test_setup(what_a_life_has_offered_is_asked_for_again, begin),
        cmocka_unit_test_setup(one_client_takes_a_quarter_of_the_places, begin),
    };

    return cmocka_run_group_tests(tests, first, NULL);
}
