/*
 * Requests to app:App: what was refused is noted and told, told seldom, and every handle that came
 * with it is closed.  The test plays the supervisor, the services and the log.
 */
// include first: tests/host/fake
// source: userland/launcher/app.c
// source: userland/launcher/audit_log.c
// source: userland/launcher/voice.c
// source: userland/launcher/manifest.c
// source: userland/launcher/property.c
// source: userland/launcher/syscall_set.c
// source: core/abi/syscall.c
// source: userland/runtime/src/service_name.c
// source: core/abi/status.c
#include "userland/launcher/app.h"
#include "userland/launcher/audit_log.h"
#include "userland/launcher/origin.h"
#include "userland/launcher/pulse.h"
#include "userland/launcher/services.h"
#include "userland/launcher/supervisor.h"

#include "rt/app.h"
#include "rt/log.h"
#include "rt/service_name.h"
#include "rt/svc.h"
#include "rt/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LIVING = 0x301, OVER = 0x201, INDEX = 1, TIMES = 1000 };

static const struct manifest_domain entry = {.name = "guest", .quota_connections = 5};
static const struct manifest_domain other_entry = {.name = "pl031"};
static struct child guest = {.domain = &entry, .index = INDEX, .state = INSPECT_RUNNING};
static struct child other = {.domain = &other_entry, .index = 2, .state = INSPECT_RUNNING};

static unsigned lines, closed, steered;
static enum status answer = STATUS_DENIED; /* to who connects to what there is */
static char last_line[LOG_LINE_BYTES];

/* ---- the launcher's other parts ---- */

uint32_t supervisor_badge_index(uint64_t badge)
{
    return badge & 0xff;
}

struct child *supervisor_by_badge(uint64_t badge)
{
    return badge == LIVING ? &guest : NULL;
}

struct child *supervisor_find(const char *name)
{
    return strcmp(name, "pl031") == 0 ? &other : NULL;
}

enum status supervisor_launch(struct child *child, const char *argument, handle_t on_end)
{
    (void)child, (void)argument, (void)on_end;
    steered++;
    return STATUS_OK;
}

enum status supervisor_stop(struct child *child)
{
    (void)child;
    steered++;
    return STATUS_OK;
}

enum status supervisor_restart(struct child *child)
{
    (void)child;
    steered++;
    return STATUS_OK;
}

void supervisor_exit(struct child *child, uint64_t code)
{
    (void)child, (void)code;
}

bool services_has(const char *name)
{
    return strcmp(name, "rtc:Clock") == 0;
}

static void drop(handle_t h)
{
    closed += h != 0;
}

enum status services_offer(struct child *child, const char *name, handle_t portal)
{
    (void)child, (void)name;
    drop(portal);
    return STATUS_DENIED;
}

enum status services_connect(struct child *child, const char *name, handle_t event,
                             handle_t *portal)
{
    (void)child, (void)portal;
    drop(event);
    return services_has(name) ? answer : STATUS_NOT_FOUND;
}

enum status pulse_register(struct child *child, handle_t event)
{
    (void)child;
    drop(event);
    return STATUS_OK;
}

const struct origin *origin_get(void)
{
    static struct origin origin;

    return &origin;
}

enum status svc_8(enum syscall number, struct svc_words *w)
{
    (void)w;
    closed += number == SYS_HANDLE_CLOSE;
    return STATUS_OK;
}

nsec_t time_now_ns(void)
{
    static nsec_t now;

    return now += 1000;
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(last_line, sizeof last_line, format, arguments);
    va_end(arguments);
    lines++;
}

/* ---- asking ---- */

static int begin(void **state)
{
    (void)state;
    audit_log_begin(INDEX);
    lines = closed = steered = 0;
    return 0;
}

static enum status ask(uint64_t badge, enum app_operation operation, const char *name)
{
    struct portal_message m = {.word = {operation}, .handle = {11, 12, 13, 14}};
    struct service_name packed;

    assert_true(service_name_pack(name, &packed));
    memcpy(&m.word[1], packed.word, sizeof packed.word);
    closed = 0;
    app_on_request(badge, &m);
    assert_int_equal(closed, PORTAL_HANDLES);
    return (enum status)m.word[0];
}

static enum status ask_without_name(enum app_operation operation)
{
    struct portal_message m = {.word = {operation, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

    app_on_request(LIVING, &m);
    return (enum status)m.word[0];
}

/* How often the audit log has it. */
static uint32_t noted(enum inspect_request request, const char *target, enum status status)
{
    struct inspect_decision decision;
    uint32_t client;

    for (uint64_t number = 0; audit_log_next(number, &decision, &client);
         number = decision.number + 1) {
        if (client == INDEX && decision.request == request && decision.status == status
            && strcmp(decision.target, target) == 0)
            return decision.times;
    }
    return 0;
}

static void each_refusal_is_noted_and_says_what_to_add(void **state)
{
    (void)state;
    assert_int_equal(ask(LIVING, APP_CONNECT, "rtc:Clock"), STATUS_DENIED);
    assert_string_equal(last_line, "guest: may not connect to rtc:Clock: add it to `connects` of "
                                   "its manifest entry");
    assert_int_equal(ask(LIVING, APP_CONNECT, "no:Body"), STATUS_NOT_FOUND);
    assert_string_equal(last_line, "guest: asked for no:Body, which nobody in the manifest offers");
    assert_int_equal(ask(LIVING, APP_OFFER, "rtc:Clock"), STATUS_DENIED);
    assert_string_equal(last_line, "guest: may not offer rtc:Clock: its manifest entry lacks "
                                   "offers = \"rtc:Clock\"");
    for (enum app_operation o = APP_LAUNCH; o <= APP_RESTART; o++)
        assert_int_equal(ask(LIVING, o, "pl031"), STATUS_DENIED);
    assert_string_equal(last_line, "guest: may not launch or stop pl031: add it to `launches` of "
                                   "its manifest entry");
    assert_int_equal(ask(LIVING, APP_POWER_OFF, "x"), STATUS_DENIED);
    assert_string_equal(last_line, "guest: may not switch the machine off: add `may-power-off` to "
                                   "its manifest entry");
    assert_int_equal(lines, 5); /* launch, stop and restart are one permission */
    assert_int_equal(steered, 0);
    assert_int_equal(noted(INSPECT_ASKED_CONNECT, "rtc:Clock", STATUS_DENIED), 1);
    assert_int_equal(noted(INSPECT_ASKED_CONNECT, "no:Body", STATUS_NOT_FOUND), 1);
    assert_int_equal(noted(INSPECT_ASKED_OFFER, "rtc:Clock", STATUS_DENIED), 1);
    assert_int_equal(noted(INSPECT_ASKED_LAUNCH, "pl031", STATUS_DENIED), 3);
    assert_int_equal(noted(INSPECT_ASKED_POWER, "", STATUS_DENIED), 1);
}

static void asking_again_and_again_adds_no_line(void **state)
{
    char name[SERVICE_NAME_BYTES];

    (void)state;
    for (unsigned i = 0; i < TIMES; i++) {
        (void)!ask(LIVING, APP_CONNECT, "rtc:Clock");
        (void)!ask(LIVING, APP_OFFER, "rtc:Clock");
        (void)!ask(LIVING, APP_STOP, "pl031");
        (void)!ask(LIVING, APP_POWER_OFF, "x");
        snprintf(name, sizeof name, "made:Up%u", i);
        (void)!ask(LIVING, APP_CONNECT, name);
        (void)!ask(LIVING, APP_OFFER, name);
        (void)!ask(LIVING, APP_LAUNCH, name);
    }
    assert_int_equal(lines, 4 + AUDIT_LOG_STRANGER_LINES + 1);
    assert_int_equal(steered, 0);
    assert_true(noted(INSPECT_ASKED_OFFER, "rtc:Clock", STATUS_DENIED) >= TIMES);
}

/* Its own quota, or the place for the handle. */
static void who_gets_no_connection_hears_which_quota_it_was(void **state)
{
    (void)state;
    answer = STATUS_OUT_OF_QUOTA;
    guest.connections = entry.quota_connections;
    assert_int_equal(ask(LIVING, APP_CONNECT, "rtc:Clock"), STATUS_OUT_OF_QUOTA);
    assert_string_equal(last_line, "guest: gets no connection to rtc:Clock: it has all that "
                                   "`quota-connections` allows");
    audit_log_begin(INDEX);
    guest.connections--;
    assert_int_equal(ask(LIVING, APP_CONNECT, "rtc:Clock"), STATUS_OUT_OF_QUOTA);
    assert_string_equal(last_line, "guest: gets no connection to rtc:Clock: out of quota");
    answer = STATUS_DENIED;
    assert_int_equal(noted(INSPECT_ASKED_CONNECT, "rtc:Clock", STATUS_OUT_OF_QUOTA), 2);
}

static void a_request_without_a_name_is_noted(void **state)
{
    (void)state;
    assert_int_equal(ask_without_name(APP_OFFER), STATUS_BAD_ARGUMENT);
    assert_int_equal(noted(INSPECT_ASKED_OFFER, "what is no name", STATUS_BAD_ARGUMENT), 1);
    assert_int_equal(lines, 0);
}

static void a_request_of_a_life_that_is_over_is_noted(void **state)
{
    (void)state;
    assert_int_equal(ask(OVER, APP_LAUNCH, "pl031"), STATUS_DENIED);
    assert_int_equal(noted(INSPECT_ASKED_LAUNCH, "by a life that is over", STATUS_DENIED), 1);
    assert_int_equal(lines, 0);
    assert_int_equal(steered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_refusal_is_noted_and_says_what_to_add, begin),
        cmocka_unit_test_setup(asking_again_and_again_adds_no_line, begin),
        cmocka_unit_test_setup(who_gets_no_connection_hears_which_quota_it_was, begin),
        cmocka_unit_test_setup(a_request_without_a_name_is_noted, begin),
        cmocka_unit_test_setup(a_request_of_a_life_that_is_over_is_noted, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
