/*
 * PL011 UART, driven by interrupts, both directions.
 *
 *   line -> receive FIFO -> ring -> client      client -> ring -> transmit FIFO -> line
 *
 * A full ring towards the client closes the receive interrupts and leaves the bytes
 * in the FIFO, so that the chip's own flow control acts.  A full transmit FIFO leaves
 * the messages in the ring and opens the transmit interrupt.  Baud rate and framing
 * stay as the firmware set them: the kernel's early console speaks through the same
 * chip until the console program takes over, and once more if the kernel panics.
 */
#include <string.h>

#include "registers.h"
#include "rt/interrupt.h"
#include "rt/log.h"
#include "rt/service.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "uart/port.h"

enum {
    RECEIVE_INTERRUPTS = INTERRUPT_RX | INTERRUPT_RT | INTERRUPT_OE,
    TURN_MESSAGES = 64, /* either way, then the loop looks at everything else, too */
};

static struct {
    volatile struct pl011_registers *registers;
    handle_t interrupt;
    unsigned own_bit; /* raised by ourselves: a client has come, or a turn was long */
    struct service service;
    struct connection *client;   /* NULL: nobody listens */
    struct uart_message held;    /* received, waiting for room; kind 0: none */
    bool is_overrun;             /* bytes were lost, and the client doesn't know yet */
    struct uart_message sending; /* being written to the FIFO */
    unsigned sent;               /* bytes of `sending` that are in the FIFO */
    bool is_turn_over;           /* there was more to send */
} port;

static bool message_send(const struct uart_message *m)
{
    struct ring_message message;

    memcpy(&message, m, sizeof message);
    return connection_send(port.client, &message);
}

/* Take what one message holds out of the FIFO.  False: there was none but breaks. */
static bool message_fill(struct uart_message *m)
{
    *m = (struct uart_message){.kind = UART_DATA};
    for (unsigned i = 0; i < UART_BYTES && (port.registers->FR & FR_RXFE) == 0; i++) {
        uint32_t data = port.registers->DR;

        port.is_overrun |= (data & DR_OVERRUN) != 0;
        if ((data & DR_BREAK) != 0) {
            const struct uart_message notice = {.kind = UART_BREAK};
            bool is_sent = message_send(&notice);

            (void)is_sent; /* no room: the bytes around it matter more */
            continue;
        }
        m->bytes[m->count++] = (uint8_t)data;
    }
    return m->count > 0;
}

/* Say that something is missing, where it is.  Without room that stays to be said. */
static void overrun_send(void)
{
    static const struct uart_message overrun = {.kind = UART_OVERRUN};

    if (port.is_overrun && message_send(&overrun))
        port.is_overrun = false;
}

/* Send what is held, behind that.  Without room it stays. */
static void held_send(void)
{
    overrun_send();
    if (!port.is_overrun && message_send(&port.held))
        port.held.kind = 0;
}

/* What a long turn leaves in the FIFO goes on interrupting. */
static void receive(void)
{
    for (unsigned i = 0; i < TURN_MESSAGES && port.held.kind == 0 && message_fill(&port.held); i++)
        held_send();
    if (port.held.count == 0)
        port.held.kind = 0;
    overrun_send();
    if (port.held.kind != 0)
        port.registers->IMSC &= ~(uint32_t)RECEIVE_INTERRUPTS;
}

/* The next message to send into port.sending.  False: none. */
static bool sending_next(void)
{
    struct ring_message message;

    if (!connection_receive(port.client, &message))
        return false;
    /* Before any of it is written: what stays in the ring, the client sends to the next life. */
    connection_flush(port.client);
    memcpy(&port.sending, &message, sizeof message);
    port.sent = 0;
    if (port.sending.kind == UART_DATA && port.sending.count <= UART_BYTES)
        return true;
    port.sending.count = 0;
    connection_fail(port.client);
    return false;
}

/* Bytes that the FIFO surely takes now. */
static unsigned fifo_room(void)
{
    uint32_t flags = port.registers->FR;

    if ((flags & FR_TXFE) != 0)
        return PL011_FIFO_BYTES;
    return (flags & FR_TXFF) == 0 ? 1 : 0;
}

/*
 * A chip may be as fast as a client on another processor: after a turn this goes on by a signal of
 * our own, when the loop has looked at everything else.
 */
static void transmit(void)
{
    unsigned room = 0, turn = TURN_MESSAGES;

    port.is_turn_over = false;
    do {
        for (; port.sent < port.sending.count; room--) {
            if (room == 0)
                room = fifo_room();
            if (room == 0) {
                port.registers->IMSC |= INTERRUPT_TX;
                return;
            }
            port.registers->DR = port.sending.bytes[port.sent++];
        }
        if (turn-- == 0) {
            port.is_turn_over = true;
            loop_raise(port.own_bit);
            return;
        }
    } while (port.client != NULL && sending_next());
    port.registers->IMSC &= ~(uint32_t)INTERRUPT_TX;
}

/* Look at the receive FIFO and go on sending. */
static void serve(void *context)
{
    (void)context;
    if (port.client == NULL || port.client->state != CONNECTION_OPENED)
        return;
    receive();
    if ((port.registers->IMSC & INTERRUPT_TX) != 0 || port.is_turn_over)
        transmit();
    if (port.client != NULL)
        connection_flush(port.client);
}

/*
 * The receive interrupts are never cleared but by emptying the FIFO: a chip that signals only
 * the change from empty would not signal again for bytes that were left.
 */
static void on_interrupt(void *context)
{
    port.registers->ICR = INTERRUPT_TX | INTERRUPT_OE;
    serve(context);
    interrupt_done(port.interrupt);
}

static void on_messages(void *context, struct connection *c)
{
    (void)context;
    /* While the FIFO is full the transmit interrupt goes on with it, after a turn our signal. */
    if (c == port.client && (port.registers->IMSC & INTERRUPT_TX) == 0 && !port.is_turn_over)
        transmit();
}

static void on_room(void *context, struct connection *c)
{
    (void)context;
    if (c != port.client)
        return;
    if (port.held.kind != 0)
        held_send();
    if (port.held.kind == 0) {
        receive();
        if (port.held.kind == 0)
            port.registers->IMSC |= RECEIVE_INTERRUPTS;
    }
}

static void client_forget(void)
{
    port.registers->IMSC = 0;
    port.client = NULL;
    port.held.kind = 0;
    port.is_overrun = false;
    port.sending.count = 0;
    port.sent = 0;
    port.is_turn_over = false;
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    (void)context;
    (void)config;
    if (port.client != NULL) {
        struct connection *old = port.client;

        client_forget();
        connection_close(old);
    }
    port.client = c;
    port.registers->IMSC = RECEIVE_INTERRUPTS;
    /* Bytes may have been waiting since before there was anybody to interrupt for. */
    loop_raise(port.own_bit);
    return STATUS_OK;
}

static void on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)why;
    if (c == port.client)
        client_forget();
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    (void)c;
    m->word[0] = STATUS_BAD_CALL;
}

static void chip_start(void)
{
    volatile struct pl011_registers *r = port.registers;

    r->IMSC = 0;
    r->ICR = INTERRUPT_TX | INTERRUPT_OE;
    r->IFLS = IFLS_TX_EIGHTH | IFLS_RX_HALF;
    r->LCR_H |= LCR_H_FEN | LCR_H_WLEN_8;
    r->CR |= CR_UARTEN | CR_TXE | CR_RXE | CR_RTSEN;
}

int main(void)
{
    static const struct connection_ops ops = {.on_open = on_open,
                                              .on_messages = on_messages,
                                              .on_room = on_room,
                                              .on_call = on_call,
                                              .on_close = on_close};
    static const struct service_config config = {.connection = {.capacity = UART_RING_MESSAGES}};
    const struct startup_device *device = startup_device_find("arm,pl011", 0);

    if (device == NULL || device->register_count < 1 || device->interrupt_count < 1)
        log_die("no arm,pl011 with registers and an interrupt was claimed");
    port.registers = (volatile struct pl011_registers *)(uintptr_t)device->registers[0].address;
    port.interrupt = device->interrupt[0].handle;
    chip_start();
    enum status s = loop_bit_allocate(serve, NULL, &port.own_bit);
    if (s == STATUS_OK)
        s = interrupt_serve(port.interrupt, on_interrupt, NULL);
    if (s == STATUS_OK)
        s = service_offer(UART_SERVICE, &config, &ops, NULL, &port.service);
    if (s != STATUS_OK)
        log_die("%s can't start: %s", device->name, status_text(s));
    loop_run();
    return 0;
}
