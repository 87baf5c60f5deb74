/*
 * virtio-rng: random bytes ahead of demand.
 *
 *   device --fills--> buffers (shared with it) --copied, wiped--> pool (private) --> clients
 *
 * Bytes leave the memory that the device can see before anybody gets them, and leave
 * the pool as they are handed out.
 *
 * Source: VIRTIO 1.2, "5.4 Entropy Device".
 */
#include <string.h>

#include "rng/entropy.h"
#include "rt/app.h"
#include "rt/interrupt.h"
#include "rt/log.h"
#include "rt/service.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "virtio/device.h"

enum {
    QUEUE_REQUESTS = 0,
    BUFFERS = 4,
    BUFFER_BYTES = 256,
    POOL_BYTES = 2048,
    /* The tables of the largest queue that is asked for, and the buffers. */
    SHARED_BYTES = 4096,
};

struct buffer {
    uint8_t *bytes;
    uint64_t physical;
};

static struct {
    struct virtio_device device;
    struct virtqueue queue;
    struct virtqueue_slot slots[BUFFERS];
    struct virtio_memory memory;
    struct buffer buffers[BUFFERS]; /* by the number of their descriptor */
    handle_t interrupt;
    struct service service;
    unsigned pool_length;
    uint8_t pool[POOL_BYTES];
} rng;

/* Wipe in a way that the compiler can't leave out. */
static void wipe(void *bytes, size_t length)
{
    memset(bytes, 0, length);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

/* Take the memory back from a device that can't be trusted, and begin anew. */
_Noreturn static void device_fail(const char *what)
{
    virtio_reset(&rng.device);
    log_die("the device %s", what);
}

static unsigned lent_bytes(void)
{
    return rng.queue.in_flight * (unsigned)BUFFER_BYTES;
}

/* Lend the device as many buffers as the pool has room for. */
static void refill(void)
{
    while (rng.queue.free_count > 0
           && rng.pool_length + lent_bytes() + BUFFER_BYTES <= POOL_BYTES) {
        uint16_t head = virtqueue_next_head(&rng.queue);
        struct virtqueue_piece piece = {
            .physical = rng.buffers[head].physical, .length = BUFFER_BYTES, .is_writable = true};

        if (virtqueue_add(&rng.queue, &piece, 1, &head) != STATUS_OK)
            break;
    }
    if (virtqueue_publish(&rng.queue))
        virtio_notify(&rng.device, QUEUE_REQUESTS);
}

/* Move what the device has filled into the pool. */
static void collect(void)
{
    enum status s;
    uint16_t head;
    uint32_t length;

    do {
        while ((s = virtqueue_take(&rng.queue, &head, &length)) == STATUS_OK) {
            uint8_t *bytes = rng.buffers[head].bytes;

            if (length == 0)
                device_fail("gives no bytes");
            memcpy(rng.pool + rng.pool_length, bytes, length);
            rng.pool_length += length;
            wipe(bytes, length);
        }
        if (s == STATUS_BAD_DATA)
            device_fail("breaks the rules of its queue");
    } while (!virtqueue_arm(&rng.queue, 0));
}

static void on_interrupt(void *context)
{
    (void)context;
    uint32_t reasons = virtio_interrupt_take(&rng.device);

    if ((reasons & VIRTIO_INTERRUPT_CONFIG) != 0 && virtio_needs_reset(&rng.device))
        device_fail("needs a reset");
    collect();
    refill();
    interrupt_done(rng.interrupt);
}

static enum status request_read(struct portal_message *m, size_t length)
{
    if (length == 0 || length > ENTROPY_BYTES)
        return STATUS_BAD_ARGUMENT;
    if (rng.pool_length < length)
        collect();
    if (rng.pool_length < length) {
        refill();
        return STATUS_WOULD_BLOCK;
    }
    rng.pool_length -= (unsigned)length;
    memcpy(&m->word[2], rng.pool + rng.pool_length, length);
    wipe(rng.pool + rng.pool_length, length);
    m->word[1] = length;
    refill();
    return STATUS_OK;
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    (void)c;
    struct portal_message answer = {.word = {STATUS_BAD_CALL}};

    if (m->word[0] == ENTROPY_READ)
        answer.word[0] = request_read(&answer, m->word[1]);
    portal_answer(m, answer.word);
}

static enum status device_start(volatile void *registers)
{
    enum status s = virtio_open(&rng.device, registers, VIRTIO_RNG, 0);

    if (s == STATUS_OK)
        s = virtio_memory_create(SHARED_BYTES, &rng.memory);
    if (s == STATUS_OK)
        s = virtio_queue_open(&rng.device, QUEUE_REQUESTS, BUFFERS, &rng.memory, rng.slots,
                              &rng.queue);
    for (unsigned i = 0; s == STATUS_OK && i < rng.queue.size; i++) {
        struct buffer *buffer = &rng.buffers[i];

        buffer->bytes = virtio_memory_take(&rng.memory, BUFFER_BYTES, &buffer->physical);
        if (buffer->bytes == NULL)
            s = STATUS_OUT_OF_MEMORY;
    }
    if (s == STATUS_OK)
        virtio_start(&rng.device);
    return s;
}

int main(void)
{
    static const struct connection_ops ops = {.on_call = on_call};
    const struct startup_device *device = startup_device_find("virtio,mmio", 0);

    if (device == NULL || device->register_count < 1 || device->interrupt_count < 1)
        log_die("no virtio-rng device was claimed");
    rng.interrupt = device->interrupt[0].handle;
    enum status s = device_start((volatile void *)(uintptr_t)device->registers[0].address);
    if (s == STATUS_OK)
        s = interrupt_serve(rng.interrupt, on_interrupt, NULL);
    if (s == STATUS_OK)
        s = service_offer(ENTROPY_SERVICE, NULL, &ops, NULL, &rng.service);
    if (s == STATUS_NOT_SUPPORTED) {
        log_line("%s is of no use: %s", device->name, status_text(s));
        return APP_EXIT_NO_USE;
    }
    if (s != STATUS_OK)
        log_die("%s can't start: %s", device->name, status_text(s));
    refill();
    loop_run();
    return 0;
}
