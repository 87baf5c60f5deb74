/*
 * What is typed while nobody reads: it gathers in the console's queue, then in the ring of the
 * serial port, and however room comes about, the console goes on with what waits there.  And what
 * a serial port that died hasn't read: the next one gets it.
 *
 * The test plays the runtime below the console: a ring that it fills, and a connection that notes
 * who resumes it.
 */
// source: core/abi/status.c
// source: userland/console/client.c
// source: userland/console/journal.c
// source: userland/console/keyboard.c
// source: userland/console/line.c
// source: userland/console/screen.c
// source: userland/runtime/src/ring.c
// include first: tests/host/fake
int console_main(void);
#define main console_main
#include "userland/console/console.c"
#undef main

#include "rt/app.h"
#include "rt/handle.h"
#include "rt/svc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGES = UART_RING_MESSAGES, QUEUES = 3, BADGE = 0x501 };

/* ---- the runtime ---- */

static struct ring_producer_area produced[2];
static struct ring_consumer_area consumed[2];
static struct ring_message messages[2][MESSAGES];
static struct ring_producer port;

void connection_resume(struct connection *c)
{
    c->is_paused = false;
}

void connection_flush(struct connection *c)
{
    if (c->state == CONNECTION_OPENED)
        (void)!ring_publish(&c->out);
}

bool connection_await_room(struct connection *c)
{
    (void)c;
    return false;
}

enum status connection_open(struct connection *c, const char *service,
                            const struct connection_config *config,
                            const struct connection_ops *ops, void *context)
{
    (void)c, (void)service, (void)config, (void)ops, (void)context;
    return STATUS_OK;
}

enum status connection_restart(struct connection *c)
{
    (void)c;
    return STATUS_OK;
}

enum status service_offer(const char *name, const struct service_config *config,
                          const struct connection_ops *ops, void *context, struct service *out)
{
    (void)name, (void)config, (void)ops, (void)context, (void)out;
    return STATUS_OK;
}

enum status loop_bit_allocate(void (*on_bit)(void *context), void *context, unsigned *bit)
{
    (void)on_bit, (void)context;
    *bit = 1;
    return STATUS_OK;
}

handle_t loop_event(void)
{
    return 1;
}

void loop_raise(unsigned bit)
{
    (void)bit;
}

void loop_run(void)
{
}

const struct startup *startup_get(void)
{
    static struct startup startup;

    return &startup;
}

uint32_t handle_owner(handle_t h, enum object_type type)
{
    (void)h, (void)type;
    return app_badge_domain(BADGE);
}

static const char *log_text = ""; /* that the console hasn't read yet */

enum status svc_8(enum syscall number, struct svc_words *w)
{
    if (number != SYS_LOG_READ)
        return STATUS_OK;
    const size_t length = strlen(log_text);
    assert_true(length <= w->word[2]);
    memcpy((void *)(uintptr_t)w->word[1], log_text, length);
    *w = (struct svc_words){{0, length, length, 0}};
    log_text = "";
    return STATUS_OK;
}

void log_line(const char *format, ...)
{
    (void)format;
}

void log_die(const char *format, ...)
{
    (void)format;
    abort();
}

/* ---- typing and reading ---- */

static int setup(void **state)
{
    (void)state;
    memset(&console, 0, sizeof console);
    memset(produced, 0, sizeof produced);
    memset(consumed, 0, sizeof consumed);
    screen_init(&console.screen);
    keyboard_init(&console.keyboard);
    console.uart.state = CONNECTION_OPENED;
    ring_producer_init(&port, &produced[0], &consumed[0], messages[0], MESSAGES);
    ring_consumer_init(&console.uart.in, &consumed[0], &produced[0], messages[0], MESSAGES);
    ring_producer_init(&console.uart.out, &produced[1], &consumed[1], messages[1], MESSAGES);
    console.foreground = client_find(&console.clients, BADGE, &console.screen);
    return 0;
}

/* Full messages until the ring takes no more, as often as the console takes all of them. */
static void type_until_it_is_paused(void)
{
    const struct uart_message typed = {.kind = UART_DATA, .count = UART_BYTES, .bytes = "a"};
    struct ring_message message;

    memcpy(&message, &typed, sizeof message);
    for (unsigned i = 0; i < QUEUES && !console.uart.is_paused; i++) {
        while (ring_has_room(&port))
            assert_true(ring_put(&port, &message));
        (void)!ring_publish(&port);
        assert_true(ring_has_message(&console.uart.in));
        uart_on_messages(NULL, &console.uart);
        (void)!ring_release(&console.uart.in);
        console.uart.is_paused = console.uart.in.consume != console.uart.in.limit;
    }
    assert_true(console.uart.is_paused);
}

static enum status ask(uint64_t operation, uint64_t argument)
{
    struct connection of_client = {.badge = BADGE};
    struct portal_message m = {.word = {operation, argument}};

    on_call(NULL, &of_client, &m);
    return (enum status)m.word[0];
}

static void what_waits_is_taken_when_somebody_reads(void **state)
{
    (void)state;
    type_until_it_is_paused();
    /* As many as a message brings are room for one. */
    for (unsigned i = 0; i < UART_BYTES; i += TTY_READ_BYTES)
        assert_int_equal(ask(TTY_READ, TTY_READ_BYTES), STATUS_OK);
    assert_false(console.uart.is_paused);
}

static void what_waits_is_taken_when_a_mode_has_edited_the_rest(void **state)
{
    (void)state;
    type_until_it_is_paused();
    assert_int_equal(ask(TTY_MODE, TTY_LINES), STATUS_OK);
    /* All of it is one line that isn't done, so there is nothing to read, and room for more. */
    assert_int_equal(ask(TTY_READ, TTY_READ_BYTES), STATUS_WOULD_BLOCK);
    assert_false(console.uart.is_paused);
}

static void without_room_it_stays_where_it_is(void **state)
{
    (void)state;
    type_until_it_is_paused();
    assert_int_equal(ask(TTY_DRAIN, 0), STATUS_OK);
    assert_true(console.uart.is_paused);
}

static void what_was_held_back_of_the_log_is_shown_when_the_foreground_leaves(void **state)
{
    (void)state;
    console.journal.is_on = true;
    assert_int_equal(ask(TTY_MODE, TTY_HIDE_LOG), STATUS_OK);
    log_text = "news\n";
    on_log(NULL);
    assert_string_equal(log_text, "news\n");
    assert_int_equal(ask(TTY_RELEASE, 0), STATUS_OK);
    assert_string_equal(log_text, "");
}

/* ---- the serial port dies ---- */

static struct ring_consumer line; /* its end */

static void port_begins(void)
{
    produced[1] = (struct ring_producer_area){.produce = 0};
    consumed[1] = (struct ring_consumer_area){.consume = 0};
    memset(messages[1], 0, sizeof messages[1]);
    ring_producer_init(&console.uart.out, &produced[1], &consumed[1], messages[1], MESSAGES);
    ring_consumer_init(&line, &consumed[1], &produced[1], messages[1], MESSAGES);
    console.uart.state = CONNECTION_OPENED;
    assert_int_equal(uart_on_open(NULL, &console.uart, NULL), STATUS_OK);
}

static void port_ends(enum status why)
{
    console.uart.state = CONNECTION_DEAD;
    uart_on_close(NULL, &console.uart, why);
}

static void print(const char *text)
{
    screen_write(&console.screen, (const uint8_t *)text, strlen(text));
    output_pump();
}

/* What the port reads, of `limit` messages at most. */
static const char *port_reads(unsigned limit)
{
    static char text[MESSAGES * UART_BYTES + 1];
    struct ring_message message;
    struct uart_message m;
    size_t length = 0;

    while (limit-- > 0 && ring_take(&line, &message)) {
        memcpy(&m, &message, sizeof m);
        memcpy(text + length, m.bytes, m.count);
        length += m.count;
    }
    (void)!ring_release(&line);
    text[length] = '\0';
    return text;
}

static void what_a_dead_port_has_not_read_goes_to_the_next(void **state)
{
    (void)state;
    port_begins();
    print("one ");
    print("two ");
    print("three ");
    assert_string_equal(port_reads(1), "one ");
    port_ends(STATUS_PEER_DEAD);
    print("four");
    assert_int_equal(ask(TTY_DRAIN, 0), STATUS_WOULD_BLOCK);
    port_begins();
    assert_string_equal(port_reads(MESSAGES), "two three four");
    assert_int_equal(ask(TTY_DRAIN, 0), STATUS_OK);
}

/* As much as there is room for, in the ring and before it, and one death after the other. */
static void of_all_that_it_takes_nothing_is_lost_and_nothing_comes_twice(void **state)
{
    char piece[UART_BYTES + 1];
    unsigned printed = 0, read = 0;

    (void)state;
    port_begins();
    for (unsigned life = 0; life < 5; life++) {
        for (; screen_room(&console.screen) > UART_BYTES; printed++) {
            (void)snprintf(piece, sizeof piece, "%030u", printed);
            print(piece);
        }
        for (unsigned i = 0; i < MESSAGES / 3; i++, read++) {
            (void)snprintf(piece, sizeof piece, "%030u", read);
            assert_string_equal(port_reads(1), piece);
        }
        port_ends(STATUS_PEER_DEAD);
        port_begins();
    }
    for (; read < printed; read++) {
        (void)snprintf(piece, sizeof piece, "%030u", read);
        assert_string_equal(port_reads(1), piece);
        output_pump();
    }
    assert_string_equal(port_reads(1), "");
}

static void an_index_that_makes_no_sense_brings_nothing_back(void **state)
{
    static const uint64_t wrong[] = {4, 0, UINT64_MAX, UINT64_MAX - MESSAGES};

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        port_begins();
        print("one ");
        print("two ");
        assert_string_equal(port_reads(1), "one ");
        assert_true(ring_producer_refresh(&console.uart.out));
        print("three ");
        atomic_store(&consumed[1].consume, wrong[i]);
        port_ends(STATUS_PEER_DEAD);
        assert_int_equal(fifo_count(&console.screen.out), 0);
    }
    port_begins();
    print("four");
    assert_string_equal(port_reads(MESSAGES), "four");
}

/* It may read on until it notices. */
static void of_who_is_cut_off_alive_nothing_comes_back(void **state)
{
    (void)state;
    port_begins();
    print("one");
    port_ends(STATUS_BAD_DATA);
    assert_int_equal(fifo_count(&console.screen.out), 0);
}

static void a_start_that_fails_brings_nothing_back(void **state)
{
    (void)state;
    port_begins();
    print("one");
    port_ends(STATUS_PEER_DEAD);
    console.uart.state = CONNECTION_CLOSED;
    console.uart.out = (struct ring_producer){.produce = 1}; /* its memory is gone */
    uart_on_close(NULL, &console.uart, STATUS_OUT_OF_QUOTA);
    port_begins();
    assert_string_equal(port_reads(MESSAGES), "one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_waits_is_taken_when_somebody_reads, setup),
        cmocka_unit_test_setup(what_waits_is_taken_when_a_mode_has_edited_the_rest, setup),
        cmocka_unit_test_setup(without_room_it_stays_where_it_is, setup),
        cmocka_unit_test_setup(what_was_held_back_of_the_log_is_shown_when_the_foreground_leaves,
                               setup),
        cmocka_unit_test_setup(what_a_dead_port_has_not_read_goes_to_the_next, setup),
        cmocka_unit_test_setup(of_all_that_it_takes_nothing_is_lost_and_nothing_comes_twice, setup),
        cmocka_unit_test_setup(an_index_that_makes_no_sense_brings_nothing_back, setup),
        cmocka_unit_test_setup(of_who_is_cut_off_alive_nothing_comes_back, setup),
        cmocka_unit_test_setup(a_start_that_fails_brings_nothing_back, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
