/*
 * Fuzzing the virtqueue: a device that writes what it likes into the shared memory.
 *
 * The input is a list of steps of driver and device.  Beside the sanitizers' findings these must
 * hold: a chain comes back at most once for each time it was lent, never with more bytes than it
 * has room for, and the descriptors in flight and those that are free make up the queue.
 */
// source: devices/virtio/queue.c
#include <stdlib.h>
#include <string.h>

#include "virtio/queue.h"

enum { SIZE = 8, MEMORY_BYTES = 512, PIECES_MAX = 4 };
enum step { STEP_ADD, STEP_PUBLISH, STEP_TAKE, STEP_ARM, STEP_SCRIBBLE, STEP_RETURN, STEPS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct virtqueue queue;
static struct virtqueue_slot slots[SIZE];
static _Alignas(64) uint8_t memory[MEMORY_BYTES];
static uint32_t room_of[SIZE]; /* of the chains in flight, by head */
static uint16_t pieces_of[SIZE];

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void start(void)
{
    memset(memory, 0, sizeof memory);
    memset(room_of, 0, sizeof room_of);
    memset(pieces_of, 0, sizeof pieces_of);
    virtqueue_init(&queue, SIZE, memory, slots, true);
}

static void add(uint8_t value)
{
    struct virtqueue_piece pieces[PIECES_MAX];
    uint16_t count = (uint16_t)(1 + value % PIECES_MAX);
    uint16_t head;

    for (uint16_t i = 0; i < count; i++)
        pieces[i] =
            (struct virtqueue_piece){.physical = value, .length = value, .is_writable = true};
    if (virtqueue_add(&queue, pieces, count, &head) != STATUS_OK)
        return;
    require(head < SIZE && pieces_of[head] == 0);
    pieces_of[head] = count;
    room_of[head] = (uint32_t)value * count;
}

static void take(void)
{
    uint16_t head;
    uint32_t written;
    enum status s = virtqueue_take(&queue, &head, &written);

    if (s == STATUS_BAD_DATA)
        start();
    if (s != STATUS_OK)
        return;
    require(head < SIZE && pieces_of[head] != 0 && written <= room_of[head]);
    pieces_of[head] = 0;
}

/* A device that keeps to the rules, so that the run gets somewhere. */
static void give_back(uint8_t value)
{
    uint16_t index = atomic_load(&queue.used->index);
    unsigned id = value % SIZE;

    queue.used->ring[index % SIZE].id = id;
    queue.used->ring[index % SIZE].length = room_of[id];
    atomic_store(&queue.used->index, (uint16_t)(index + 1));
}

static void balance_check(void)
{
    unsigned lent = 0;

    for (unsigned i = 0; i < SIZE; i++)
        lent += pieces_of[i];
    require(lent + queue.free_count == SIZE);
}

static void step(enum step what, uint8_t where, uint8_t value)
{
    bool answer = false;

    if (what == STEP_ADD)
        add(value);
    else if (what == STEP_PUBLISH)
        answer = virtqueue_publish(&queue);
    else if (what == STEP_TAKE)
        take();
    else if (what == STEP_ARM)
        answer = virtqueue_arm(&queue, value);
    else if (what == STEP_SCRIBBLE)
        memory[where * 2 + (value & 1)] = value;
    else
        give_back(value);
    (void)answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(virtqueue_bytes(SIZE) <= MEMORY_BYTES);
    start();
    for (size_t at = 0; at + 3 <= size; at += 3) {
        step((enum step)(data[at] % STEPS), data[at + 1], data[at + 2]);
        balance_check();
    }
    return 0;
}
