#include "domains/handle.h"

#include "abi/syscall.h"
#include "arch/mmu.h"
#include "arch/zero.h"
#include "base/bits.h"
#include "base/string.h"
#include "domains/frame.h"

/*
 * A slot's key is its handle, generation << 32 | index, and two marks.  A slot that the portal
 * path may use as it stands (a portal, right to call) has neither, so comparing the key with
 * the word that the caller passed checks everything at once.  The marks are bits of the index that
 * no slot has: a word that contains them leads to no slot at all, so nobody can add them.
 *
 *     free  --insert-->  live  --close-->  free, generation + 1
 *                          |                ^
 *                          +-- close, has children --> tombstone, until the last child goes
 */
#define KEY_NOT_CALLABLE BIT(31)
#define KEY_NOT_LIVE     BIT(30)
#define KEY_MARKS        (KEY_NOT_CALLABLE | KEY_NOT_LIVE)

enum { GENERATION_MAX = (1 << 30) - 1, CHUNK_ORDER = 1 };
_Static_assert(CHUNKS_MAX << CHUNK_SLOTS_LOG2 <= KEY_NOT_LIVE, "no index reaches the marks");

/* The tree of derivation, in the chunk's second page. */
struct handle_links {
    struct handle_slot *parent;
    struct handle_slot *first_child;
    struct handle_slot *next; /* siblings */
    struct handle_slot *prev;
};
_Static_assert(sizeof(struct handle_links) == sizeof(struct handle_slot), "parallel arrays");

static struct handle_links *links_of(const struct handle_slot *slot)
{
    return (struct handle_links *)((uintptr_t)slot + PAGE_BYTES);
}

static struct handle_slot *chunk_of(const struct handle_slot *slot)
{
    return (struct handle_slot *)align_down((uintptr_t)slot, PAGE_BYTES);
}

struct handle_table *handle_slot_table(const struct handle_slot *slot)
{
    return (struct handle_table *)(void *)chunk_of(slot)->object;
}

static uint32_t slot_index(const struct handle_slot *slot)
{
    return (uint32_t)(slot->key & ~KEY_MARKS);
}

static uint32_t slot_generation(const struct handle_slot *slot)
{
    return (uint32_t)((slot->key & ~KEY_MARKS) >> 32);
}

static struct handle_slot *slot_at(const struct handle_table *table, uint32_t index)
{
    return table->cross->chunks[index >> CHUNK_SLOTS_LOG2] + index % CHUNK_SLOTS;
}

void handle_table_init(struct handle_table *table, struct cross_domain *cross, uint32_t limit)
{
    *table = (struct handle_table){.cross = cross, .limit = limit};
    cross->chunks = table->inline_chunks;
    cross->chunk_count = 0;
}

/* The list of free slots is a queue, so that no slot's generations run out before the others'. */
static void free_append(struct handle_table *table, struct handle_slot *slot)
{
    slot->next_free = 0;
    if (table->first_free == 0)
        table->first_free = slot_index(slot);
    else
        slot_at(table, table->last_free)->next_free = slot_index(slot);
    table->last_free = slot_index(slot);
}

/* The directory of chunks outgrows the table's own: move it to a frame. */
static enum status directory_grow(struct handle_table *table)
{
    paddr_t address;
    const enum status status = frame_allocate(0, FRAME_OBJECT, &address);

    if (status != STATUS_OK)
        return status;
    struct handle_slot **directory = direct_map(address);
    zero_page(directory);
    memcpy(directory, table->inline_chunks, sizeof(table->inline_chunks));
    table->cross->chunks = directory;
    table->chunk_frames++;
    return STATUS_OK;
}

static enum status table_grow(struct handle_table *table)
{
    const uint64_t count = table->cross->chunk_count;
    paddr_t address;

    if (count == CHUNKS_MAX)
        return STATUS_OUT_OF_QUOTA;
    if (count == CHUNKS_INLINE && table->cross->chunks == table->inline_chunks) {
        const enum status status = directory_grow(table);
        if (status != STATUS_OK)
            return status;
    }
    const enum status status = frame_allocate(CHUNK_ORDER, FRAME_OBJECT, &address);
    if (status != STATUS_OK)
        return status;

    struct handle_slot *chunk = direct_map(address);
    zero_page(chunk);
    zero_page(chunk + CHUNK_SLOTS);
    table->cross->chunks[count] = chunk;
    chunk->key = KEY_MARKS;
    chunk->object = (struct object *)(void *)table;
    for (uint32_t i = 1; i < CHUNK_SLOTS; i++) {
        chunk[i].key = KEY_MARKS | BIT(32) | (count << CHUNK_SLOTS_LOG2) | i;
        chunk[i].next_free = i + 1 < CHUNK_SLOTS ? slot_index(&chunk[i]) + 1 : 0;
    }
    table->cross->chunk_count = count + 1;
    table->first_free = slot_index(&chunk[1]);
    table->last_free = slot_index(&chunk[CHUNK_SLOTS - 1]);
    table->chunk_frames += 1U << CHUNK_ORDER;
    return STATUS_OK;
}

static void key_refresh(struct handle_slot *slot)
{
    const bool callable =
        slot->object->class->type == OBJECT_PORTAL && (slot->rights & RIGHT_CALL) != 0;

    slot->key = (slot->key & ~KEY_MARKS) | (callable ? 0 : KEY_NOT_CALLABLE);
}

static void child_link(struct handle_slot *parent, struct handle_slot *child)
{
    struct handle_links *links = links_of(child);

    links->parent = parent;
    links->prev = NULL;
    links->next = links_of(parent)->first_child;
    if (links->next != NULL)
        links_of(links->next)->prev = child;
    links_of(parent)->first_child = child;
}

static void child_unlink(struct handle_slot *child)
{
    struct handle_links *links = links_of(child);

    if (links->parent == NULL)
        return;
    if (links->prev != NULL)
        links_of(links->prev)->next = links->next;
    else
        links_of(links->parent)->first_child = links->next;
    if (links->next != NULL)
        links_of(links->next)->prev = links->prev;
    *links = (struct handle_links){.first_child = links->first_child};
}

enum status handle_insert(struct handle_table *table, struct object *object, rights_t rights,
                          uint64_t badge, struct handle_slot *parent, handle_t *out)
{
    if (table->used >= table->limit)
        return STATUS_OUT_OF_QUOTA;
    if (table->first_free == 0) {
        const enum status status = table_grow(table);
        if (status != STATUS_OK)
            return status;
    }

    struct handle_slot *slot = slot_at(table, table->first_free);
    table->first_free = slot->next_free;
    table->used++;
    slot->object = object;
    slot->badge = badge;
    slot->rights = rights;
    key_refresh(slot);
    if (parent != NULL)
        child_link(parent, slot);
    *out = slot->key & ~KEY_MARKS;
    return STATUS_OK;
}

enum status handle_lookup(const struct handle_table *table, handle_t h, enum object_type type,
                          rights_t need, struct handle_slot **out)
{
    const uint32_t index = (uint32_t)h;

    if (index >> CHUNK_SLOTS_LOG2 >= table->cross->chunk_count)
        return STATUS_BAD_HANDLE;
    struct handle_slot *slot = slot_at(table, index);
    if ((slot->key & ~KEY_NOT_CALLABLE) != h || slot->object == NULL)
        return STATUS_BAD_HANDLE;
    if (type != OBJECT_NONE && slot->object->class->type != type)
        return STATUS_WRONG_TYPE;
    if ((slot->rights & need) != need)
        return STATUS_NO_RIGHT;
    *out = slot;
    return STATUS_OK;
}

/* A slot that names nothing and has no children goes back; so may its parent, then. */
static void slot_release(struct handle_slot *slot)
{
    while (slot != NULL && slot->object == NULL && links_of(slot)->first_child == NULL) {
        struct handle_slot *parent = links_of(slot)->parent;
        struct handle_table *table = handle_slot_table(slot);
        const uint32_t generation = slot_generation(slot);

        child_unlink(slot);
        table->used--;
        /* A slot that has run out of generations retires: reuse would revive old handles. */
        if (generation < GENERATION_MAX) {
            slot->key = KEY_MARKS | (uint64_t)(generation + 1) << 32 | slot_index(slot);
            free_append(table, slot);
        }
        slot = parent;
    }
}

void handle_close(struct handle_slot *slot)
{
    struct object *object = slot->object;

    slot->key |= KEY_MARKS;
    slot->object = NULL;
    slot->rights = 0;
    slot->badge = 0;
    slot_release(slot);
    /* Last, with the table consistent again: destroying `object` may close handles in it. */
    object_put(object);
}

void handle_narrow(struct handle_slot *slot, rights_t rights)
{
    slot->rights &= rights;
    key_refresh(slot);
}

/*
 * Each step is O(1), however deep the tree: a grandchild becomes a child, or a child without
 * children is closed.
 */
bool handle_revoke_some(struct handle_slot *slot, unsigned budget)
{
    for (; budget > 0; budget--) {
        struct handle_slot *child = links_of(slot)->first_child;
        if (child == NULL)
            return true;
        struct handle_slot *grandchild = links_of(child)->first_child;
        if (grandchild == NULL) {
            handle_close(child);
            continue;
        }
        child_unlink(grandchild);
        child_link(slot, grandchild);
        slot_release(child);
    }
    return links_of(slot)->first_child == NULL;
}

/* `heir` takes the place of `slot` in the tree, with all its children. */
static void links_inherit(struct handle_slot *slot, struct handle_slot *heir)
{
    struct handle_slot *parent = links_of(slot)->parent;
    struct handle_slot *child;

    child_unlink(heir);
    while ((child = links_of(slot)->first_child) != NULL) {
        child_unlink(child);
        child_link(heir, child);
    }
    child_unlink(slot);
    if (parent != NULL)
        child_link(parent, heir);
}

/* The slot that `word` lets the sender pass. */
static enum status transfer_lookup(struct handle_table *from, uint64_t word,
                                   struct handle_slot **out)
{
    const bool moves = (word & HANDLE_MOVE) != 0;
    const rights_t need = RIGHT_TRANSFER | (moves ? 0U : (rights_t)RIGHT_DUPLICATE);

    return handle_lookup(from, word & ~HANDLE_MOVE, OBJECT_NONE, need, out);
}

/* Whether a word before `at` moves the same handle: it is gone then. */
static bool is_moved_before(const uint64_t *words, unsigned at)
{
    for (unsigned i = 0; i < at; i++)
        if ((words[i] & HANDLE_MOVE) != 0
            && (words[i] & ~HANDLE_MOVE) == (words[at] & ~HANDLE_MOVE))
            return true;
    return false;
}

static void transfer_undo(struct handle_table *to, handle_t *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct handle_slot *slot;
        if (out[i] != 0 && handle_lookup(to, out[i], OBJECT_NONE, 0, &slot) == STATUS_OK)
            handle_close(slot);
        out[i] = 0;
    }
}

enum status handles_transfer(struct handle_table *from, struct handle_table *to,
                             const uint64_t *words, unsigned count, handle_t *out)
{
    struct handle_slot *source;

    /* First all as duplicates: that can fail, and can be undone. */
    for (unsigned i = 0; i < count; i++) {
        out[i] = 0;
        if (words[i] == 0)
            continue;
        enum status status = is_moved_before(words, i) ? STATUS_BAD_HANDLE
                                                       : transfer_lookup(from, words[i], &source);
        if (status == STATUS_OK) {
            object_get(source->object);
            status =
                handle_insert(to, source->object, source->rights, source->badge, source, &out[i]);
            if (status != STATUS_OK)
                object_put(source->object);
        }
        if (status != STATUS_OK) {
            transfer_undo(to, out, i);
            return status;
        }
    }
    /* Then those that move take their source's place. */
    for (unsigned i = 0; i < count; i++) {
        struct handle_slot *heir;
        if ((words[i] & HANDLE_MOVE) == 0
            || handle_lookup(from, words[i] & ~HANDLE_MOVE, OBJECT_NONE, 0, &source) != STATUS_OK
            || handle_lookup(to, out[i], OBJECT_NONE, 0, &heir) != STATUS_OK)
            continue;
        links_inherit(source, heir);
        handle_close(source);
    }
    return STATUS_OK;
}

struct handle_slot *handle_table_next(const struct handle_table *table, uint32_t from,
                                      handle_t *out)
{
    const uint64_t end = table->cross->chunk_count << CHUNK_SLOTS_LOG2;

    for (uint64_t i = from; i < end; i++) {
        struct handle_slot *slot = slot_at(table, (uint32_t)i);
        if (i % CHUNK_SLOTS == 0 || slot->object == NULL)
            continue;
        *out = slot->key & ~KEY_MARKS;
        return slot;
    }
    return NULL;
}

/* The children of a slot that is about to vanish become its parent's. */
static unsigned children_pass_up(struct handle_slot *slot, unsigned budget)
{
    struct handle_slot *parent = links_of(slot)->parent;
    struct handle_slot *child;

    for (; budget > 0 && (child = links_of(slot)->first_child) != NULL; budget--) {
        child_unlink(child);
        if (parent != NULL)
            child_link(parent, child);
    }
    return budget;
}

/*
 * Children may be in tables that live on, so no slot goes before it has none: neither a live one
 * nor a tombstone.
 */
bool handle_table_drain(struct handle_table *table, unsigned budget)
{
    const uint64_t end = table->cross->chunk_count << CHUNK_SLOTS_LOG2;

    for (; table->drained < end; table->drained++) {
        struct handle_slot *slot = slot_at(table, table->drained);
        if (table->drained % CHUNK_SLOTS == 0
            || (slot->object == NULL && links_of(slot)->first_child == NULL))
            continue;
        if (budget == 0)
            return false;
        budget = children_pass_up(slot, budget);
        if (links_of(slot)->first_child != NULL)
            return false;
        /* With its last child, whatever is left: a tombstone without any would pass for free. */
        if (slot->object != NULL)
            handle_close(slot);
        else
            slot_release(slot);
        if (budget > 0)
            budget--;
    }
    return true;
}

void handle_table_destroy(struct handle_table *table)
{
    struct cross_domain *cross = table->cross;

    for (uint64_t i = 0; i < cross->chunk_count; i++)
        frame_free(direct_map_physical(cross->chunks[i]));
    if (cross->chunks != table->inline_chunks)
        frame_free(direct_map_physical(cross->chunks));
    cross->chunks = table->inline_chunks;
    cross->chunk_count = 0;
    table->chunk_frames = 0;
}
