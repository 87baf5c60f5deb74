/*
 * The serial port's driver, over registers in memory that always have one more byte: what the chip
 * lost is told, although it loses bytes just when there is no room to tell.
 */
// source: userland/runtime/src/ring.c
// include first: tests/host/fake
int pl011_main(void);
#define main pl011_main
#include "devices/pl011/pl011.c"
#undef main

#include "rt/svc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGES = 8, ENOUGH = 100000 };

/* A console that keeps up with the driver, on another processor: for so many more messages. */
static unsigned said, heard;
static bool is_raised;
static void console_say(void);
static void console_hear(void);

/* ---- the runtime ---- */

void connection_resume(struct connection *c)
{
    (void)c;
}

void connection_flush(struct connection *c)
{
    (void)!ring_publish(&c->out);
    (void)!ring_release(&c->in);
    console_say();
}

bool connection_await_room(struct connection *c)
{
    connection_flush(c);
    console_hear();
    return ring_has_room(&c->out);
}

void connection_close(struct connection *c)
{
    (void)c;
}

void connection_fail(struct connection *c)
{
    (void)c;
}

enum status service_offer(const char *name, const struct service_config *config,
                          const struct connection_ops *ops, void *context, struct service *out)
{
    (void)name, (void)config, (void)ops, (void)context, (void)out;
    return STATUS_OK;
}

enum status interrupt_serve(handle_t interrupt, void (*handler)(void *context), void *context)
{
    (void)interrupt, (void)handler, (void)context;
    return STATUS_OK;
}

void interrupt_done(handle_t interrupt)
{
    (void)interrupt;
}

enum status loop_bit_allocate(void (*on_bit)(void *context), void *context, unsigned *bit)
{
    (void)on_bit, (void)context, (void)bit;
    return STATUS_OK;
}

void loop_raise(unsigned bit)
{
    is_raised |= bit == port.own_bit;
}

void loop_run(void)
{
}

const struct startup_device *startup_device_find(const char *compatible, unsigned index)
{
    (void)compatible, (void)index;
    return NULL;
}

enum status svc_8(enum syscall number, struct svc_words *w)
{
    (void)number, (void)w;
    return STATUS_OK;
}

void log_die(const char *format, ...)
{
    (void)format;
    abort();
}

/* ---- the client ---- */

static struct pl011_registers registers;
static struct connection connection;
static struct ring_producer_area produced;
static struct ring_consumer_area consumed;
static struct ring_producer_area printed;
static struct ring_consumer_area taken;
static struct ring_message messages[MESSAGES], outgoing[MESSAGES];
static struct ring_consumer client;
static struct ring_producer console;

static void console_say(void)
{
    static const struct uart_message data = {.kind = UART_DATA, .count = 1, .bytes = "a"};
    struct ring_message message;

    memcpy(&message, &data, sizeof message);
    for (; said > 0 && ring_put(&console, &message); said--)
        (void)!ring_publish(&console);
}

static void console_hear(void)
{
    struct ring_message message;

    for (; heard > 0 && ring_take(&client, &message); heard--)
        (void)!ring_release(&client);
}

static int setup(void **state)
{
    (void)state;
    registers = (struct pl011_registers){.DR = 'a'};
    connection = (struct connection){.state = CONNECTION_OPENED};
    produced = (struct ring_producer_area){.produce = 0};
    consumed = (struct ring_consumer_area){.consume = 0};
    printed = (struct ring_producer_area){.produce = 0};
    taken = (struct ring_consumer_area){.consume = 0};
    ring_producer_init(&connection.out, &produced, &consumed, messages, MESSAGES);
    ring_consumer_init(&connection.in, &taken, &printed, outgoing, MESSAGES);
    ring_consumer_init(&client, &consumed, &produced, messages, MESSAGES);
    ring_producer_init(&console, &printed, &taken, outgoing, MESSAGES);
    said = heard = 0;
    is_raised = false;
    port.registers = &registers;
    client_forget();
    port.client = &connection;
    port.own_bit = 1;
    registers.IMSC = RECEIVE_INTERRUPTS;
    return 0;
}

/* The next message's kind. */
static unsigned take(void)
{
    struct ring_message message;
    struct uart_message m;

    connection_flush(&connection);
    assert_true(ring_take(&client, &message));
    (void)!ring_release(&client);
    memcpy(&m, &message, sizeof m);
    return m.kind;
}

static void overrun_is_told_when_there_is_room(void **state)
{
    (void)state;
    serve(NULL); /* until the ring is full, and one more is held */
    assert_int_equal(take(), UART_DATA);
    registers.DR = 'a' | DR_OVERRUN;
    on_room(NULL, &connection); /* which that one fills; the next one comes behind a gap */
    registers.DR = 'a';
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_int_equal(take(), UART_DATA);
    on_room(NULL, &connection);
    assert_int_equal(take(), UART_OVERRUN);
    for (unsigned i = 1; i < MESSAGES; i++)
        assert_int_equal(take(), UART_DATA);
}

/* The gap is before what is held, so that waits, too. */
static void overrun_takes_the_first_place(void **state)
{
    (void)state;
    registers.DR = 'a' | DR_OVERRUN;
    serve(NULL);
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_int_equal(take(), i % 2 == 0 ? UART_OVERRUN : UART_DATA);
    registers.DR = 'a';
    on_room(NULL, &connection);
    assert_int_equal(take(), UART_OVERRUN);
    assert_int_equal(take(), UART_DATA);
}

/* So that nothing is written once more when the driver dies of it. */
static void what_is_being_written_counts_as_read(void **state)
{
    (void)state;
    said = 2;
    console_say();
    registers.FR = FR_TXFF;
    transmit();
    assert_int_equal(port.sent, 0);
    assert_int_equal(ring_unread(&console), 1);
}

/*
 * Where the chip is faster than whoever writes, and on another processor somebody always has more:
 * the loop gets its turn, and comes back.
 */
static void who_always_has_more_to_say_is_left_for_a_while(void **state)
{
    (void)state;
    registers.FR = FR_TXFE | FR_RXFE;
    said = ENOUGH;
    console_say();
    on_messages(NULL, &connection);
    const unsigned before = said;
    assert_in_range(before, ENOUGH / 2, ENOUGH - 2 * MESSAGES);
    assert_true(is_raised);
    serve(NULL);
    assert_in_range(said, ENOUGH / 2, before - MESSAGES);
}

static void who_always_types_more_is_left_for_a_while(void **state)
{
    (void)state;
    heard = ENOUGH;
    serve(NULL);
    assert_in_range(heard, ENOUGH / 2, ENOUGH - 2 * MESSAGES);
    /* A level: it comes again by itself. */
    assert_int_equal(registers.IMSC & RECEIVE_INTERRUPTS, RECEIVE_INTERRUPTS);
}

/* A break comes as a byte that isn't one. */
static void who_always_breaks_the_line_is_left_for_a_while(void **state)
{
    (void)state;
    registers.DR = DR_BREAK;
    heard = ENOUGH;
    serve(NULL);
    assert_in_range(heard, ENOUGH / 2, ENOUGH - 2 * MESSAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(overrun_is_told_when_there_is_room, setup),
        cmocka_unit_test_setup(overrun_takes_the_first_place, setup),
        cmocka_unit_test_setup(what_is_being_written_counts_as_read, setup),
        cmocka_unit_test_setup(who_always_has_more_to_say_is_left_for_a_while, setup),
        cmocka_unit_test_setup(who_always_types_more_is_left_for_a_while, setup),
        cmocka_unit_test_setup(who_always_breaks_the_line_is_left_for_a_while, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
