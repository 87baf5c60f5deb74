/*
 * The heap: alignment, contents, neighbours that grow together again, and random use that checks
 * every byte.
 */
// source: userland/runtime/src/heap.c
#include "userland/runtime/src/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEAP_BYTES = 1 << 18, BLOCKS = 200, STEPS = 200000 };

static struct heap heap;
static unsigned char *memory;

static int memory_make(void **state)
{
    (void)state;
    memory = calloc(1, HEAP_BYTES);
    return memory == NULL || !heap_setup(&heap, memory, memory + HEAP_BYTES) ? -1 : 0;
}

static int memory_drop(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

/* All is free again: the largest block is the whole. */
static void assert_whole(void)
{
    assert_int_equal(heap.used_bytes, 0);
    void *all = heap_allocate(&heap, heap.total_bytes * 15 / 16);

    assert_non_null(all);
    assert_true(heap_release(&heap, all));
}

static void blocks_are_aligned_and_apart(void **state)
{
    unsigned char *a = heap_allocate(&heap, 1);
    unsigned char *b = heap_allocate(&heap, 100);

    (void)state;
    assert_int_equal((uintptr_t)a % HEAP_ALIGNMENT, 0);
    assert_int_equal((uintptr_t)b % HEAP_ALIGNMENT, 0);
    assert_true(b >= a + 16 || a >= b + 100);
    assert_true(heap_release(&heap, a));
    assert_true(heap_release(&heap, b));
    assert_whole();
}

static void too_much_is_refused(void **state)
{
    (void)state;
    assert_null(heap_allocate(&heap, HEAP_BYTES));
    assert_null(heap_allocate(&heap, SIZE_MAX));
    assert_null(heap_allocate(&heap, SIZE_MAX - 20));
    assert_null(heap_allocate_aligned(&heap, 4096, SIZE_MAX - 4096));
    assert_whole();
}

static void tiny_memory_is_no_heap(void **state)
{
    struct heap tiny = {0};
    _Alignas(16) unsigned char bytes[64];

    (void)state;
    assert_false(heap_setup(&tiny, bytes, bytes + 32));
    assert_false(heap_setup(&tiny, bytes + 32, bytes));
    assert_true(heap_setup(&tiny, bytes, bytes + 64));
    assert_non_null(heap_allocate(&tiny, 16));
}

static void freeing_twice_is_noticed(void **state)
{
    void *a = heap_allocate(&heap, 50);

    (void)state;
    assert_true(heap_release(&heap, a));
    assert_false(heap_release(&heap, a));
    assert_whole();
}

static void block_grows_into_a_free_neighbour(void **state)
{
    unsigned char *a = heap_allocate(&heap, 1000);
    unsigned char *b = heap_allocate(&heap, 1000);
    unsigned char *c = heap_allocate(&heap, 1000);

    (void)state;
    assert_false(heap_resize(&heap, a, 1500));
    assert_true(heap_release(&heap, b));
    assert_true(heap_resize(&heap, a, 1500));
    assert_true(heap_size(a) >= 1500);
    assert_true(heap_resize(&heap, a, 100));
    assert_true(heap_size(a) < 200);
    assert_true(heap_release(&heap, c));
    assert_true(heap_release(&heap, a));
    assert_whole();
}

static void large_alignments_waste_nothing_for_ever(void **state)
{
    (void)state;
    for (size_t alignment = 32; alignment <= 65536; alignment *= 2) {
        void *front = heap_allocate(&heap, 24);
        unsigned char *p = heap_allocate_aligned(&heap, alignment, 333);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignment, 0);
        memset(p, 0xAA, 333);
        assert_true(heap_release(&heap, p));
        assert_true(heap_release(&heap, front));
        assert_whole();
    }
}

struct block {
    unsigned char *payload;
    size_t bytes;
    unsigned char fill;
};

static void block_check(const struct block *b)
{
    for (size_t i = 0; i < b->bytes; i++)
        assert_int_equal(b->payload[i], b->fill);
}

static void block_make(struct block *b, uint64_t random)
{
    b->bytes = random % 17 == 0 ? random / 17 % 20000 : random / 17 % 300;
    b->fill = (unsigned char)(random >> 20);
    b->payload = random % 5 == 0
                     ? heap_allocate_aligned(&heap, (size_t)16 << random / 5 % 6, b->bytes)
                     : heap_allocate(&heap, b->bytes);
    if (b->payload != NULL)
        memset(b->payload, b->fill, b->bytes);
}

static void block_change(struct block *b, uint64_t random)
{
    size_t bytes = random % 400;

    block_check(b);
    if (!heap_resize(&heap, b->payload, bytes))
        return;
    for (size_t i = 0; i < bytes && i < b->bytes; i++)
        assert_int_equal(b->payload[i], b->fill);
    b->bytes = bytes;
    memset(b->payload, b->fill, bytes);
}

static void random_use_keeps_every_byte(void **state)
{
    static struct block blocks[BLOCKS];
    uint64_t seed = 99;

    (void)state;
    for (unsigned step = 0; step < STEPS; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        struct block *b = &blocks[(seed >> 50) % BLOCKS];

        if (b->payload == NULL) {
            block_make(b, seed >> 16);
        } else if ((seed >> 8) % 3 == 0) {
            block_change(b, seed >> 16);
        } else {
            block_check(b);
            assert_true(heap_release(&heap, b->payload));
            b->payload = NULL;
        }
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        if (blocks[i].payload != NULL)
            assert_true(heap_release(&heap, blocks[i].payload));
    assert_whole();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(tiny_memory_is_no_heap),
        cmocka_unit_test(freeing_twice_is_noticed),
        cmocka_unit_test(block_grows_into_a_free_neighbour),
        cmocka_unit_test(large_alignments_waste_nothing_for_ever),
        cmocka_unit_test(random_use_keeps_every_byte),
    };

    return cmocka_run_group_tests(tests, memory_make, memory_drop);
}
