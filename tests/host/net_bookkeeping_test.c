/*
 * What the stack keeps books of: socket numbers, chunks, packet memory, checksums, send buffers.
 */
// source: userland/net/server/socket_table.c
// source: userland/net/server/chunk_pool.c
// source: userland/net/server/packet_memory.c
// source: userland/net/server/checksum.c
// source: userland/net/client/send_buffer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userland/net/client/send_buffer.h"
#include "userland/net/server/checksum.h"
#include "userland/net/server/chunk_pool.h"
#include "userland/net/server/packet_memory.h"
#include "userland/net/server/socket_table.h"

/* --- socket numbers --- */

static struct socket_table table;
static int some_socket;

static void a_closed_number_never_reaches_its_successor(void **state)
{
    (void)state;
    socket_table_init(&table);
    uint32_t first = socket_table_add(&table, &some_socket);
    assert_int_not_equal(first, 0);
    socket_table_remove(&table, first);

    for (unsigned i = 0; i < 3 * SOCKET_SLOTS; i++) {
        uint32_t number = socket_table_add(&table, &table);
        assert_int_not_equal(number, first);
        assert_null(socket_table_find(&table, first));
        assert_ptr_equal(socket_table_find(&table, number), &table);
        socket_table_remove(&table, number);
    }
    assert_int_equal(table.used, 0);
}

static void made_up_numbers_find_nothing(void **state)
{
    static const uint32_t numbers[] = {0, 1, SOCKET_SLOTS + 1, 0xffff, 0x10001, UINT32_MAX};

    (void)state;
    socket_table_init(&table);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_null(socket_table_find(&table, numbers[i]));
}

static void a_full_table_says_so_and_recovers(void **state)
{
    uint32_t last = 0;

    (void)state;
    socket_table_init(&table);
    for (unsigned i = 0; i < SOCKET_SLOTS; i++)
        last = socket_table_add(&table, &some_socket);
    assert_int_not_equal(last, 0);
    assert_int_equal(socket_table_add(&table, &some_socket), 0);
    socket_table_remove(&table, last);
    assert_int_not_equal(socket_table_add(&table, &some_socket), 0);

    size_t slot = 0, count = 0;
    while (socket_table_next(&table, &slot) != NULL)
        count++;
    assert_int_equal(count, SOCKET_SLOTS);
}

/* --- chunks --- */

static struct chunk_pool chunks;

static void chunks_are_distinct_and_limited(void **state)
{
    static bool seen[CHUNK_COUNT_MAX];
    uint32_t offset;

    (void)state;
    chunk_pool_init(&chunks, CHUNK_COUNT_MAX);
    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < CHUNK_COUNT_MAX; i++) {
        assert_true(chunk_pool_take(&chunks, 1, 100, &offset));
        assert_int_equal(offset % NET_CHUNK_BYTES, 0);
        assert_true(offset + NET_CHUNK_BYTES <= NET_STACK_BUFFER_BYTES);
        assert_false(seen[offset / NET_CHUNK_BYTES]);
        seen[offset / NET_CHUNK_BYTES] = true;
    }
    assert_false(chunk_pool_take(&chunks, 1, 100, &offset));
}

static void a_chunk_comes_back_once_with_its_owner(void **state)
{
    struct chunk chunk;
    uint32_t offset;

    (void)state;
    chunk_pool_init(&chunks, CHUNK_COUNT_MAX);
    assert_true(chunk_pool_take(&chunks, 77, 1234, &offset));
    assert_int_equal(chunk_pool_give(&chunks, offset + 5, &chunk), STATUS_OK);
    assert_int_equal(chunk.socket, 77);
    assert_int_equal(chunk.length, 1234);
    assert_int_equal(chunk_pool_give(&chunks, offset, &chunk), STATUS_BAD_DATA);
    assert_int_equal(chunk_pool_give(&chunks, NET_STACK_BUFFER_BYTES, &chunk), STATUS_BAD_DATA);
    assert_int_equal(chunk_pool_give(&chunks, UINT32_MAX, &chunk), STATUS_BAD_DATA);
    assert_int_equal(chunks.free_count, CHUNK_COUNT_MAX);
}

/* --- packet memory --- */

static int packet_memory_setup(void **state)
{
    *state = aligned_alloc(64, PACKET_MEMORY_BYTES);
    memset(*state, 0, PACKET_MEMORY_BYTES);
    packet_memory_init(*state);
    return 0;
}

static int packet_memory_teardown(void **state)
{
    free(*state);
    return 0;
}

static void blocks_have_room_and_are_found(void **state)
{
    uint8_t *block = packet_memory_allocate(1500);
    uint32_t offset;

    assert_non_null(block);
    memset(block, 0xff, 1500);
    assert_true(packet_memory_find(block + 100, 1400, &offset));
    assert_int_equal(offset, block + 100 - (uint8_t *)*state);
    assert_false(packet_memory_find(&offset, sizeof offset, &offset));
    assert_false(packet_memory_find((uint8_t *)*state + PACKET_MEMORY_BYTES - 1, 2, &offset));
    packet_memory_free(block);

    struct packet_memory_usage usage;
    packet_memory_usage(&usage);
    assert_int_equal(usage.used_bytes, 0);
}

static void bulk_data_leaves_frames_for_the_rest(void **state)
{
    static void *blocks[PACKET_FRAME_COUNT];
    size_t count = 0;

    (void)state;
    while (packet_memory_frames_for_data() > 0)
        blocks[count++] = packet_memory_allocate(1500);
    assert_int_equal(count, PACKET_FRAME_COUNT - PACKET_FRAME_RESERVE);
    assert_non_null(packet_memory_allocate(1500));
    for (size_t i = 0; i < count; i++)
        packet_memory_free(blocks[i]);
    assert_int_equal(packet_memory_frames_for_data(), count - 1);
}

static void exhausted_memory_refuses_and_counts(void **state)
{
    struct packet_memory_usage usage;

    (void)state;
    assert_null(packet_memory_allocate(PACKET_BIG_BYTES + 1));
    assert_null(packet_memory_allocate_zeroed(SIZE_MAX / 2, 4));
    for (unsigned i = 0; i < PACKET_BIG_COUNT; i++)
        assert_non_null(packet_memory_allocate(PACKET_BIG_BYTES));
    assert_null(packet_memory_allocate(PACKET_BIG_BYTES));
    packet_memory_usage(&usage);
    assert_int_equal(usage.refusals, 2);
}

/* --- checksum --- */

/* RFC 1071's definition, byte pair by byte pair. */
static uint16_t plain_checksum(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum += (uint32_t)bytes[i] << (i % 2 != 0 ? 8 : 0);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void checksums_agree_with_the_definition(void **state)
{
    uint8_t bytes[1600];

    (void)state;
    srand(1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rand();
    for (int length = 0; length < 1500; length++)
        assert_int_equal(checksum_of(bytes + length % 7, length),
                         plain_checksum(bytes + length % 7, (size_t)length));
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(checksum_of(bytes, 1500), plain_checksum(bytes, 1500));
}

/* --- send buffer --- */

enum { POOL_CHUNKS = 4 };

static struct send_chunk send_chunks[POOL_CHUNKS];
static uint8_t send_bytes[POOL_CHUNKS * SEND_CHUNK_BYTES];
static struct send_pool pool;

/* Commit `length` bytes; returns how many found room. */
static size_t commit(struct send_queue *q, size_t length)
{
    size_t sent = 0;

    while (sent < length) {
        size_t space;
        if (send_queue_reserve(&pool, q, &space) == NULL)
            break;
        space = space < length - sent ? space : length - sent;
        send_queue_commit(&pool, q, space);
        sent += space;
    }
    return sent;
}

static size_t hand_all(struct send_queue *q)
{
    uint32_t offset, length;
    size_t total = 0;

    while (send_queue_next(&pool, q, &offset, &length)) {
        assert_true(length > 0 && offset + length <= sizeof send_bytes);
        send_queue_handed(&pool, q, length);
        total += length;
    }
    return total;
}

static void sent_bytes_free_their_chunks(void **state)
{
    struct send_queue q = {0};

    (void)state;
    send_pool_init(&pool, send_chunks, send_bytes, POOL_CHUNKS);
    assert_int_equal(commit(&q, 10000), 10000);
    assert_int_equal(pool.free_count, 1);
    assert_int_equal(hand_all(&q), 10000);
    assert_int_equal(send_queue_done(&pool, &q, 5000), STATUS_OK);
    assert_int_equal(pool.free_count, 2);
    assert_int_equal(commit(&q, 100), 100);
    assert_int_equal(send_queue_done(&pool, &q, 5000), STATUS_OK);
    assert_int_equal(q.unsent_bytes, 100);
    assert_int_equal(hand_all(&q), 100);
    assert_int_equal(send_queue_done(&pool, &q, 100), STATUS_OK);
    assert_int_equal(pool.free_count, POOL_CHUNKS);
    assert_int_equal(q.first, 0);
}

static void queues_share_a_pool_until_it_is_empty(void **state)
{
    struct send_queue a = {0}, b = {0};

    (void)state;
    send_pool_init(&pool, send_chunks, send_bytes, POOL_CHUNKS);
    assert_int_equal(commit(&a, sizeof send_bytes), sizeof send_bytes);
    assert_int_equal(commit(&b, 1), 0);
    send_queue_clear(&pool, &a);
    assert_int_equal(commit(&b, 1), 1);
    send_queue_clear(&pool, &b);
    assert_int_equal(pool.free_count, POOL_CHUNKS);
}

static void more_done_than_handed_is_refused(void **state)
{
    struct send_queue q = {0};

    (void)state;
    send_pool_init(&pool, send_chunks, send_bytes, POOL_CHUNKS);
    assert_int_equal(commit(&q, 50), 50);
    assert_int_equal(send_queue_done(&pool, &q, 1), STATUS_BAD_DATA);
    assert_int_equal(hand_all(&q), 50);
    assert_int_equal(send_queue_done(&pool, &q, 51), STATUS_BAD_DATA);
    assert_int_equal(send_queue_done(&pool, &q, 50), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_number_never_reaches_its_successor),
        cmocka_unit_test(made_up_numbers_find_nothing),
        cmocka_unit_test(a_full_table_says_so_and_recovers),
        cmocka_unit_test(chunks_are_distinct_and_limited),
        cmocka_unit_test(a_chunk_comes_back_once_with_its_owner),
        cmocka_unit_test_setup_teardown(blocks_have_room_and_are_found, packet_memory_setup,
                                        packet_memory_teardown),
        cmocka_unit_test_setup_teardown(bulk_data_leaves_frames_for_the_rest, packet_memory_setup,
                                        packet_memory_teardown),
        cmocka_unit_test_setup_teardown(exhausted_memory_refuses_and_counts, packet_memory_setup,
                                        packet_memory_teardown),
        cmocka_unit_test(checksums_agree_with_the_definition),
        cmocka_unit_test(sent_bytes_free_their_chunks),
        cmocka_unit_test(queues_share_a_pool_until_it_is_empty),
        cmocka_unit_test(more_done_than_handed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
