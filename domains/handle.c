#include "domains/handle.h"

#include "abi/syscall.h"
#include "arch/mmu.h"
#include "arch/zero.h"
#include "base/bits.h"
#include "base/path.h"
#include "base/string.h"
#include "domains/frame.h"

/*
 * A slot's key is its handle, generation << 32 | index, with a mark in its lowest bits by exclusive
 * or.  The portal path takes the slot's place in its chunk from those bits of the word that it was
 * passed, and compares the whole word with the key: they agree for no mark but KEY_CALLABLE, since
 * any other makes the key lead to another slot than the one it is in.  So one comparison checks
 * index, generation, kind and right; signalling an event does the same with its own mark.
 *
 *     never used  --insert-->  live  --close-->  free, generation + 1
 *                               ^                  |
 *                               +----- insert -----+
 */
enum { GENERATION_MAX = (1 << 30) - 1, CHUNK_ORDER = 1, DRAIN_LOOKS = 64 };

/* What a table without a chunk shows the portal path: no word names anything. */
static _Alignas(PAGE_BYTES) struct handle_slot empty_chunk[CHUNK_SLOTS] = {
    {.key = 0 ^ KEY_FREE}, /* the words 0, 1 and 2 would differ from zeroes by a mark only */
    {.key = 1 ^ KEY_FREE},
    {.key = 2 ^ KEY_FREE},
};

static handles_hold_fn *hold_others; /* NULL: there are none */

void handles_set_hold(handles_hold_fn *hold)
{
    hold_others = hold;
}

/*
 * The tree of derivation, in the chunk's second page.  Children are a list whose ends lead back to
 * their parent: `prev` of the first and `next` of the last.  A slot is its parent's first child
 * exactly if its `prev` says so, so a whole list of children passes to another parent, or to
 * another place among siblings, by its two ends, however long it is.
 */
struct handle_links {
    struct handle_slot *first_child; /* NULL: no children */
    struct handle_slot *last_child;
    struct handle_slot *next; /* sibling, or the parent; NULL: derived from nothing that lives */
    struct handle_slot *prev;
};
_Static_assert(sizeof(struct handle_links) == sizeof(struct handle_slot), "parallel arrays");

static struct handle_links *links_of(const struct handle_slot *slot)
{
    return (struct handle_links *)((uintptr_t)slot + PAGE_BYTES);
}

static struct handle_slot *chunk_of(const struct handle_slot *slot)
{
    return (struct handle_slot *)((uintptr_t)slot - page_offset(slot));
}

struct handle_table *handle_slot_table(const struct handle_slot *slot)
{
    return (struct handle_table *)(void *)chunk_of(slot)->object;
}

/* The handle that leads here, or led or will lead while it is free; its mark doesn't matter. */
static handle_t slot_handle(const struct handle_slot *slot)
{
    const uint64_t place = page_offset(slot) / sizeof(*slot);

    return align_down(slot->key, CHUNK_SLOTS) | place;
}

static uint32_t slot_index(const struct handle_slot *slot)
{
    return (uint32_t)slot_handle(slot);
}

static uint32_t slot_generation(const struct handle_slot *slot)
{
    return (uint32_t)(slot->key >> 32);
}

static struct handle_slot *slot_at(const struct handle_table *table, uint32_t index)
{
    const uint32_t chunk = index >> CHUNK_SLOTS_LOG2;

    return table->cross->chunks[chunk] + index % CHUNK_SLOTS;
}

void handle_table_init(struct handle_table *table, struct cross_domain *cross, uint32_t limit)
{
    *table = (struct handle_table){.cross = cross, .limit = limit};
    cross->chunk0 = empty_chunk;
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
COLD static enum status directory_grow(struct handle_table *table)
{
    paddr_t address;
    const enum status status = frame_allocate(0, FRAME_OBJECT, &address);

    if (status != STATUS_OK)
        return status;
    struct handle_slot **directory = direct_map(address);
    zero_page(directory);
    memcpy(directory, table->inline_chunks, sizeof(table->inline_chunks));
    if (hold_others != NULL)
        hold_others(); /* as in table_grow() */
    table->cross->chunks = directory;
    table->chunk_frames++;
    return STATUS_OK;
}

COLD static enum status table_grow(struct handle_table *table)
{
    const uint64_t count = table->cross->chunk_count;
    paddr_t address;

    if (table->used >= table->limit || count == CHUNKS_MAX)
        return STATUS_OUT_OF_QUOTA;
    if (count == CHUNKS_INLINE && table->cross->chunks == table->inline_chunks) {
        const enum status status = directory_grow(table);
        if (status != STATUS_OK)
            return status;
    }
    const enum status status = frame_allocate(CHUNK_ORDER, FRAME_OBJECT, &address);
    if (status != STATUS_OK)
        return status;

    if (count > 0 && hold_others != NULL)
        hold_others(); /* the paths read the directory's two words one after the other */
    struct handle_slot *chunk = direct_map(address);
    zero_page(chunk);
    zero_page(chunk + CHUNK_SLOTS);
    for (unsigned i = 0; i < 3; i++) /* as in `empty_chunk` */
        chunk[i].key = (count << CHUNK_SLOTS_LOG2 | i) ^ KEY_FREE;
    chunk->object = (struct object *)(void *)table;
    table->cross->chunks[count] = chunk;
    if (count == 0) /* pairs with the loads through it */
        __atomic_store_n(&table->cross->chunk0, chunk, __ATOMIC_RELEASE);
    table->cross->chunk_count = count + 1;
    table->fresh = BIT(32) + (count << CHUNK_SLOTS_LOG2) + 1;
    table->chunk_frames += 1U << CHUNK_ORDER;
    return STATUS_OK;
}

/*
 * A slot that has never been used is all zeroes: no word has a generation of 0, and the word 0
 * leads to the first chunk's slot 0, so nothing names it.
 */
static bool has_fresh(const struct handle_table *table)
{
    return table->fresh % CHUNK_SLOTS != 0;
}

/* Whether there is one, and quota for it. */
static bool has_slot(const struct handle_table *table)
{
    return table->used < table->limit && (has_fresh(table) || table->first_free != 0);
}

/*
 * One that was never used if there is any, else whichever has been free longest; `*h` is the handle
 * that it is for.
 */
static struct handle_slot *slot_take(struct handle_table *table, handle_t *h)
{
    table->used++;
    if (has_fresh(table)) {
        *h = table->fresh++;
        return slot_at(table, (uint32_t)*h);
    }
    struct handle_slot *slot = slot_at(table, table->first_free);
    table->first_free = slot->next_free;
    *h = slot->key ^ KEY_FREE;
    return slot;
}

static uint64_t mark_of(const struct object *object, rights_t rights)
{
    const enum object_type type = object->class->type;

    if (type == OBJECT_PORTAL)
        return (rights & RIGHT_CALL) != 0 ? KEY_CALLABLE : KEY_LIVE;
    if (type == OBJECT_EVENT)
        return (rights & RIGHT_SIGNAL) != 0 ? KEY_SIGNALLABLE : KEY_LIVE;
    return KEY_LIVE;
}

/* Last: pairs with the load-acquire of the paths, which then read object and badge. */
static void key_publish(struct handle_slot *slot, uint64_t key)
{
    __atomic_store_n(&slot->key, key, __ATOMIC_RELEASE);
}

/* Whoever has found the slot by its key without the lock is done with what it names. */
static void slot_await(const struct handle_slot *slot)
{
    if ((slot->key ^ slot_handle(slot)) < KEY_LIVE && hold_others != NULL)
        hold_others();
}

static void child_link(struct handle_slot *parent, struct handle_slot *child)
{
    struct handle_links *above = links_of(parent);
    struct handle_links *links = links_of(child);

    links->prev = parent;
    links->next = above->first_child == NULL ? parent : above->first_child;
    if (above->first_child == NULL)
        above->last_child = child;
    else
        links_of(above->first_child)->prev = child;
    above->first_child = child;
}

/* The siblings `first` to `last` take the place of `slot` among its siblings. */
OUT_OF_LINE static void place_pass(struct handle_slot *slot, struct handle_slot *first,
                                   struct handle_slot *last)
{
    struct handle_slot *const before = links_of(slot)->prev;
    struct handle_slot *const behind = links_of(slot)->next;

    if (first != NULL) {
        links_of(first)->prev = before;
        links_of(last)->next = behind;
    } else if (before != behind) { /* it wasn't the only child: the gap closes */
        first = behind;
        last = before;
    }
    /* On each side is a sibling, or the parent. */
    if (before != NULL && links_of(before)->first_child == slot)
        links_of(before)->first_child = first;
    else if (before != NULL)
        links_of(before)->next = first;
    if (behind != NULL && links_of(behind)->last_child == slot)
        links_of(behind)->last_child = last;
    else if (behind != NULL)
        links_of(behind)->prev = last;
}

static enum status slot_make(struct handle_table *table, struct object *object, rights_t rights,
                             uint64_t badge, struct handle_slot *parent, handle_t *out,
                             uint64_t mark);

COLD static enum status make_grown(struct handle_table *table, struct object *object,
                                   rights_t rights, uint64_t badge, struct handle_slot *parent,
                                   handle_t *out, uint64_t mark)
{
    const enum status status = table_grow(table);

    return status == STATUS_OK ? slot_make(table, object, rights, badge, parent, out, mark)
                               : status;
}

/* As handle_insert(), by a mark that is known. */
FLAT OUT_OF_LINE static enum status slot_make(struct handle_table *table, struct object *object,
                                              rights_t rights, uint64_t badge,
                                              struct handle_slot *parent, handle_t *out,
                                              uint64_t mark)
{
    handle_t h;

    if (!has_slot(table))
        return make_grown(table, object, rights, badge, parent, out, mark);
    struct handle_slot *slot = slot_take(table, &h);
    object_get(object);
    slot->object = object;
    slot->rights = rights;
    slot->badge = badge;
    key_publish(slot, h ^ mark);
    if (parent != NULL)
        child_link(parent, slot);
    *out = h;
    return STATUS_OK;
}

enum status handle_insert(struct handle_table *table, struct object *object, rights_t rights,
                          uint64_t badge, struct handle_slot *parent, handle_t *out)
{
    return slot_make(table, object, rights, badge, parent, out, mark_of(object, rights));
}

void handle_close(struct handle_slot *slot)
{
    slot_await(slot);
    struct handle_table *table = handle_slot_table(slot);
    struct handle_links *links = links_of(slot);
    struct object *object = slot->object;
    const handle_t h = slot_handle(slot);
    const bool retires = slot_generation(slot) == GENERATION_MAX;

    /* Its children are its parent's now, so nobody falls out of an ancestor's reach. */
    if (links->next != NULL || links->prev != NULL || links->first_child != NULL) {
        place_pass(slot, links->first_child, links->last_child);
        *links = (struct handle_links){0};
    }
    /* A slot that has run out of generations retires: reuse would revive old handles. */
    slot->key = (retires ? h : h + BIT(32)) ^ KEY_FREE;
    slot->object = NULL;
    slot->rights = 0;
    slot->badge = 0;
    table->used--;
    if (!retires)
        free_append(table, slot);
    /* Last, with the table consistent again: destroying `object` may close handles in it. */
    object_put(object);
}

void handle_narrow(struct handle_slot *slot, rights_t rights)
{
    slot_await(slot);
    slot->rights &= rights;
    key_publish(slot, slot_handle(slot) ^ mark_of(slot->object, slot->rights));
}

/* Whoever is derived from the child that goes comes up into its place: no tree is too deep. */
bool handle_revoke_some(struct handle_slot *slot, unsigned budget)
{
    for (; budget > 0 && links_of(slot)->first_child != NULL; budget--)
        handle_close(links_of(slot)->first_child);
    return links_of(slot)->first_child == NULL;
}

/* `heir`, derived from nothing, takes the place of `slot` in the tree, with all its children. */
static void links_inherit(struct handle_slot *slot, struct handle_slot *heir)
{
    struct handle_links *from = links_of(slot);
    struct handle_links *to = links_of(heir);

    *to = *from;
    if (to->first_child != NULL) {
        links_of(to->first_child)->prev = heir;
        links_of(to->last_child)->next = heir;
    }
    place_pass(slot, heir, heir);
    *from = (struct handle_links){0};
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

COLD static void transfer_undo(struct handle_table *to, handle_t *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct handle_slot *slot;
        if (out[i] != 0 && handle_lookup(to, out[i], OBJECT_NONE, 0, &slot) == STATUS_OK)
            handle_close(slot);
        out[i] = 0;
    }
}

FLAT enum status handle_transfer(const struct cross_domain *from, struct handle_table *to,
                                 uint64_t word, handle_t *out)
{
    const bool moves = (word & HANDLE_MOVE) != 0;
    const rights_t need = RIGHT_TRANSFER | (moves ? 0U : (rights_t)RIGHT_DUPLICATE);
    const handle_t h = word & ~HANDLE_MOVE;
    struct handle_slot *source;
    const enum status status = handle_find(from, h, OBJECT_NONE, need, &source);

    if (status != STATUS_OK)
        return status;
    /* Without rights until it takes its source's place: within one table it might be named now. */
    return slot_make(to, source->object, moves ? 0 : source->rights, source->badge,
                     moves ? NULL : source, out, source->key ^ h);
}

/*
 * All words have been passed as duplicates, `out`: those that move take their source's place.
 * Without `to`, what would move is only closed.
 */
OUT_OF_LINE static void transfer_move(struct handle_table *from, struct handle_table *to,
                                      const uint64_t *words, unsigned count, const handle_t *out)
{
    for (unsigned i = 0; i < count; i++) {
        struct handle_slot *source, *heir;
        if ((words[i] & HANDLE_MOVE) == 0
            || handle_lookup(from, words[i] & ~HANDLE_MOVE, OBJECT_NONE, 0, &source) != STATUS_OK)
            continue;
        if (to != NULL && handle_lookup(to, out[i], OBJECT_NONE, 0, &heir) == STATUS_OK) {
            links_inherit(source, heir);
            heir->rights = source->rights;
        }
        handle_close(source);
    }
}

void handles_give_up(struct handle_table *table, const uint64_t *words, unsigned count)
{
    transfer_move(table, NULL, words, count, NULL);
}

enum status handles_transfer(struct handle_table *from, struct handle_table *to,
                             const uint64_t *words, unsigned count, handle_t *out)
{
    uint64_t all = 0;

    /* First all as duplicates: that can fail, and can be undone. */
    for (unsigned i = 0; i < count; i++) {
        out[i] = 0;
        if (words[i] == 0)
            continue;
        const bool is_gone = (all & HANDLE_MOVE) != 0 && is_moved_before(words, i);
        const enum status status =
            is_gone ? STATUS_BAD_HANDLE : handle_transfer(from->cross, to, words[i], &out[i]);
        if (status != STATUS_OK) {
            transfer_undo(to, out, i);
            return status;
        }
        all |= words[i];
    }
    if ((all & HANDLE_MOVE) != 0)
        transfer_move(from, to, words, count, out);
    return STATUS_OK;
}

struct handle_slot *handle_table_at(const struct handle_table *table, uint32_t index, handle_t *out)
{
    struct handle_slot *slot = slot_at(table, index);

    if (index % CHUNK_SLOTS == 0 || slot->object == NULL)
        return NULL;
    *out = slot_handle(slot);
    return slot;
}

bool handle_table_drain(struct handle_table *table, unsigned *budget)
{
    const uint32_t end = handle_table_end(table);

    for (unsigned looks = 0; looks < DRAIN_LOOKS && table->drained < end; looks++) {
        struct handle_slot *slot = slot_at(table, table->drained);
        if (table->drained % CHUNK_SLOTS != 0 && slot->object != NULL) {
            if (*budget == 0)
                return false;
            --*budget;
            handle_close(slot);
        }
        table->drained++;
    }
    return table->drained == end;
}

bool handle_table_destroy(struct handle_table *table, unsigned budget)
{
    struct cross_domain *cross = table->cross;

    cross->chunk0 = empty_chunk;
    table->fresh = 0; /* from now on nobody looks into what is being freed */
    for (; budget > 0 && cross->chunk_count > 0; budget--) {
        frame_free(direct_map_physical(cross->chunks[--cross->chunk_count]));
        table->chunk_frames -= 1U << CHUNK_ORDER;
    }
    if (cross->chunk_count > 0)
        return false;
    if (cross->chunks != table->inline_chunks) {
        frame_free(direct_map_physical(cross->chunks));
        table->chunk_frames--;
    }
    cross->chunks = table->inline_chunks;
    return true;
}
