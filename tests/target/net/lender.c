/*
 * lender: takes the network stack's place at net:Link, lends the device receive buffers, and takes
 * them back without asking: it revokes every handle that was made of its own, gives its own up, and
 * makes other memory of the same sizes.  Whatever changes there is a device's doing.
 *
 * tests/e2e/lender_test.py sends it frames meanwhile.
 */
#include <inttypes.h>
#include <string.h>

#include "net/link.h"
#include "rt/connection.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/syscall.h"
#include "rt/thread.h"
#include "rt/time.h"

enum {
    BUFFERS = 8 * LINK_BATCH,
    BUFFER_BYTES = 2048,
    POOL_BYTES = 256 * 1024,
    OTHERS = 8, /* segments in the pools' place */
    PATTERN = 0xa5,
    WAIT_S = 4, /* for frames */
};
_Static_assert(BUFFERS *BUFFER_BYTES <= POOL_BYTES, "they fit");

static struct connection driver;
static struct memory pools[2];
static struct memory others[OTHERS];
static unsigned frames;

static void insist(enum status s, const char *what)
{
    if (s != STATUS_OK)
        log_die("%s: %s", what, status_text(s));
}

static void on_messages(void *context, struct connection *c)
{
    struct ring_message raw;

    (void)context;
    while (connection_receive(c, &raw)) {
        struct link_message m;
        memcpy(&m, &raw, sizeof m);
        frames += m.kind == LINK_RX_FILLED;
    }
}

static void pools_lend(void)
{
    struct portal_message m = {.word = {LINK_OP_POOLS, BUFFER_BYTES, BUFFERS}};

    for (unsigned i = 0; i < 2; i++) {
        insist(memory_create(POOL_BYTES, "lent", MEMORY_CONTIGUOUS | MEMORY_DMA, &pools[i]),
               "a pool");
        insist(memory_share(&pools[i], RIGHT_READ | RIGHT_DMA, &m.handle[i]), "its handle");
        m.handle[i] |= HANDLE_MOVE;
    }
    insist(connection_call(&driver, &m), "pools");
    for (uint16_t first = 0; first < BUFFERS; first += LINK_BATCH) {
        struct link_message post = {.kind = LINK_RX, .count = LINK_BATCH};
        struct ring_message raw;
        for (uint16_t i = 0; i < LINK_BATCH; i++)
            post.batch.number[i] = (uint16_t)(first + i);
        memcpy(&raw, &post, sizeof raw);
        if (!connection_send(&driver, &raw))
            log_die("no room in the ring");
    }
    connection_flush(&driver);
    (void)thread_sleep(time_after_ns(NS_PER_S / 2)); /* by then the device has them */
}

static void pools_take_back(void)
{
    for (unsigned i = 0; i < 2; i++) {
        log_line("handle_revoke: %s", status_text(handle_revoke(pools[i].segment)));
        memory_release(&pools[i]);
    }
    for (unsigned i = 0; i < OTHERS; i++) {
        insist(memory_create(POOL_BYTES, "other", MEMORY_CONTIGUOUS, &others[i]), "other memory");
        memset(others[i].address, PATTERN, POOL_BYTES);
    }
}

static uint64_t changed_bytes(void)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < OTHERS; i++) {
        const uint8_t *bytes = others[i].address;
        for (uint64_t at = 0; at < POOL_BYTES; at++)
            count += bytes[at] != PATTERN;
    }
    return count;
}

static void on_end(void *context, struct loop_timer *t)
{
    (void)context;
    (void)t;
    log_line("%u frames arrived, %" PRIu64 " bytes of other memory changed", frames,
             changed_bytes());
    loop_stop();
}

int main(void)
{
    static const struct connection_ops ops = {.on_messages = on_messages};
    static const struct connection_config config = {.capacity = LINK_RING_SLOTS};
    static struct loop_timer timer = {.on_time = on_end};

    insist(connection_open(&driver, LINK_SERVICE, &config, &ops, NULL), LINK_SERVICE);
    pools_lend();
    pools_take_back();
    log_line("waits for frames");
    loop_timer_start(&timer, time_after_ns(WAIT_S * NS_PER_S));
    loop_run();
    return 0;
}
