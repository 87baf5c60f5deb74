/*
 * The console: one serial line, many clients.
 *
 *   clients --TTY_WRITE--> line model --> screen.out --> uart:Port
 *   kernel log ------------^                 |
 *   foreground <--TTY_READ-- keyboard <------+--------- uart:Port
 *
 * Nothing waits: who finds no room or no input is signalled later.  When the serial
 * port's driver dies, the console takes back what it hadn't read, and output gathers
 * until there is another; the foreground keeps what it had.  When the console dies, its
 * clients connect again and claim again.
 */
#include <string.h>

#include "client.h"
#include "console/tty.h"
#include "journal.h"
#include "keyboard.h"
#include "rt/log.h"
#include "rt/service.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "screen.h"
#include "uart/port.h"

/* Clients that wait for room are told when this much is free. */
enum { ROOM_BYTES = 4096 };

static struct {
    struct screen screen;
    struct keyboard keyboard;
    struct journal journal;
    struct connection uart;
    struct service service;
    struct client_table clients;
    struct client *foreground; /* in `clients`; NULL: nobody reads */
    bool is_room_awaited;      /* by some client */
} console;

static const struct connection_config uart_config = {.capacity = UART_RING_MESSAGES};
_Static_assert(SCREEN_SENT_BYTES >= UART_RING_MESSAGES * UART_BYTES, "a ring can come back");

/* ---- towards the terminal ---- */

static void room_announce(void)
{
    if (!console.is_room_awaited || screen_room(&console.screen) < ROOM_BYTES)
        return;
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &console.clients.clients[i];

        if (client->is_room_awaited)
            client_signal(client, CLIENT_ON_ROOM);
        client->is_room_awaited = false;
    }
    console.is_room_awaited = false;
}

/* Move output into the serial port's ring, as much as it takes. */
static void output_pump(void)
{
    struct fifo *out = &console.screen.out;

    while (fifo_count(out) > 0) {
        struct uart_message m = {.kind = UART_DATA};
        struct ring_message message;

        m.count = (uint8_t)fifo_peek(out, m.bytes, UART_BYTES);
        memcpy(&message, &m, sizeof message);
        if (!connection_send(&console.uart, &message))
            break;
        fifo_drop(out, m.count);
    }
    connection_flush(&console.uart);
    room_announce();
}

/* What the serial port hasn't read is output again, before all that came later. */
static void output_take_back(void)
{
    struct ring_producer *ring = &console.uart.out;
    struct uart_message m;
    size_t count = 0;

    for (uint64_t i = ring->produce - ring_unread(ring); i != ring->produce; i++) {
        memcpy(&m, &ring->messages[i & ring->mask], sizeof m);
        count += m.count;
    }
    fifo_undrop(&console.screen.out, count);
}

static bool is_log_hidden(void)
{
    return (console.keyboard.modes & TTY_HIDE_LOG) != 0;
}

static void on_log(void *context)
{
    (void)context;
    if (!is_log_hidden())
        journal_print(&console.journal, &console.screen);
    output_pump();
}

static void uart_on_room(void *context, struct connection *c)
{
    (void)c;
    output_pump();
    on_log(context);
}

/* ---- from the terminal ---- */

static void foreground_signal(enum client_event which)
{
    if (console.foreground != NULL)
        client_signal(console.foreground, which);
}

static unsigned bytes_type(const struct uart_message *m)
{
    unsigned events = 0;

    for (unsigned i = 0; i < m->count; i++)
        events |= keyboard_put(&console.keyboard, m->bytes[i], &console.screen);
    return events;
}

static bool has_input_room(void)
{
    return keyboard_room(&console.keyboard) >= UART_BYTES;
}

/* Whoever reads, and a mode that has what was typed ahead edited, may have made room. */
static void input_resume(void)
{
    if (has_input_room())
        connection_resume(&console.uart);
}

static void uart_on_messages(void *context, struct connection *c)
{
    (void)context;
    struct ring_message message;
    struct uart_message m;
    unsigned events = 0;

    /* What finds no room waits in the ring. */
    while (has_input_room() && connection_receive(c, &message)) {
        memcpy(&m, &message, sizeof m);
        if (m.kind == UART_OVERRUN)
            log_line("serial input was lost");
        else if (m.kind == UART_DATA && m.count <= UART_BYTES)
            events |= bytes_type(&m);
    }
    if ((events & KEYBOARD_INTERRUPT) != 0)
        foreground_signal(CLIENT_ON_INTERRUPT);
    if ((events & KEYBOARD_READY) != 0)
        foreground_signal(CLIENT_ON_INPUT);
    output_pump();
}

static enum status uart_on_open(void *context, struct connection *c,
                                struct connection_config *config)
{
    (void)context;
    (void)c;
    (void)config;
    output_pump();
    return STATUS_OK;
}

static void uart_on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    /* Who is cut off alive may read on for a while; and a start that failed has had no ring. */
    if (c->state == CONNECTION_DEAD && why != STATUS_BAD_DATA)
        output_take_back();
    log_line("serial port: %s, connecting again", status_text(why));
    enum status s = connection_restart(c);
    if (s != STATUS_OK)
        log_die("no serial port: %s", status_text(s));
}

/* ---- requests of clients ---- */

/* A mode that shows the log shows what another has held back. */
static void modes_set(unsigned modes)
{
    keyboard_mode_set(&console.keyboard, modes, &console.screen);
    if (!is_log_hidden())
        journal_print(&console.journal, &console.screen);
}

static void foreground_leave(void)
{
    console.foreground = NULL;
    screen_leave(&console.screen);
    modes_set(TTY_RAW);
}

static enum status request_open(struct client *client, struct portal_message *m)
{
    enum status s = client_events_set(&console.clients, client, m->handle);

    for (unsigned i = 0; i < CLIENT_EVENTS; i++)
        m->handle[i] = 0;
    if (client == console.foreground && !client_has_events(client))
        foreground_leave();
    return s;
}

static enum status request_write(struct client *client, struct portal_message *m)
{
    uint8_t bytes[TTY_WRITE_BYTES];
    size_t length = m->word[0] >> 8 & 0xff;
    size_t room = screen_room(&console.screen);
    size_t count;

    if (length > TTY_WRITE_BYTES)
        return STATUS_BAD_ARGUMENT;
    memcpy(bytes, &m->word[1], sizeof bytes);
    if (client == console.foreground) {
        count = length < room ? length : room;
        screen_write(&console.screen, bytes, count);
    } else {
        count = client_write(client, bytes, length, &console.screen);
    }
    m->word[1] = count;
    if (count > 0 || length == 0)
        return STATUS_OK;
    client->is_room_awaited = true;
    console.is_room_awaited = true;
    return STATUS_WOULD_BLOCK;
}

static enum status request_read(struct client *client, struct portal_message *m)
{
    uint8_t bytes[TTY_READ_BYTES] = {0};
    size_t limit = m->word[1] < TTY_READ_BYTES ? m->word[1] : TTY_READ_BYTES;
    size_t count;

    if (client != console.foreground)
        return STATUS_BAD_STATE;
    if (!keyboard_take(&console.keyboard, bytes, limit, &count))
        return STATUS_WOULD_BLOCK;
    m->word[1] = count;
    memcpy(&m->word[2], bytes, sizeof bytes);
    return STATUS_OK;
}

static enum status request_claim(struct client *client, struct portal_message *m)
{
    if (!client_has_events(client))
        return STATUS_BAD_STATE;
    if (console.foreground != NULL && console.foreground != client)
        return STATUS_BUSY;
    client_flush(client, &console.screen);
    console.foreground = client;
    m->word[1] = TTY_COLUMNS;
    m->word[2] = TTY_ROWS;
    return STATUS_OK;
}

static enum status request_mode(struct client *client, uint64_t modes)
{
    if (client != console.foreground)
        return STATUS_BAD_STATE;
    if ((modes & ~(uint64_t)TTY_MODES_ALL) != 0)
        return STATUS_BAD_ARGUMENT;
    modes_set((unsigned)modes);
    return STATUS_OK;
}

static enum status request_drain(void)
{
    const struct ring_producer *out = &console.uart.out;
    bool is_ring_empty =
        console.uart.state == CONNECTION_OPENED
        && atomic_load_explicit(&out->peer->consume, memory_order_acquire) == out->produce;

    return fifo_count(&console.screen.out) == 0 && is_ring_empty ? STATUS_OK : STATUS_WOULD_BLOCK;
}

static enum status request_serve(struct client *client, struct portal_message *m)
{
    switch (m->word[0] & 0xff) {
    case TTY_OPEN:
        return request_open(client, m);
    case TTY_WRITE:
        return request_write(client, m);
    case TTY_READ:
        return request_read(client, m);
    case TTY_CLAIM:
        return request_claim(client, m);
    case TTY_RELEASE:
        if (client == console.foreground)
            foreground_leave();
        return STATUS_OK;
    case TTY_MODE:
        return request_mode(client, m->word[1]);
    case TTY_DRAIN:
        return request_drain();
    default:
        return STATUS_BAD_CALL;
    }
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    struct client *client = client_find(&console.clients, c->badge, &console.screen);

    m->word[0] = client != NULL ? request_serve(client, m) : STATUS_OUT_OF_QUOTA;
    input_resume();
    output_pump();
}

static void on_death(void *context)
{
    (void)context;
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &console.clients.clients[i];

        if (client->badge == 0 || client_lives(client))
            continue;
        if (client == console.foreground)
            foreground_leave();
        client_forget(client, &console.screen);
    }
    output_pump();
}

static enum status journal_begin(const struct startup *startup)
{
    unsigned bit;

    if (strcmp(startup->argument, "log") != 0)
        return STATUS_OK;
    journal_start(&console.journal, startup->restarts > 0);
    enum status s = loop_bit_allocate(on_log, NULL, &bit);
    if (s == STATUS_OK)
        s = log_watch(loop_event(), UINT64_C(1) << bit);
    if (s == STATUS_OK)
        loop_raise(bit);
    return s;
}

int main(void)
{
    static const struct connection_ops uart_ops = {.on_open = uart_on_open,
                                                   .on_messages = uart_on_messages,
                                                   .on_room = uart_on_room,
                                                   .on_close = uart_on_close};
    static const struct connection_ops ops = {.on_call = on_call};

    screen_init(&console.screen);
    keyboard_init(&console.keyboard);
    /* The port first: once the service is offered the kernel falls silent. */
    enum status s = connection_open(&console.uart, UART_SERVICE, &uart_config, &uart_ops, NULL);
    if (s == STATUS_OK)
        s = loop_bit_allocate(on_death, NULL, &console.clients.death_bit);
    if (s == STATUS_OK)
        s = service_offer(TTY_SERVICE, NULL, &ops, NULL, &console.service);
    if (s == STATUS_OK)
        s = journal_begin(startup_get());
    if (s != STATUS_OK)
        log_die("can't start: %s", status_text(s));
    loop_run();
    return 0;
}
