#include "reader.h"

#include "doorbell.h"
#include "samples.h"
#include "undisturbed.h"

#include "bench/peer.h"

#include "rt/memory.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/thread.h"

enum { READERS_MAX = 8, STACK_BYTES = 16384 };

struct reader {
    struct ring_consumer ring;
    struct doorbell doorbell;
    uint64_t sum; /* of what was read: the work that keeps the compiler honest */
};

static struct reader readers[READERS_MAX];
static uint64_t reader_count;

static void add_up(struct reader *reader, const struct ring_message *message)
{
    reader->sum += message->word[0] + message->word[1] + message->word[2] + message->word[3];
}

static void reader_run(void *context)
{
    struct reader *reader = context;
    struct ring_message message;

    for (;;) {
        while (ring_take(&reader->ring, &message))
            add_up(reader, &message);
        if (ring_release(&reader->ring))
            continue; /* the producer never waits for room, so there is nobody to wake */
        if (!ring_consumer_sleep(&reader->ring))
            continue;
        if (doorbell_wait(&reader->doorbell) != STATUS_OK)
            return;
    }
}

enum status reader_on_ring(struct portal_message *m)
{
    const bool is_by_request = m->word[1] != 0;
    struct memory own, peer;
    handle_t shared;

    if (reader_count == READERS_MAX)
        return STATUS_OUT_OF_QUOTA;
    struct reader *reader = &readers[reader_count];
    enum status s = memory_adopt(m->handle[0], RIGHT_READ, &peer);
    m->handle[0] = 0;
    if (s == STATUS_OK)
        s = memory_create(sizeof(struct ring_consumer_area), "bench ring", 0, &own);
    if (s == STATUS_OK)
        s = memory_share(&own, RIGHT_READ, &shared);
    if (s == STATUS_OK)
        s = doorbell_create(&reader->doorbell);
    if (s != STATUS_OK)
        return s;

    const struct bench_ring_producer *producer = peer.address;
    ring_consumer_init(&reader->ring, own.address, &producer->area, producer->messages,
                       BENCH_RING_MESSAGES);
    if (!is_by_request)
        s = thread_start(reader_run, reader, STACK_BYTES, startup_get()->highest_priority, NULL);
    if (s != STATUS_OK)
        return s;
    m->word[1] = reader_count++;
    m->handle[0] = shared | HANDLE_MOVE;
    m->handle[1] = reader->doorbell.signal | HANDLE_MOVE;
    return STATUS_OK;
}

static struct reader *reader_find(uint64_t number)
{
    return number < reader_count ? &readers[number] : NULL;
}

/* Who gets the message has all of its words. */
static inline void message_use(const struct ring_message *message)
{
    __asm__ volatile(""
                     :
                     : "r"(message->word[0]), "r"(message->word[1]), "r"(message->word[2]),
                       "r"(message->word[3]));
}

/* False: there was none, or the producer wants a bell. */
__attribute__((noinline)) static bool take_one(struct ring_consumer *ring, uint32_t *cost)
{
    struct ring_message message;
    uint32_t begin = meter_read();
    const bool is_taken = ring_take(ring, &message);

    if (is_taken)
        message_use(&message);
    const bool wants_bell = ring_release(ring);
    uint32_t end = meter_read();
    *cost = meter_passed(begin, end);
    return is_taken && !wants_bell;
}

/* The same with as many messages in runs. */
__attribute__((noinline)) static bool take_run(struct ring_consumer *ring, uint64_t batch,
                                               uint32_t *cost)
{
    const struct ring_message *slot;
    uint64_t left = batch;
    uint32_t begin = meter_read();

    while (left > 0) {
        const uint64_t seen = ring_peek(ring, &slot);
        const uint64_t count = seen < left ? seen : left;
        if (count == 0)
            return false;
        for (const struct ring_message *end = slot + count; slot != end; slot++) {
            const struct ring_message message = ring_message_copy(slot);
            message_use(&message);
        }
        ring_consume(ring, count);
        left -= count;
    }
    const bool wants_bell = ring_release(ring);
    uint32_t end = meter_read();
    *cost = meter_passed(begin, end);
    return !wants_bell;
}

enum status reader_on_take(struct portal_message *m)
{
    struct reader *reader = reader_find(m->word[1]);
    struct undisturbed undisturbed = {0};
    uint32_t cost = 0;

    if (reader == NULL)
        return STATUS_NOT_FOUND;
    undisturbed_begin(&undisturbed);
    const bool is_taken = m->word[2] == 1 ? take_one(&reader->ring, &cost)
                                          : take_run(&reader->ring, m->word[2], &cost);
    m->word[2] = undisturbed_end(&undisturbed) ? 1 : 0;
    m->word[1] = cost;
    return is_taken ? STATUS_OK : STATUS_BAD_STATE;
}

enum status reader_on_sum(struct portal_message *m)
{
    const struct reader *reader = reader_find(m->word[1]);

    if (reader == NULL)
        return STATUS_NOT_FOUND;
    m->word[1] = reader->sum;
    return STATUS_OK;
}
