/*
 * Handle tables against a plain model: a million random steps over three tables, and the rules
 * that a handle must keep one by one.  Frames that were freed are poison, so a link into a table
 * that is gone does not go unseen.
 */
// source: domains/handle.c
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/fake_frames.c
// include first: tests/host/fake_arch
#include "domains/handle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/syscall.h"
#include "fake_frames.h"

enum { TABLES = 3, OBJECTS = 8, STEPS = 100000, NODES_MAX = 2 * STEPS, FRAMES = 4096 };
enum { STEPS_USUAL = 1000000 };
enum { RIGHTS_PASS = RIGHT_DUPLICATE | RIGHT_TRANSFER };

static const uint64_t GENERATION_LAST = (UINT64_C(1) << 30) - 1;

static struct handle_table tables[TABLES];
static struct cross_domain crosses[TABLES];
static struct object objects[OBJECTS];
static unsigned destroyed;

static void on_destroy(struct object *object)
{
    (void)object;
    destroyed++;
}

static const struct object_class portal_class = {.type = OBJECT_PORTAL, .destroy = on_destroy};
static const struct object_class event_class = {.type = OBJECT_EVENT, .destroy = on_destroy};

static void table_start(unsigned t, uint32_t limit)
{
    handle_table_init(&tables[t], &crosses[t], limit);
}

static int setup(void **state)
{
    (void)state;
    fake_frames_init(FRAMES);
    for (unsigned i = 0; i < OBJECTS; i++)
        object_init(&objects[i], i % 2 == 0 ? &portal_class : &event_class);
    for (unsigned t = 0; t < TABLES; t++)
        table_start(t, 1000);
    destroyed = 0;
    return 0;
}

static handle_t insert(unsigned t, struct object *object, rights_t rights,
                       struct handle_slot *parent)
{
    handle_t h = 0;

    assert_int_equal(handle_insert(&tables[t], object, rights, 0, parent, &h), STATUS_OK);
    assert_true(h != 0);
    return h;
}

static struct handle_slot *slot_of(unsigned t, handle_t h)
{
    struct handle_slot *slot = NULL;

    assert_int_equal(handle_lookup(&tables[t], h, OBJECT_NONE, 0, &slot), STATUS_OK);
    return slot;
}

static bool is_live(unsigned t, handle_t h)
{
    struct handle_slot *slot;

    return handle_lookup(&tables[t], h, OBJECT_NONE, 0, &slot) == STATUS_OK;
}

/* What the portal path compares before it calls (vectors.S): nothing but bound and key. */
static bool path_would_call(unsigned t, uint64_t word)
{
    const uint32_t index = (uint32_t)word;

    if (crosses[t].chunk0[index % CHUNK_SLOTS].key == word)
        return true;
    if (index >> CHUNK_SLOTS_LOG2 >= crosses[t].chunk_count)
        return false;
    return crosses[t].chunks[index >> CHUNK_SLOTS_LOG2][index % CHUNK_SLOTS].key == word;
}

/* And before it signals; handles beyond the first chunk it leaves to C. */
static bool path_would_signal(unsigned t, uint64_t word)
{
    return (crosses[t].chunk0[word % CHUNK_SLOTS].key ^ KEY_SIGNALLABLE) == word;
}

/* Who lists the handles of a domain that is being taken apart reads nothing that has been freed. */
static void nothing_is_to_be_seen(unsigned t)
{
    handle_t h;

    for (uint32_t i = 0; i < handle_table_end(&tables[t]); i++)
        assert_null(handle_table_at(&tables[t], i, &h));
}

static void drain_and_destroy(unsigned t, unsigned budget)
{
    unsigned rounds = 0, left;
    bool empty;

    do {
        const uint32_t used = tables[t].used;
        left = budget;
        empty = handle_table_drain(&tables[t], &left);
        assert_int_equal(used - tables[t].used, budget - left); /* one for each that it closes */
        assert_true(rounds++ < 1000000);
    } while (!empty);
    assert_int_equal(tables[t].used, 0);
    while (!handle_table_destroy(&tables[t], budget)) {
        nothing_is_to_be_seen(t);
        assert_true(rounds++ < 1000000);
    }
    assert_int_equal(tables[t].chunk_frames, 0);
}

static void a_handle_names_its_object_type_and_rights(void **state)
{
    struct handle_slot *slot;

    (void)state;
    const handle_t h = insert(0, &objects[0], RIGHT_CALL | RIGHT_TRANSFER, NULL);
    assert_int_equal(handle_lookup(&tables[0], h, OBJECT_PORTAL, RIGHT_CALL, &slot), STATUS_OK);
    assert_ptr_equal(slot->object, &objects[0]);
    assert_ptr_equal(handle_slot_table(slot), &tables[0]);
    assert_int_equal(handle_lookup(&tables[0], h, OBJECT_EVENT, 0, &slot), STATUS_WRONG_TYPE);
    assert_int_equal(handle_lookup(&tables[0], h, OBJECT_PORTAL, RIGHT_CALL | RIGHT_MANAGE, &slot),
                     STATUS_NO_RIGHT);
    assert_int_equal(handle_lookup(&tables[1], h, OBJECT_NONE, 0, &slot), STATUS_BAD_HANDLE);
    handle_narrow(slot_of(0, h), RIGHT_TRANSFER | RIGHT_MANAGE);
    assert_int_equal(slot_of(0, h)->rights, RIGHT_TRANSFER);
}

static void words_that_were_never_issued_are_refused(void **state)
{
    struct handle_slot *slot;

    (void)state;
    const handle_t h = insert(0, &objects[0], RIGHT_ALL, NULL);
    const uint64_t words[] = {
        0,
        1, /* a slot that was never used, and its marks */
        2,
        3,
        h ^ KEY_SIGNALLABLE,
        h ^ 2,
        h ^ 3,
        UINT64_C(1) << 30,
        UINT64_C(1) << 31,
        CHUNK_SLOTS,
        UINT64_MAX,
        h | UINT64_C(1) << 31,
        h | UINT64_C(1) << 30,
        h | HANDLE_MOVE,
        h + 1, /* a free slot */
        h + (UINT64_C(1) << 32),
        (uint32_t)h,
        h & ~UINT64_C(0xffffffff),
    };

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(handle_lookup(&tables[0], words[i], OBJECT_NONE, 0, &slot),
                         STATUS_BAD_HANDLE);
        assert_int_equal(handle_lookup(&tables[1], words[i], OBJECT_NONE, 0, &slot),
                         STATUS_BAD_HANDLE);
    }
}

static void a_stale_handle_is_refused_after_its_slot_is_used_again(void **state)
{
    handle_t old[CHUNK_SLOTS];

    (void)state;
    /* Once around all free slots, and each is in use again under another name. */
    for (unsigned i = 1; i < CHUNK_SLOTS; i++) {
        old[i] = insert(0, &objects[0], RIGHT_CALL, NULL);
        handle_close(slot_of(0, old[i]));
    }
    for (unsigned i = 1; i < CHUNK_SLOTS; i++)
        assert_true(path_would_call(0, insert(0, &objects[0], RIGHT_CALL, NULL)));
    assert_int_equal(crosses[0].chunk_count, 1);
    for (unsigned i = 1; i < CHUNK_SLOTS; i++) {
        assert_false(is_live(0, old[i]));
        assert_false(path_would_call(0, old[i]));
    }
}

static void a_worn_out_slot_retires(void **state)
{
    (void)state;
    const uint32_t index = (uint32_t)insert(0, &objects[0], RIGHT_CALL, NULL);
    struct handle_slot *slot = &crosses[0].chunks[0][index];

    slot->key = GENERATION_LAST << 32 | index; /* as after 2^30 - 2 uses */
    const handle_t last = slot->key;
    handle_close(slot_of(0, last));
    assert_int_equal(tables[0].used, 0);
    assert_false(is_live(0, last));
    assert_false(path_would_call(0, last));
    for (unsigned i = 0; i < 3 * CHUNK_SLOTS; i++) {
        const handle_t h = insert(0, &objects[0], RIGHT_CALL, NULL);
        assert_true((uint32_t)h != index);
        handle_close(slot_of(0, h));
    }
}

static void slots_wear_evenly(void **state)
{
    uint64_t most = 0;

    (void)state;
    (void)insert(0, &objects[0], RIGHT_CALL, NULL);
    for (unsigned i = 0; i < 126 * 10; i++) {
        const handle_t h = insert(0, &objects[0], RIGHT_CALL, NULL);
        most = h >> 32 > most ? h >> 32 : most;
        handle_close(slot_of(0, h));
    }
    assert_true(most <= 11);
}

static void only_callable_portals_pass_the_key_comparison(void **state)
{
    (void)state;
    const handle_t portal = insert(0, &objects[0], RIGHT_CALL | RIGHTS_PASS, NULL);
    const handle_t mute = insert(0, &objects[0], RIGHT_ALL & ~(rights_t)RIGHT_CALL, NULL);
    const handle_t event = insert(0, &objects[1], RIGHT_ALL, NULL);
    const handle_t parent = insert(0, &objects[0], RIGHT_ALL, NULL);

    (void)insert(0, &objects[0], RIGHT_CALL, slot_of(0, parent));
    assert_true(path_would_call(0, portal));
    assert_false(path_would_call(0, mute));
    assert_false(path_would_call(0, event));
    assert_true(path_would_call(0, parent));
    handle_close(slot_of(0, parent));
    assert_false(path_would_call(0, parent));
    assert_false(is_live(0, parent));
    handle_narrow(slot_of(0, portal), RIGHTS_PASS);
    assert_false(path_would_call(0, portal));
    assert_true(is_live(0, portal));
}

static void only_events_that_may_be_signalled_pass_the_other_comparison(void **state)
{
    (void)state;
    const handle_t event = insert(0, &objects[1], RIGHT_ALL, NULL);
    const handle_t deaf = insert(0, &objects[1], RIGHT_ALL & ~(rights_t)RIGHT_SIGNAL, NULL);
    const handle_t portal = insert(0, &objects[0], RIGHT_ALL, NULL);

    assert_true(path_would_signal(0, event));
    assert_false(path_would_signal(0, deaf));
    assert_false(path_would_signal(0, portal));
    assert_false(path_would_signal(1, event)); /* a table without a chunk */
    handle_narrow(slot_of(0, event), RIGHTS_PASS);
    assert_false(path_would_signal(0, event));
    assert_true(is_live(0, event));
}

/* Whatever is passed, it gets through as the very handle of a live slot, or not at all. */
static void no_word_that_was_never_issued_passes_a_comparison(void **state)
{
    static const rights_t rights[] = {RIGHT_ALL, RIGHTS_PASS};
    handle_t made[2 * CHUNK_SLOTS];

    (void)state;
    for (unsigned i = 0; i < 2 * CHUNK_SLOTS - 20; i++)
        made[i] = insert(0, &objects[i % 2], rights[i / 2 % 2], NULL);
    for (unsigned i = 0; i < 2 * CHUNK_SLOTS - 20; i += 3)
        handle_close(slot_of(0, made[i]));
    for (unsigned c = 0; c < 2; c++)
        for (unsigned i = 0; i < CHUNK_SLOTS; i++)
            for (uint64_t change = 0; change < 2 * CHUNK_SLOTS; change++) {
                const uint64_t word = crosses[0].chunks[c][i].key ^ change;
                struct handle_slot *slot;
                const bool call =
                    handle_lookup(&tables[0], word, OBJECT_PORTAL, RIGHT_CALL, &slot) == STATUS_OK;
                const bool signal =
                    handle_lookup(&tables[0], word, OBJECT_EVENT, RIGHT_SIGNAL, &slot) == STATUS_OK;
                assert_int_equal(path_would_call(0, word), call);
                assert_int_equal(path_would_signal(0, word),
                                 signal && (uint32_t)word < CHUNK_SLOTS);
            }
    for (uint64_t word = 0; word < 2 * CHUNK_SLOTS; word++) {
        assert_false(path_would_call(0, word) || path_would_signal(0, word));
        assert_false(path_would_call(1, word) || path_would_signal(1, word));
    }
}

static void the_quota_bounds_handles_and_what_fails_takes_no_reference(void **state)
{
    handle_t h;

    (void)state;
    tables[0].limit = 3;
    for (unsigned i = 0; i < 3; i++)
        (void)insert(0, &objects[0], RIGHT_ALL, NULL);
    const uint32_t references = objects[0].references;
    assert_int_equal(handle_insert(&tables[0], &objects[0], RIGHT_ALL, 0, NULL, &h),
                     STATUS_OUT_OF_QUOTA);
    assert_int_equal(objects[0].references, references);
    assert_int_equal(tables[0].used, 3);
}

/* Closing what stands between two leaves them parent and child. */
static void closing_passes_the_children_on_and_frees_the_slot(void **state)
{
    (void)state;
    const handle_t top = insert(0, &objects[0], RIGHT_ALL, NULL);
    const handle_t middle = insert(0, &objects[0], RIGHT_ALL, slot_of(0, top));
    const handle_t child = insert(1, &objects[0], RIGHT_ALL, slot_of(0, middle));

    handle_close(slot_of(0, middle));
    assert_int_equal(tables[0].used, 1);
    assert_true(is_live(1, child));
    assert_true(handle_revoke_some(slot_of(0, top), 2));
    assert_false(is_live(1, child));
    assert_int_equal(tables[1].used, 0);
    assert_int_equal(objects[0].references, 2);
}

/*
 * A hundred thousand children, spread over tables, pass to whoever their parent is moved to, and up
 * when it is closed: in no more time than one, which `steps` counts in handles that are closed.
 */
static void any_number_of_children_moves_at_once_and_is_revoked_in_steps(void **state)
{
    enum { CHILDREN = 100000, PER_STEP = 8 };
    handle_t moved;
    unsigned steps = 0;

    (void)state;
    fake_frames_init(1U << 18);
    for (unsigned t = 0; t < TABLES; t++)
        table_start(t, UINT32_MAX);
    const handle_t root = insert(0, &objects[0], RIGHT_ALL, NULL);
    const handle_t middle = insert(0, &objects[0], RIGHT_ALL, slot_of(0, root));
    for (unsigned i = 0; i < CHILDREN; i++)
        (void)insert(i % TABLES, &objects[0], RIGHT_ALL, slot_of(0, middle));
    const uint64_t word = middle | HANDLE_MOVE;
    assert_int_equal(handles_transfer(&tables[0], &tables[1], &word, 1, &moved), STATUS_OK);
    assert_int_equal(objects[0].references, 3 + CHILDREN);
    handle_close(slot_of(1, moved));
    while (!handle_revoke_some(slot_of(0, root), PER_STEP))
        steps++;
    assert_true(steps == CHILDREN / PER_STEP - 1);
    assert_int_equal(tables[0].used + tables[1].used + tables[2].used, 1);
    for (unsigned t = 0; t < TABLES; t++)
        drain_and_destroy(t, 100);
    assert_int_equal(fake_frames_used(), 0);
}

static void a_table_grows_beyond_its_inline_chunks_and_gives_all_back(void **state)
{
    enum { COUNT = 127 * CHUNKS_INLINE + 200 };
    static handle_t handles[COUNT];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        handles[i] = insert(0, &objects[i % OBJECTS], RIGHT_CALL, NULL);
    assert_true(crosses[0].chunks != tables[0].inline_chunks);
    assert_int_equal(crosses[0].chunk_count, 6);
    assert_int_equal(fake_frames_used(), tables[0].chunk_frames);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_ptr_equal(slot_of(0, handles[i])->object, &objects[i % OBJECTS]);
        assert_int_equal(path_would_call(0, handles[i]), i % OBJECTS % 2 == 0);
    }
    drain_and_destroy(0, 7);
    assert_int_equal(fake_frames_used(), 0);
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_int_equal(objects[i].references, 1);
}

static void a_table_ends_at_its_most_chunks(void **state)
{
    handle_t h;

    (void)state;
    tables[0].limit = UINT32_MAX;
    for (unsigned i = 0; i < 127 * CHUNKS_MAX; i++)
        (void)insert(0, &objects[0], RIGHT_CALL, NULL);
    assert_int_equal(handle_insert(&tables[0], &objects[0], RIGHT_CALL, 0, NULL, &h),
                     STATUS_OUT_OF_QUOTA);
    drain_and_destroy(0, 1000);
    assert_int_equal(fake_frames_used(), 0);
}

static void without_memory_an_insertion_changes_nothing(void **state)
{
    handle_t h;

    (void)state;
    /* Each chunk is two frames, the directory behind the fourth is one. */
    for (uint64_t left = 0; left < 11; left++) {
        fake_frames_init(left);
        table_start(0, 1000);
        objects[0].references = 1;
        uint32_t got = 0;
        while (handle_insert(&tables[0], &objects[0], RIGHT_CALL, 0, NULL, &h) == STATUS_OK)
            got++;
        assert_int_equal(objects[0].references, 1 + got);
        assert_int_equal(got, left < 8 ? left / 2 * 127 : 4 * 127);
        assert_int_equal(tables[0].used, got);
        assert_int_equal(handle_insert(&tables[0], &objects[0], RIGHT_CALL, 0, NULL, &h),
                         STATUS_OUT_OF_MEMORY);
        drain_and_destroy(0, 100);
        assert_int_equal(fake_frames_used(), 0);
        assert_int_equal(objects[0].references, 1);
    }
}

static void revoking_takes_all_descendants_wherever_they_are(void **state)
{
    handle_t deep[40];

    (void)state;
    const handle_t top = insert(0, &objects[0], RIGHT_ALL, NULL);
    const handle_t beside = insert(0, &objects[0], RIGHT_ALL, NULL);
    deep[0] = insert(1, &objects[0], RIGHT_ALL, slot_of(0, top));
    for (unsigned i = 1; i < 40; i++)
        deep[i] = insert(i % TABLES, &objects[0], RIGHT_ALL,
                         slot_of(i == 1 ? 1 : (i - 1) % TABLES, deep[i - 1]));
    handle_close(slot_of(5 % TABLES, deep[5])); /* the chain holds over a gap */

    unsigned steps = 1;
    while (!handle_revoke_some(slot_of(0, top), 1))
        assert_true(steps++ <= 2 * 40);
    assert_false(is_live(1, deep[0]));
    for (unsigned i = 1; i < 40; i++)
        assert_false(is_live(i % TABLES, deep[i]));
    assert_true(is_live(0, top));
    assert_true(is_live(0, beside));
    assert_int_equal(tables[0].used, 2);
    assert_int_equal(tables[1].used, 0);
    assert_int_equal(tables[2].used, 0);
    assert_int_equal(objects[0].references, 3);
}

static void a_duplicate_passed_is_a_child_and_a_moved_one_takes_the_place(void **state)
{
    handle_t out[PORTAL_HANDLES];

    (void)state;
    const handle_t root = insert(0, &objects[0], RIGHT_ALL, NULL);
    const handle_t middle = insert(0, &objects[0], RIGHT_ALL, slot_of(0, root));
    const handle_t leaf = insert(0, &objects[0], RIGHT_ALL, slot_of(0, middle));
    const uint64_t words[PORTAL_HANDLES] = {middle | HANDLE_MOVE, 0, root};

    assert_int_equal(handles_transfer(&tables[0], &tables[1], words, PORTAL_HANDLES, out),
                     STATUS_OK);
    assert_int_equal(out[1], 0);
    assert_int_equal(out[3], 0);
    assert_false(is_live(0, middle));
    assert_true(is_live(0, leaf));
    assert_true(handle_revoke_some(slot_of(1, out[0]), 100));
    assert_false(is_live(0, leaf));
    assert_true(is_live(1, out[2]));
    assert_true(handle_revoke_some(slot_of(0, root), 100));
    assert_false(is_live(1, out[0]));
    assert_false(is_live(1, out[2]));
    assert_int_equal(tables[1].used, 0);
}

static void a_transfer_that_fails_passes_nothing(void **state)
{
    handle_t out[PORTAL_HANDLES];

    (void)state;
    const handle_t good = insert(0, &objects[0], RIGHT_ALL, NULL);
    const handle_t fixed = insert(0, &objects[0], RIGHT_ALL & ~(rights_t)RIGHT_TRANSFER, NULL);
    const handle_t single = insert(0, &objects[0], RIGHT_ALL & ~(rights_t)RIGHT_DUPLICATE, NULL);
    const struct {
        uint64_t words[PORTAL_HANDLES];
        enum status status;
    } cases[] = {
        {{good | HANDLE_MOVE, good + 50}, STATUS_BAD_HANDLE},
        {{good | HANDLE_MOVE, good}, STATUS_BAD_HANDLE},
        {{good | HANDLE_MOVE, 0, 0, good | HANDLE_MOVE}, STATUS_BAD_HANDLE},
        {{good, HANDLE_MOVE}, STATUS_BAD_HANDLE},
        {{good, fixed}, STATUS_NO_RIGHT},
        {{good, fixed | HANDLE_MOVE}, STATUS_NO_RIGHT},
        {{good | HANDLE_MOVE, 0, single}, STATUS_NO_RIGHT},
        {{good, good, good, good}, STATUS_OUT_OF_QUOTA},
    };

    tables[1].limit = 3;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            handles_transfer(&tables[0], &tables[1], cases[i].words, PORTAL_HANDLES, out),
            cases[i].status);
        assert_int_equal(tables[0].used, 3);
        assert_int_equal(tables[1].used, 0);
        assert_int_equal(objects[0].references, 4);
    }
    const uint64_t move_single[] = {single | HANDLE_MOVE};
    assert_int_equal(handles_transfer(&tables[0], &tables[1], move_single, 1, out), STATUS_OK);
    assert_false(is_live(0, single));
    assert_true(is_live(1, out[0]));
}

/*
 * A table that is taken apart may be between a parent and children that live on.  However small
 * the steps, nothing points into it when it is gone.
 */
static void draining_leaves_no_link_into_the_table(void **state)
{
    (void)state;
    for (unsigned closed = 0; closed < 2; closed++) {
        for (unsigned children = 0; children < 6; children++) {
            for (unsigned budget = 1; budget < 8; budget++) {
                handle_t leaves[6];
                setup(NULL);
                const handle_t root = insert(0, &objects[0], RIGHT_ALL, NULL);
                const handle_t middle = insert(1, &objects[0], RIGHT_ALL, slot_of(0, root));
                for (unsigned i = 0; i < children; i++)
                    leaves[i] = insert(2, &objects[0], RIGHT_ALL, slot_of(1, middle));
                if (closed)
                    handle_close(slot_of(1, middle));
                drain_and_destroy(1, budget);
                for (unsigned i = 0; i < children; i++)
                    assert_true(is_live(2, leaves[i]));
                assert_true(handle_revoke_some(slot_of(0, root), 100));
                for (unsigned i = 0; i < children; i++)
                    assert_false(is_live(2, leaves[i]));
                handle_close(slot_of(0, root));
                assert_int_equal(tables[0].used, 0);
                assert_int_equal(objects[0].references, 1);
            }
        }
    }
}

/* The model: every handle ever made, and from which it was derived. */
struct node {
    unsigned table;
    handle_t handle;
    struct object *object;
    rights_t rights;
    uint64_t badge;
    int parent; /* -1: none.  Closed ones stay in the chain. */
    bool live;
};

static struct node nodes[NODES_MAX];
static int node_count;
static int live[NODES_MAX]; /* indices of live nodes, in no order */
static int live_count;
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static void model_add(unsigned table, handle_t h, const struct node *like, int parent)
{
    assert_true(node_count < NODES_MAX);
    nodes[node_count] = *like;
    nodes[node_count].table = table;
    nodes[node_count].handle = h;
    nodes[node_count].parent = parent;
    nodes[node_count].live = true;
    live[live_count++] = node_count++;
}

static bool model_descends(int node, int ancestor)
{
    for (int n = nodes[node].parent; n >= 0; n = nodes[n].parent)
        if (n == ancestor)
            return true;
    return false;
}

static void model_sweep(void)
{
    for (int i = 0; i < live_count;)
        if (nodes[live[i]].live)
            i++;
        else
            live[i] = live[--live_count];
}

static void check_node(int n)
{
    const struct node *node = &nodes[n];
    struct handle_slot *slot;
    const enum status status =
        handle_lookup(&tables[node->table], node->handle, OBJECT_NONE, 0, &slot);

    if (!node->live) {
        assert_int_equal(status, STATUS_BAD_HANDLE);
        assert_false(path_would_call(node->table, node->handle));
        return;
    }
    assert_int_equal(status, STATUS_OK);
    assert_ptr_equal(slot->object, node->object);
    assert_int_equal(slot->rights, node->rights);
    assert_true(slot->badge == node->badge);
    assert_ptr_equal(handle_slot_table(slot), &tables[node->table]);
    assert_int_equal(path_would_call(node->table, node->handle),
                     node->object->class->type == OBJECT_PORTAL
                         && (node->rights & RIGHT_CALL) != 0);
}

static void check_all(void)
{
    uint32_t references[OBJECTS] = {0};
    uint32_t in_table[TABLES] = {0};

    for (int i = 0; i < live_count; i++) {
        const struct node *node = &nodes[live[i]];
        check_node(live[i]);
        references[node->object - objects]++;
        in_table[node->table]++;
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_int_equal(objects[i].references, references[i] + 1);
    uint64_t frames = 0;
    for (unsigned t = 0; t < TABLES; t++) {
        handle_t h;
        uint32_t listed = 0;
        for (uint32_t i = 0; i < handle_table_end(&tables[t]); i++) {
            const struct handle_slot *slot = handle_table_at(&tables[t], i, &h);
            if (slot == NULL)
                continue;
            assert_ptr_equal(slot_of(t, h), slot);
            listed++;
        }
        assert_int_equal(listed, in_table[t]);
        assert_int_equal(tables[t].used, listed);
        assert_true(listed <= tables[t].limit);
        frames += tables[t].chunk_frames;
    }
    assert_int_equal(fake_frames_used(), frames);
}

static void step_insert(unsigned t)
{
    handle_t h;
    const struct node fresh = {
        .object = &objects[random_below(OBJECTS)],
        .rights = random_below(4) != 0 ? RIGHT_ALL : random_below(RIGHT_ALL + 1),
        .badge = random_below(1000),
    };

    if (handle_insert(&tables[t], fresh.object, fresh.rights, fresh.badge, NULL, &h) == STATUS_OK)
        model_add(t, h, &fresh, -1);
}

static void step_duplicate(int n)
{
    const unsigned t = nodes[n].table;
    handle_t h;
    struct node copy = nodes[n];

    copy.rights &= random_below(3) != 0 ? RIGHT_ALL : random_below(RIGHT_ALL + 1);
    if (handle_insert(&tables[t], copy.object, copy.rights, copy.badge, slot_of(t, copy.handle), &h)
        == STATUS_OK)
        model_add(t, h, &copy, n);
}

static void step_close(int n)
{
    handle_close(slot_of(nodes[n].table, nodes[n].handle));
    nodes[n].live = false;
    model_sweep();
}

static void step_narrow(int n)
{
    const rights_t keep = random_below(RIGHT_ALL + 1);

    handle_narrow(slot_of(nodes[n].table, nodes[n].handle), keep);
    nodes[n].rights &= keep;
}

static void step_revoke(int n)
{
    const unsigned budget = 1 + random_below(20);

    while (!handle_revoke_some(slot_of(nodes[n].table, nodes[n].handle), budget)) {
    }
    for (int i = 0; i < live_count; i++)
        if (model_descends(live[i], n))
            nodes[live[i]].live = false;
    model_sweep();
}

/* What becomes of the word at `at`, as the ABI promises it, quota aside. */
static enum status model_transfer_check(unsigned from, const uint64_t *words, const int *named,
                                        unsigned at)
{
    const struct node *node = &nodes[named[at]];
    const bool moves = (words[at] & HANDLE_MOVE) != 0;

    for (unsigned i = 0; i < at; i++)
        if (words[i] != 0 && (words[i] & HANDLE_MOVE) != 0 && named[i] == named[at])
            return STATUS_BAD_HANDLE;
    if (!node->live || node->table != from)
        return STATUS_BAD_HANDLE;
    if ((node->rights & RIGHT_TRANSFER) == 0 || (!moves && (node->rights & RIGHT_DUPLICATE) == 0))
        return STATUS_NO_RIGHT;
    return STATUS_OK;
}

static void step_transfer(unsigned from, unsigned to)
{
    uint64_t words[PORTAL_HANDLES] = {0};
    int named[PORTAL_HANDLES] = {0};
    handle_t out[PORTAL_HANDLES];
    enum status expected = STATUS_OK;
    unsigned passed = 0;

    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (live_count == 0 || random_below(3) == 0)
            continue;
        /* Mostly live handles of the right table, now and then any that ever was. */
        named[i] = live[random_below((uint32_t)live_count)];
        for (unsigned tries = 0; nodes[named[i]].table != from && tries < 20; tries++)
            named[i] = live[random_below((uint32_t)live_count)];
        if (random_below(20) == 0 || nodes[named[i]].table != from)
            continue;
        words[i] = nodes[named[i]].handle | (random_below(2) != 0 ? HANDLE_MOVE : 0);
    }
    for (unsigned i = 0; i < PORTAL_HANDLES && expected == STATUS_OK; i++) {
        if (words[i] == 0)
            continue;
        expected = model_transfer_check(from, words, named, i);
        if (expected == STATUS_OK && tables[to].used + passed >= tables[to].limit)
            expected = STATUS_OUT_OF_QUOTA;
        passed++;
    }
    assert_int_equal(handles_transfer(&tables[from], &tables[to], words, PORTAL_HANDLES, out),
                     expected);
    if (expected != STATUS_OK)
        return;
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (words[i] == 0)
            assert_int_equal(out[i], 0);
        else if ((words[i] & HANDLE_MOVE) == 0)
            model_add(to, out[i], &nodes[named[i]], named[i]);
    }
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (words[i] == 0 || (words[i] & HANDLE_MOVE) == 0)
            continue;
        struct node *moved = &nodes[named[i]];
        /* What it was called is stale now; what it is called is the same node of the tree. */
        assert_false(is_live(from, moved->handle));
        moved->table = to;
        moved->handle = out[i];
    }
}

static void step_drain(unsigned t)
{
    const uint32_t limit = tables[t].limit;

    drain_and_destroy(t, 1 + random_below(40));
    table_start(t, limit);
    for (int i = 0; i < live_count; i++)
        if (nodes[live[i]].table == t)
            nodes[live[i]].live = false;
    model_sweep();
    /* The new table issues the old one's names again: those are another domain's. */
    for (int n = 0; n < node_count; n++)
        if (nodes[n].table == t)
            nodes[n].handle = 0;
}

static void step_random(void)
{
    const unsigned t = random_below(TABLES);
    const unsigned kind = random_below(1000);
    const int n = live_count == 0 ? -1 : live[random_below((uint32_t)live_count)];

    if (kind < 300 || n < 0)
        step_insert(t);
    else if (kind < 550)
        step_duplicate(n);
    else if (kind < 750)
        step_transfer(t, random_below(TABLES));
    else if (kind < 960)
        step_close(n);
    else if (kind < 980)
        step_narrow(n);
    else if (kind < 998)
        step_revoke(n);
    else
        step_drain(t);
}

/* From empty tables to empty tables; the model remembers every node of it. */
static void episode(uint64_t seed)
{
    static const uint32_t limits[TABLES] = {1200, 600, 50};

    random_state = seed;
    fake_frames_init(1U << 18);
    node_count = 0;
    live_count = 0;
    for (unsigned t = 0; t < TABLES; t++)
        table_start(t, limits[t]);
    for (unsigned step = 0; step < STEPS; step++) {
        step_random();
        if (node_count > 0)
            check_node((int)random_below((uint32_t)node_count));
        if (step % 500 == 0)
            check_all();
    }
    check_all();
    for (unsigned t = 0; t < TABLES; t++)
        step_drain(t);
    check_all();
    assert_int_equal(fake_frames_used(), 0);
    assert_int_equal(destroyed, 0);
}

/* ROTUNDA_STEPS in the environment asks for another number of steps. */
static void random_steps_match_the_model(void **state)
{
    const char *asked = getenv("ROTUNDA_STEPS");
    const uint64_t steps = asked == NULL ? STEPS_USUAL : strtoull(asked, NULL, 10);

    (void)state;
    for (uint64_t done = 0; done < steps; done += STEPS)
        episode(20260101 + done);
    print_message("%llu operations, equal to the model\n", (unsigned long long)steps);
}

static void the_last_handle_destroys_the_object(void **state)
{
    (void)state;
    const handle_t h = insert(0, &objects[0], RIGHT_ALL, NULL);

    object_put(&objects[0]);
    assert_int_equal(destroyed, 0);
    handle_close(slot_of(0, h));
    assert_int_equal(destroyed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_handle_names_its_object_type_and_rights, setup),
        cmocka_unit_test_setup(words_that_were_never_issued_are_refused, setup),
        cmocka_unit_test_setup(a_stale_handle_is_refused_after_its_slot_is_used_again, setup),
        cmocka_unit_test_setup(a_worn_out_slot_retires, setup),
        cmocka_unit_test_setup(slots_wear_evenly, setup),
        cmocka_unit_test_setup(only_callable_portals_pass_the_key_comparison, setup),
        cmocka_unit_test_setup(only_events_that_may_be_signalled_pass_the_other_comparison, setup),
        cmocka_unit_test_setup(no_word_that_was_never_issued_passes_a_comparison, setup),
        cmocka_unit_test_setup(the_quota_bounds_handles_and_what_fails_takes_no_reference, setup),
        cmocka_unit_test_setup(closing_passes_the_children_on_and_frees_the_slot, setup),
        cmocka_unit_test_setup(any_number_of_children_moves_at_once_and_is_revoked_in_steps, setup),
        cmocka_unit_test_setup(a_table_grows_beyond_its_inline_chunks_and_gives_all_back, setup),
        cmocka_unit_test_setup(a_table_ends_at_its_most_chunks, setup),
        cmocka_unit_test_setup(without_memory_an_insertion_changes_nothing, setup),
        cmocka_unit_test_setup(revoking_takes_all_descendants_wherever_they_are, setup),
        cmocka_unit_test_setup(a_duplicate_passed_is_a_child_and_a_moved_one_takes_the_place,
                               setup),
        cmocka_unit_test_setup(a_transfer_that_fails_passes_nothing, setup),
        cmocka_unit_test_setup(draining_leaves_no_link_into_the_table, setup),
        cmocka_unit_test_setup(random_steps_match_the_model, setup),
        cmocka_unit_test_setup(the_last_handle_destroys_the_object, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
