/*
 * The runtime on the target: what host tests can't show, because it takes a kernel, a launcher and
 * another domain.
 *
 * Says a line for each test, then the totals, then switches the machine off.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "rt/app.h"
#include "rt/connection.h"
#include "rt/heap.h"
#include "rt/log.h"
#include "rt/monitor.h"
#include "rt/mutex.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/thread.h"
#include "rt/time.h"

enum {
    STACK_BYTES = 8192,
    THREADS = 3,
    ROUNDS = 3000,
    TIMERS = 20,
    MESSAGES = 20000,
    CAPACITY = 32,
    BUFFER_BYTES = 4096,
};

static char reason[160];

#define EXPECT(claim)                                                               \
    do {                                                                            \
        if (!(claim)) {                                                             \
            (void)snprintf(reason, sizeof reason, "line %d: %s", __LINE__, #claim); \
            return;                                                                 \
        }                                                                           \
    } while (0)

#define EXPECT_IS(value, wanted)                                                                   \
    do {                                                                                           \
        unsigned long long is_ = (value), wanted_ = (wanted);                                      \
        if (is_ != wanted_) {                                                                      \
            (void)snprintf(reason, sizeof reason, "line %d: %s is %llu, should be %llu", __LINE__, \
                           #value, is_, wanted_);                                                  \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* --- one domain --- */

static __thread unsigned tls_initialised = 7;
static __thread unsigned tls_zero;
static const char *const relocated[] = {"pointers in data", "are relocated"};
static struct mutex mutex;
static unsigned guarded, threads_done, tls_wrong;

static void startup_record_is_sane(void)
{
    const struct startup *s = startup_get();

    EXPECT_IS(s->magic, STARTUP_MAGIC);
    EXPECT(strcmp(s->program, "runtime-test") == 0);
    EXPECT(strcmp(s->argument, "an argument") == 0);
    EXPECT(s->heap_end - s->heap_start >= 0x10000);
    EXPECT(strcmp(relocated[1], "are relocated") == 0);
    EXPECT(startup_device_find("no,such-device", 0) == NULL);
}

static void thread_work(void *context)
{
    unsigned *slot = context;

    if (tls_initialised != 7 || tls_zero != 0)
        tls_wrong++;
    for (unsigned i = 0; i < ROUNDS; i++) {
        tls_zero++;
        mutex_lock(&mutex);
        unsigned before = guarded;

        if (i % 8 == 0)
            thread_yield();
        guarded = before + 1;
        mutex_unlock(&mutex);
    }
    *slot = tls_zero;
    mutex_lock(&mutex);
    threads_done++;
    mutex_unlock(&mutex);
}

static void threads_have_their_own_storage_and_share_a_mutex(void)
{
    unsigned slots[THREADS] = {0};

    for (unsigned i = 0; i < THREADS; i++)
        EXPECT_IS(thread_start(thread_work, &slots[i], STACK_BYTES, startup_get()->priority, NULL),
                  STATUS_OK);
    for (unsigned i = 0; i < 1000 && threads_done != THREADS; i++)
        (void)thread_sleep(time_after_ns(10 * NS_PER_MS));
    EXPECT_IS(threads_done, THREADS);
    EXPECT_IS(guarded, THREADS * ROUNDS);
    EXPECT_IS(tls_wrong, 0);
    for (unsigned i = 0; i < THREADS; i++)
        EXPECT_IS(slots[i], ROUNDS);
    EXPECT_IS(tls_zero, 0);
}

/* Its stack and its start record would be gone for good: a megabyte of them is. */
static void threads_that_can_t_start_leave_nothing(void)
{
    enum { NO_PRIORITY = 1000, ATTEMPTS = 200 };
    struct heap_usage before, after;

    heap_usage_read(&before);
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        const enum status s = thread_start(thread_work, NULL, STACK_BYTES, NO_PRIORITY, NULL);

        EXPECT(s != STATUS_OK && s != STATUS_OUT_OF_QUOTA && s != STATUS_OUT_OF_MEMORY);
    }
    heap_usage_read(&after);
    EXPECT_IS(after.used_bytes, before.used_bytes);
}

static void heap_gives_and_takes(void)
{
    struct heap_usage before, after;
    void *blocks[64];

    heap_usage_read(&before);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 64; i++) {
            blocks[i] = calloc(1, 1 + i * round);
            EXPECT(blocks[i] != NULL);
        }
        for (unsigned i = 0; i < 64; i++)
            free(blocks[i * 37 % 64]);
    }
    heap_usage_read(&after);
    EXPECT_IS(after.used_bytes, before.used_bytes);
    EXPECT(malloc(UINT64_C(1) << 40) == NULL);
}

struct counted_timer {
    struct loop_timer timer;
    nsec_t deadline_ns;
};

static unsigned timers_fired, timers_early, timers_unordered;
static nsec_t last_deadline;

static void on_time(void *context, struct loop_timer *t)
{
    struct counted_timer *c = (struct counted_timer *)(void *)t;

    (void)context;
    timers_early += time_now_ns() < c->deadline_ns;
    timers_unordered += c->deadline_ns < last_deadline;
    last_deadline = c->deadline_ns;
    if (++timers_fired == TIMERS - 1)
        loop_stop();
}

static void timers_come_in_order_and_not_early(void)
{
    static struct counted_timer timers[TIMERS];
    nsec_t start = time_now_ns();

    for (unsigned i = 0; i < TIMERS; i++) {
        timers[i].timer.on_time = on_time;
        timers[i].deadline_ns = start + (1 + i * 7 % TIMERS) * NS_PER_MS;
        loop_timer_start(&timers[i].timer, timers[i].deadline_ns);
    }
    loop_timer_stop(&timers[3].timer);
    loop_run();
    EXPECT_IS(timers_fired, TIMERS - 1);
    EXPECT_IS(timers_early, 0);
    EXPECT_IS(timers_unordered, 0);
}

static struct loop_timer late_timer;

static void on_late(void *context, struct loop_timer *t)
{
    (void)context;
    (void)t;
    loop_stop();
}

static void start_timer_from_thread(void *context)
{
    (void)context;
    (void)thread_sleep(time_after_ns(5 * NS_PER_MS));
    monitor_enter();
    late_timer.on_time = on_late;
    loop_timer_start(&late_timer, time_after_ns(NS_PER_MS));
    monitor_leave();
}

/* Without a wake-up the loop would sleep for ever: it has nothing else to wait for. */
static void timer_started_elsewhere_wakes_the_loop(void)
{
    nsec_t start = time_now_ns();

    EXPECT_IS(
        thread_start(start_timer_from_thread, NULL, STACK_BYTES, startup_get()->priority, NULL),
        STATUS_OK);
    loop_run();
    EXPECT(time_now_ns() - start >= 6 * NS_PER_MS);
}

/* --- the launcher --- */

static void connecting_is_the_manifest_s_decision(void)
{
    handle_t portal;

    EXPECT_IS(app_connect("app:Inspect", &portal), STATUS_DENIED);
    EXPECT_IS(app_connect("no:Such", &portal), STATUS_NOT_FOUND);
    EXPECT_IS(app_connect("", &portal), STATUS_BAD_ARGUMENT);
    EXPECT_IS(app_launch("runtime-peer", "", 0, NULL, NULL), STATUS_DENIED);
}

/* --- the other domain --- */

static struct connection peer;
static unsigned opened, closed;
static enum status why_closed;
static uint64_t sent, received;
static bool is_out_of_order;
static bool is_restarting;

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    (void)context;
    (void)c;
    (void)config;
    opened++;
    if (is_restarting)
        loop_stop();
    return STATUS_OK;
}

static void peer_send(struct connection *c)
{
    while (sent < MESSAGES) {
        struct ring_message m = {{sent, ~sent, 0, 0}};

        if (!connection_send(c, &m))
            break;
        sent++;
    }
}

static void on_messages(void *context, struct connection *c)
{
    struct ring_message m;

    (void)context;
    while (connection_receive(c, &m)) {
        is_out_of_order |= m.word[0] != received || m.word[1] != ~received;
        received++;
    }
    peer_send(c);
    if (received == MESSAGES)
        loop_stop();
}

static void on_room(void *context, struct connection *c)
{
    (void)context;
    peer_send(c);
}

static void on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    closed++;
    why_closed = why;
    if (is_restarting && connection_restart(c) == STATUS_OK)
        return;
    loop_stop();
}

static const struct connection_ops ops = {
    .on_open = on_open, .on_messages = on_messages, .on_room = on_room, .on_close = on_close};
static const struct connection_config config = {.capacity = CAPACITY, .buffer_bytes = BUFFER_BYTES};

static void connection_opens_and_answers(void)
{
    EXPECT_IS(connection_open(&peer, PEER_SERVICE, &config, &ops, NULL), STATUS_OK);
    EXPECT_IS(opened, 1);
    struct portal_message m = {.word = {PEER_ADD, 40, 2}};

    EXPECT_IS(connection_call(&peer, &m), STATUS_OK);
    EXPECT_IS(m.word[1], 42);
    EXPECT(m.word[2] != 0);
}

/* Whoever got it from us could ask for things as if it were us. */
static void connection_can_t_be_passed_on(void)
{
    struct handle_info info = {0};
    handle_t portal;

    EXPECT_IS(app_connect(PEER_SERVICE, &portal), STATUS_OK);
    EXPECT_IS(handle_info(portal, &info), STATUS_OK);
    EXPECT_IS(info.rights, RIGHT_CALL | RIGHT_INSPECT);
    for (unsigned i = 0; i < 2; i++) {
        struct portal_message m = {.word = {PEER_KEEP},
                                   .handle = {portal | (i == 0 ? 0 : HANDLE_MOVE)}};

        EXPECT_IS(portal_call_with(peer.portal, &m, DEADLINE_NEVER), STATUS_NO_RIGHT);
    }
    EXPECT_IS(handle_close(portal), STATUS_OK);
}

static void all_messages_come_back_in_order(void)
{
    struct loop_counters before, after;

    loop_counters_read(&before);
    peer_send(&peer);
    connection_flush(&peer);
    loop_run();
    loop_counters_read(&after);
    EXPECT_IS(received, MESSAGES);
    EXPECT(!is_out_of_order);
    /* A wake-up for each message would be twenty thousand. */
    EXPECT(after.waits - before.waits < MESSAGES / 4);
}

static void buffer_is_seen_by_the_peer(void)
{
    uint64_t length;
    unsigned char *bytes = connection_buffer(&peer, &length);

    EXPECT_IS(length, BUFFER_BYTES);
    memset(bytes, 3, BUFFER_BYTES);
    struct portal_message m = {.word = {PEER_BUFFER}};

    EXPECT_IS(connection_call(&peer, &m), STATUS_OK);
    EXPECT_IS(m.word[1], 3 * BUFFER_BYTES);
}

/* The compiler fills x19..x28 with `salt` here, and a plain call would carry them over. */
static uint64_t registers_seen(handle_t portal, uint64_t salt, struct portal_message *m)
{
    __asm__ volatile("mov x19, %0\n\tmov x20, %0\n\tmov x21, %0\n\tmov x22, %0\n\t"
                     "mov x23, %0\n\tmov x24, %0\n\tmov x25, %0\n\tmov x26, %0\n\t"
                     "mov x27, %0\n\tmov x28, %0"
                     :
                     : "r"(salt)
                     : "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28");
    return portal_call(portal, m) == STATUS_OK ? m->word[0] | m->word[1] : UINT64_MAX;
}

static void callee_sees_no_register_of_the_caller(void)
{
    struct portal_message m = {.word = {PEER_REGISTERS}};

    EXPECT_IS(portal_call_with(peer.portal, &m, DEADLINE_NEVER), STATUS_OK);
    EXPECT_IS(m.word[0], STATUS_OK);
    handle_t portal = m.handle[0];

    m = (struct portal_message){.word = {0}};
    EXPECT_IS(registers_seen(portal, 0x5EC4E7, &m), 0);
    m = (struct portal_message){.word = {0}};
    EXPECT_IS(portal_call_with(portal, &m, DEADLINE_NEVER), STATUS_OK);
    EXPECT_IS(m.word[0] | m.word[1], 0);
    EXPECT_IS(handle_close(portal), STATUS_OK);
}

static void unwanted_handles_come_back(void)
{
    handle_t given;

    for (unsigned i = 0; i < 500; i++) {
        EXPECT_IS(loop_signal_handle(LOOP_BITS - 1, &given), STATUS_OK);
        struct portal_message m = {.word = {PEER_KEEP}, .handle = {given | HANDLE_MOVE}};

        EXPECT_IS(portal_call_with(peer.portal, &m, DEADLINE_NEVER), STATUS_OK);
        EXPECT(m.handle[0] != 0);
        EXPECT_IS(handle_close(m.handle[0]), STATUS_OK);
        EXPECT_IS(handle_close(given), STATUS_BAD_HANDLE);
    }
}

/* The handler sleeps inside its monitor; when it is cut off, the next call gets in all the same. */
static void service_survives_a_caller_that_gives_up(void)
{
    for (unsigned i = 0; i < 3; i++) {
        struct portal_message m = {.word = {PEER_SLEEP, NS_PER_S}};

        EXPECT_IS(portal_call_with(peer.portal, &m, time_after_ns(10 * NS_PER_MS)),
                  STATUS_TIMED_OUT);
        m = (struct portal_message){.word = {PEER_ADD, 1, 2}};
        EXPECT_IS(connection_call(&peer, &m), STATUS_OK);
        EXPECT_IS(m.word[1], 3);
    }
}

static _Atomic bool is_held;

static void hold_the_monitor(void *context)
{
    struct portal_message m = {.word = {PEER_SLEEP, NS_PER_S}};

    (void)context;
    (void)!portal_call(peer.portal, &m);
    is_held = false;
}

/* Callers that are gone while they wait for the service's monitor leave no handles behind. */
static void what_a_caller_brought_that_is_gone_is_closed(void)
{
    handle_t event = loop_event();

    is_held = true;
    EXPECT_IS(thread_start(hold_the_monitor, NULL, STACK_BYTES, startup_get()->priority, NULL),
              STATUS_OK);
    (void)thread_sleep(time_after_ns(5 * NS_PER_MS));
    for (unsigned round = 0; round < 40; round++) {
        struct portal_message m = {.word = {PEER_KEEP}};
        for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
            EXPECT_IS(handle_duplicate(event, RIGHT_SIGNAL | RIGHT_TRANSFER, 0, &m.handle[i]),
                      STATUS_OK);
            m.handle[i] |= HANDLE_MOVE;
        }
        EXPECT_IS(portal_call_with(peer.portal, &m, time_after_ns(NS_PER_MS)), STATUS_TIMED_OUT);
    }
    while (is_held)
        (void)thread_sleep(time_after_ns(NS_PER_MS));
    struct portal_message m = {.word = {PEER_ADD, 1, 2}, .handle = {event, event, event, event}};
    EXPECT_IS(portal_call_with(peer.portal, &m, DEADLINE_NEVER), STATUS_OK);
    EXPECT_IS(m.word[1], 3);
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        EXPECT_IS(handle_close(m.handle[i]), STATUS_OK);
}

/* Break the peer with `operation`; then it must be told as `why`, and come up again. */
static void peer_break(uint64_t operation, enum status call, enum status why)
{
    uint64_t epoch = peer.epoch;
    struct portal_message m = {.word = {operation}};

    closed = 0;
    is_restarting = true;
    EXPECT_IS(connection_call(&peer, &m), call);
    loop_run();
    is_restarting = false;
    EXPECT_IS(closed, 1);
    EXPECT_IS(why_closed, why);
    EXPECT_IS(peer.state, CONNECTION_OPENED);
    EXPECT_IS(peer.epoch, epoch + 1);
    m = (struct portal_message){.word = {PEER_ADD, 20, 3}};
    EXPECT_IS(connection_call(&peer, &m), STATUS_OK);
    EXPECT_IS(m.word[1], 23);
}

static void crash_of_the_peer_is_survived(void)
{
    peer_break(PEER_CRASH, STATUS_PEER_DEAD, STATUS_PEER_DEAD);
}

static void shared_buffer_can_t_be_written_by_the_peer(void)
{
    peer_break(PEER_SCRIBBLE, STATUS_PEER_DEAD, STATUS_PEER_DEAD);
}

static void impossible_index_ends_the_connection_only(void)
{
    peer_break(PEER_BREAK, STATUS_OK, STATUS_BAD_DATA);
}

static void rings_work_after_all_that(void)
{
    sent = received = 0;
    is_out_of_order = false;
    peer_send(&peer);
    connection_flush(&peer);
    loop_run();
    EXPECT_IS(received, MESSAGES);
    EXPECT(!is_out_of_order);
}

/* --- running them --- */

struct test {
    const char *name;
    void (*run)(void);
};

#define TEST(function)      \
    {                       \
#function, function \
    }

static const struct test tests[] = {
    TEST(startup_record_is_sane),
    TEST(threads_have_their_own_storage_and_share_a_mutex),
    TEST(threads_that_can_t_start_leave_nothing),
    TEST(heap_gives_and_takes),
    TEST(timers_come_in_order_and_not_early),
    TEST(timer_started_elsewhere_wakes_the_loop),
    TEST(connecting_is_the_manifest_s_decision),
    TEST(connection_opens_and_answers),
    TEST(connection_can_t_be_passed_on),
    TEST(all_messages_come_back_in_order),
    TEST(buffer_is_seen_by_the_peer),
    TEST(callee_sees_no_register_of_the_caller),
    TEST(unwanted_handles_come_back),
    TEST(service_survives_a_caller_that_gives_up),
    TEST(what_a_caller_brought_that_is_gone_is_closed),
    TEST(crash_of_the_peer_is_survived),
    TEST(shared_buffer_can_t_be_written_by_the_peer),
    TEST(impossible_index_ends_the_connection_only),
    TEST(rings_work_after_all_that),
};

int main(void)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        reason[0] = '\0';
        tests[i].run();
        failed += reason[0] != '\0';
        log_line("test runtime.%s ... %s%s", tests[i].name,
                 reason[0] == '\0' ? "ok" : "FAILED: ", reason);
    }
    printf("runtime tests: %u passed, %u failed\n",
           (unsigned)(sizeof tests / sizeof tests[0]) - failed, failed);
    enum status s = app_power_off();

    log_die("can't switch off: %s", status_text(s));
}
