/*
 * Requests to app:Inspect: whatever was asked for that changes something is noted once, granted or
 * not, with the name that was asked for; who only looks is not.  The test plays the launcher's
 * other parts.
 */
// include first: tests/host/fake
// source: userland/launcher/inspect.c
// source: userland/launcher/audit_log.c
// source: userland/runtime/src/shown_text.c
#include "userland/launcher/audit_log.h"
#include "userland/launcher/inspect.h"
#include "userland/launcher/listing.h"
#include "userland/launcher/measure.h"
#include "userland/launcher/origin.h"
#include "userland/launcher/places.h"
#include "userland/launcher/population.h"
#include "userland/launcher/services.h"
#include "userland/launcher/voice.h"

#include "rt/log.h"
#include "rt/memory.h"
#include "rt/svc.h"
#include "rt/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LIVING = 0x301, OVER = 0x201, INDEX = 1 };

static const struct manifest_domain entry = {.name = "guest"};
static const struct manifest_domain other_entry = {.name = "pl031"};
static struct child guest = {.domain = &entry, .index = INDEX, .state = INSPECT_RUNNING};
static struct child other = {.domain = &other_entry, .index = 2, .state = INSPECT_RUNNING};
static unsigned steered;
static enum status answer; /* to whatever is asked of the launcher's other parts */

/* ---- the launcher's other parts ---- */

uint32_t supervisor_badge_index(uint64_t badge)
{
    return badge & 0xff;
}

uint64_t supervisor_badge(const struct child *child)
{
    (void)child;
    return LIVING;
}

struct child *supervisor_by_badge(uint64_t badge)
{
    return badge == LIVING ? &guest : NULL;
}

struct child *supervisor_find(const char *name)
{
    return strcmp(name, "pl031") == 0 ? &other : NULL;
}

static enum status steer(void)
{
    steered++;
    return answer;
}

enum status supervisor_launch(struct child *child, const char *argument, handle_t on_end)
{
    (void)child, (void)argument, (void)on_end;
    return steer();
}

enum status supervisor_stop(struct child *child)
{
    (void)child;
    return steer();
}

enum status supervisor_restart(struct child *child)
{
    (void)child;
    return steer();
}

enum status supervisor_kill(struct child *child, uint64_t delay_ms)
{
    (void)child, (void)delay_ms;
    return steer();
}

enum status measure_domain(const struct child *child, uaddr_t address, struct inspect_measure *out)
{
    (void)child, (void)address;
    *out = (struct inspect_measure){0};
    return answer;
}

enum status population_step(const struct population_wish *wish, uint64_t *count)
{
    *count = wish->domains;
    return answer;
}

void population_withdraw(const struct child *owner)
{
    (void)owner;
}

enum status listing_fill(struct listing *listing, enum inspect_op op)
{
    (void)listing, (void)op;
    return STATUS_OK;
}

void services_explain(const struct child *child, const char *target, struct inspect_why *out)
{
    (void)child, (void)target, (void)out;
}

void place_describe(uaddr_t address, struct inspect_address *out)
{
    *out = (struct inspect_address){.address = address};
}

struct place_text place_symbol(uaddr_t address)
{
    (void)address;
    return (struct place_text){.text = ""};
}

void voice_refresh(const char *who)
{
    (void)who;
}

const struct origin *origin_get(void)
{
    static struct origin origin;

    return &origin;
}

enum status memory_create(uint64_t length_bytes, const char *label, unsigned flags,
                          struct memory *out)
{
    static unsigned char bytes[INSPECT_BUFFER_BYTES];

    (void)label, (void)flags;
    *out = (struct memory){.segment = 1, .address = bytes, .length_bytes = length_bytes};
    return STATUS_OK;
}

enum status memory_share(const struct memory *memory, rights_t rights, handle_t *out)
{
    (void)memory, (void)rights;
    *out = 2;
    return STATUS_OK;
}

void memory_release(struct memory *memory)
{
    (void)memory;
}

/* The machine's end, when it doesn't come. */
enum status svc_8(enum syscall number, struct svc_words *w)
{
    (void)w;
    return number == SYS_SYSTEM_CONTROL ? STATUS_NOT_SUPPORTED : STATUS_OK;
}

nsec_t time_now_ns(void)
{
    static nsec_t now;

    return now += 1000;
}

void log_line(const char *format, ...)
{
    (void)format;
}

/* ---- asking ---- */

static enum status ask(uint64_t badge, uint64_t op, const char *name, const char *argument)
{
    struct portal_message m = {.word = {op}};

    memcpy(&m.word[1], name, strlen(name));
    memcpy(&m.word[4], argument, strlen(argument));
    inspect_on_request(badge, &m);
    return (enum status)m.word[0];
}

static int begin(void **state)
{
    (void)state;
    answer = STATUS_OK;
    steered = 0;
    return ask(LIVING, INSPECT_OPEN, "", "") == STATUS_OK ? 0 : -1;
}

/* How many decisions the audit log has of the guest. */
static uint32_t decisions(void)
{
    struct inspect_decision decision;
    uint32_t client, count = 0;

    for (uint64_t number = 0; audit_log_next(number, &decision, &client);
         number = decision.number + 1)
        count += client == INDEX ? decision.times : 0;
    return count;
}

/* Asks, and says whether exactly this was noted of it. */
static bool is_noted(uint64_t badge, uint64_t op, const char *name, const char *argument,
                     enum inspect_request request, const char *target, enum status status)
{
    const uint32_t before = decisions();
    struct inspect_decision decision, last = {0};
    uint32_t client;

    if (ask(badge, op, name, argument) != status)
        return false;
    for (uint64_t number = 0; audit_log_next(number, &decision, &client);
         number = decision.number + 1)
        last = decision;
    return decisions() == before + 1 && last.request == request && last.status == status
           && strcmp(last.target, target) == 0;
}

static void who_steers_is_noted(void **state)
{
    static const enum inspect_op ops[] = {INSPECT_LAUNCH, INSPECT_STOP, INSPECT_RESTART,
                                          INSPECT_KILL};

    (void)state;
    for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        answer = STATUS_OK;
        assert_true(
            is_noted(LIVING, ops[i], "pl031", "", INSPECT_ASKED_LAUNCH, "pl031", STATUS_OK));
        answer = STATUS_BAD_STATE;
        assert_true(
            is_noted(LIVING, ops[i], "pl031", "", INSPECT_ASKED_LAUNCH, "pl031", STATUS_BAD_STATE));
    }
    assert_int_equal(steered, 2 * sizeof ops / sizeof ops[0]);
}

static void who_is_refused_before_that_is_noted(void **state)
{
    (void)state;
    assert_true(is_noted(LIVING, INSPECT_STOP, "nobody", "", INSPECT_ASKED_LAUNCH, "nobody",
                         STATUS_NOT_FOUND));
    assert_true(is_noted(LIVING, INSPECT_STOP, "a\x1b[2J", "", INSPECT_ASKED_LAUNCH, "a\\x1b[2J",
                         STATUS_NOT_FOUND));
    assert_true(
        is_noted(LIVING, INSPECT_STOP, "", "", INSPECT_ASKED_LAUNCH, "", STATUS_BAD_ARGUMENT));
    assert_true(is_noted(LIVING, INSPECT_LAUNCH, "pl031", "\x7f", INSPECT_ASKED_LAUNCH, "pl031",
                         STATUS_BAD_ARGUMENT));
    assert_true(is_noted(LIVING, INSPECT_KILL, "pl031", "soon", INSPECT_ASKED_LAUNCH, "pl031",
                         STATUS_BAD_ARGUMENT));
    assert_true(is_noted(OVER, INSPECT_STOP, "pl031", "", INSPECT_ASKED_LAUNCH,
                         "by a life that is over", STATUS_DENIED));
    assert_int_equal(steered, 0);
}

static void who_has_not_opened_it_is_noted(void **state)
{
    (void)state;
    inspect_withdraw(&guest);
    assert_true(is_noted(LIVING, INSPECT_RESTART, "pl031", "", INSPECT_ASKED_LAUNCH, "pl031",
                         STATUS_BAD_STATE));
    assert_int_equal(steered, 0);
}

static void copies_are_noted(void **state)
{
    (void)state;
    assert_true(
        is_noted(LIVING, INSPECT_MEASURE, "pl031", "", INSPECT_ASKED_COPIES, "pl031", STATUS_OK));
    answer = STATUS_OUT_OF_QUOTA;
    assert_true(is_noted(LIVING, INSPECT_POPULATE, "pl031", "", INSPECT_ASKED_COPIES, "pl031",
                         STATUS_OUT_OF_QUOTA));
}

/* Before it happens, for nobody comes back from it; and once more if it doesn't. */
static void the_machines_end_is_noted_before(void **state)
{
    const uint32_t before = decisions();

    (void)state;
    assert_int_equal(ask(LIVING, INSPECT_POWEROFF, "", ""), STATUS_NOT_SUPPORTED);
    assert_int_equal(decisions(), before + 2);
}

static void who_looks_is_not_noted(void **state)
{
    const uint32_t before = decisions();

    (void)state;
    for (uint64_t op = 0; op <= INSPECT_KILL + 1; op++) {
        if ((op < INSPECT_LAUNCH || op > INSPECT_MEASURE) && op != INSPECT_POPULATE
            && op != INSPECT_KILL)
            (void)!ask(LIVING, op, "pl031", "net:Tcp");
    }
    /* A number is one with all its bits. */
    assert_int_equal(ask(LIVING, UINT64_C(1) << 32 | INSPECT_STOP, "pl031", ""), STATUS_DENIED);
    assert_int_equal(decisions(), before);
    assert_int_equal(steered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_steers_is_noted, begin),
        cmocka_unit_test_setup(who_is_refused_before_that_is_noted, begin),
        cmocka_unit_test_setup(who_has_not_opened_it_is_noted, begin),
        cmocka_unit_test_setup(copies_are_noted, begin),
        cmocka_unit_test_setup(the_machines_end_is_noted_before, begin),
        cmocka_unit_test_setup(who_looks_is_not_noted, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
