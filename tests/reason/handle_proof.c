/*
 * Handles: one call from any state that the invariant allows does what it should and nothing else,
 * and leads to such a state again.  With the first proof this holds after any number of calls.
 *
 * The invariant: a slot's key says whether it is live, and what the portal and signal paths may
 * do with it, as its object and rights do; a free slot's handle is one that was never issued; the
 * list of free slots has each once, but for those whose generations have run out; as many slots
 * are live as the table counts.  What was issued is remembered beside the table, by generation.
 *
 * Bounds: chunks of 3 handles (scaled/), and 3 objects.  A table of up to two chunks where that is
 * small enough, of one where slots are taken and given back.  A pointer that may lead to several
 * slots makes a formula explode, so those calls are made once for each slot, by a constant.  The
 * tree of derivation has proofs of its own, at the end; for all others it is empty.
 */
// proof: prove_init --unwind 9
// proof: prove_lookup --unwind 9
// proof: prove_narrow --unwind 9
// proof: prove_grow --unwind 9
// proof: prove_insert --unwind 9 --unwindset slot_make:0
// proof: prove_close_1 --unwind 9
// proof: prove_close_2 --unwind 9
// proof: prove_close_3 --unwind 9
// proof: prove_pass --unwind 9 --unwindset slot_make:0
// proof: prove_derive --unwind 9 --unwindset slot_make:1
// proof: prove_close_related --unwind 25 --unwindset slot_make:1
// proof: prove_inherit --unwind 25 --unwindset slot_make:1
// proof: prove_revoke --unwind 13 --unwindset slot_make:1 --object-bits 12
#include "domains/handle.c"

#include "reason.h"

enum { CHUNKS = 2, SLOTS = CHUNKS * CHUNK_SLOTS };

/* As in frames: slots, then links. */
struct chunk {
    struct handle_slot slots[CHUNK_SLOTS];
    struct handle_links links[CHUNK_SLOTS];
};
static struct chunk chunk0, chunk1;
static struct handle_table table;
static struct cross_domain cross;

/* By index: the last generation that a handle of the slot had. */
static uint32_t issued[SLOTS];

static struct handle_slot *chunk_at(uint32_t chunk)
{
    return chunk == 0 ? chunk0.slots : chunk1.slots;
}

/* For an `index` that is known: a pointer that may lead to any slot makes a formula large. */
static struct handle_slot *slot_by(uint32_t index)
{
    return chunk_at(index / CHUNK_SLOTS) + index % CHUNK_SLOTS;
}

/* --- what lies below --- */

static bool has_memory;

enum status frame_allocate(unsigned order, enum frame_use use, paddr_t *out)
{
    (void)use;
    CLAIM(order == 1, "a chunk is two pages");
    if (!has_memory || cross.chunk_count == CHUNKS)
        return STATUS_OUT_OF_MEMORY;
    *out = (uintptr_t)chunk_at((uint32_t)cross.chunk_count);
    return STATUS_OK;
}

void frame_free(paddr_t address)
{
    (void)address;
}

void zero_page(void *page)
{
    (void)page; /* they are zero from the start */
}

static const struct handle_slot *watched; /* it changes */
static uint64_t watched_key;
static const struct object *watched_object;
static uint32_t watched_references;
static bool is_taken, is_held; /* by the paths; while it was as it was */

static void on_hold(void)
{
    is_held = watched == NULL || watched->key == watched_key;
}

static void on_destroy(struct object *object)
{
    (void)object;
}

static const struct object_class portals = {.type = OBJECT_PORTAL, .destroy = on_destroy};
static const struct object_class events = {.type = OBJECT_EVENT, .destroy = on_destroy};
static const struct object_class others = {.type = OBJECT_DOMAIN, .destroy = on_destroy};
static struct object portal = {.class = &portals};
static struct object event = {.class = &events};
static struct object other = {.class = &others};

static struct object *any_object(void)
{
    const uint32_t n = any_below(3);

    return n == 0 ? &portal : n == 1 ? &event : &other;
}

/* --- the invariant --- */

static uint32_t mark_meant(const struct object *object, rights_t rights)
{
    if (object == &portal && (rights & RIGHT_CALL) != 0)
        return KEY_CALLABLE;
    if (object == &event && (rights & RIGHT_SIGNAL) != 0)
        return KEY_SIGNALLABLE;
    return KEY_LIVE;
}

static void watch(const struct handle_slot *slot)
{
    watched = slot;
    watched_key = slot->key;
    watched_object = slot->object;
    watched_references = slot->object->references;
    is_taken = mark_meant(slot->object, slot->rights) < KEY_LIVE;
    is_held = false;
}

static bool is_slot(uint32_t index)
{
    return index % CHUNK_SLOTS != 0 && index / CHUNK_SLOTS < cross.chunk_count;
}

static bool is_fresh(uint32_t index)
{
    return index >= (uint32_t)table.fresh;
}

static bool is_live(uint32_t index)
{
    return is_slot(index) && slot_by(index)->object != NULL;
}

static handle_t handle_of(uint32_t index)
{
    return (uint64_t)issued[index] << 32 | index;
}

static bool is_key_right(uint32_t index)
{
    const struct handle_slot *slot = slot_by(index);
    const uint64_t next = handle_of(index) + BIT(32);

    if (slot->object != NULL)
        return slot->key == (handle_of(index) ^ mark_meant(slot->object, slot->rights))
               && issued[index] >= 1 && issued[index] <= GENERATION_MAX && !is_fresh(index);
    if (slot->rights != 0 || slot->badge != 0)
        return false;
    if (is_fresh(index))
        return issued[index] == 0
               && slot->key == (index % CHUNK_SLOTS < 3 ? index ^ (uint64_t)KEY_FREE : 0);
    return issued[index] >= 1 && issued[index] <= GENERATION_MAX
           && slot->key == ((issued[index] == GENERATION_MAX ? handle_of(index) : next) ^ KEY_FREE);
}

static bool are_keys_right(void)
{
    bool right = true;

    for (uint32_t i = 1; i < SLOTS; i++)
        right = right && (!is_slot(i) || is_key_right(i));
    return right;
}

/* From the first to the last: each that can be used again is met, once. */
static bool is_list_right(void)
{
    uint32_t at = table.first_free, last = 0, wanted = 0, met = 0;
    uint32_t next[SLOTS] = {0};
    bool right = true;

    for (uint32_t i = 1; i < SLOTS; i++) {
        if (!is_slot(i))
            continue;
        next[i] = slot_by(i)->next_free;
        if (!is_live(i) && !is_fresh(i) && issued[i] < GENERATION_MAX)
            wanted |= 1U << i;
    }
    for (uint32_t steps = 1; steps < SLOTS && at != 0; steps++) {
        right = right && at < SLOTS && (wanted & ~met) >> at % SLOTS % 2 != 0;
        met |= 1U << at % SLOTS;
        last = at;
        at = next[at % SLOTS];
    }
    return right && at == 0 && met == wanted && (last == 0 || table.last_free == last);
}

/* Somewhere to put a handle, quota aside. */
static bool is_room(void)
{
    bool found = false;

    for (uint32_t i = 1; i < SLOTS; i++)
        found = found || (is_slot(i) && !is_live(i) && (is_fresh(i) || issued[i] < GENERATION_MAX));
    return found;
}

static bool is_count_right(void)
{
    uint32_t live = 0;

    for (uint32_t i = 1; i < SLOTS; i++)
        live += is_live(i);
    return table.used == live;
}

static bool are_chunks_right(void)
{
    bool right = cross.chunks == table.inline_chunks && cross.chunk_count <= CHUNKS
                 && table.chunk_frames == 2 * cross.chunk_count;

    for (uint32_t i = 0; i < CHUNKS; i++) {
        const uint32_t first = i * CHUNK_SLOTS;
        if (i >= cross.chunk_count)
            continue;
        right = right && cross.chunks[i] == slot_by(first)
                && slot_by(first)->key == (first ^ (uint64_t)KEY_FREE)
                && handle_slot_table(slot_by(first) + 1) == &table;
    }
    if (cross.chunk_count == 0)
        return right && cross.chunk0 == empty_chunk && table.fresh == 0 && table.first_free == 0;
    return right && cross.chunk0 == chunk0.slots && table.fresh >> 32 == 1
           && (uint32_t)table.fresh > (cross.chunk_count - 1) * CHUNK_SLOTS
           && (uint32_t)table.fresh <= cross.chunk_count * CHUNK_SLOTS;
}

/* --- any state --- */

static void any_slot(uint32_t index)
{
    struct handle_slot *slot = slot_by(index);

    issued[index] = 0;
    if (!is_slot(index))
        return;
    if (is_fresh(index)) {
        slot->key = index % CHUNK_SLOTS < 3 ? index ^ (uint64_t)KEY_FREE : 0;
        return;
    }
    issued[index] = 1 + any_below(GENERATION_MAX);
    slot->next_free = nondet_u32(); /* a live slot's is what it was */
    if (nondet_bool()) {
        slot->object = any_object();
        slot->rights = nondet_u32();
        slot->badge = nondet_u64();
        slot->key = handle_of(index) ^ mark_meant(slot->object, slot->rights);
    } else {
        slot->key = handle_of(index) ^ KEY_FREE;
        if (issued[index] < GENERATION_MAX)
            slot->key += BIT(32);
    }
}

static void any_table(uint32_t count)
{
    handle_table_init(&table, &cross, nondet_u32());
    handles_set_hold(nondet_bool() ? on_hold : NULL);
    has_memory = nondet_bool();
    for (uint32_t i = 0; i < count; i++) {
        struct handle_slot *slots = chunk_at(i);
        slots->key = (i * CHUNK_SLOTS) ^ (uint64_t)KEY_FREE;
        slots->object = (struct object *)(void *)&table;
        table.inline_chunks[i] = slots;
    }
    cross.chunk_count = count;
    table.chunk_frames = 2 * count;
    if (count > 0) {
        cross.chunk0 = chunk0.slots;
        table.fresh = BIT(32) | ((count - 1) * CHUNK_SLOTS + 1 + any_below(CHUNK_SLOTS));
        table.first_free = any_below(SLOTS);
        table.last_free = any_below(SLOTS);
    }
    for (uint32_t i = 1; i < SLOTS; i++)
        if (i % CHUNK_SLOTS != 0)
            any_slot(i);
    table.used = any_below(SLOTS);
    portal.references = SLOTS + any_below(2);
    event.references = SLOTS + any_below(2);
    other.references = SLOTS + any_below(2);
    ASSUME(is_list_right());
    ASSUME(is_count_right());
}

static uint32_t live_mask(void)
{
    uint32_t mask = 0;

    for (uint32_t i = 1; i < SLOTS; i++)
        mask |= (uint32_t)is_live(i) << i;
    return mask;
}

/* --- what is claimed after every call --- */

static void claim_invariant(void)
{
    CLAIM(are_keys_right(), "keys say what slots are");
    CLAIM(is_list_right(), "the free slots are listed, once, but for those worn out");
    CLAIM(is_count_right(), "the count is that of the live slots");
    CLAIM(are_chunks_right(), "chunks are where the table says");
}

static struct handle_slot before[SLOTS];

static void remember(void)
{
    for (uint32_t i = 1; i < SLOTS; i++)
        if (is_live(i))
            before[i] = *slot_by(i);
}

/* Any live slot but `but` is as it was. */
static void claim_others_keep(uint32_t but)
{
    bool keep = true;

    for (uint32_t i = 1; i < SLOTS; i++) {
        const struct handle_slot *now = slot_by(i);
        if (i != but && before[i].object != NULL)
            keep = keep && now->key == before[i].key && now->object == before[i].object
                   && now->rights == before[i].rights && now->badge == before[i].badge;
    }
    CLAIM(keep, "no other handle changes");
}

/* The paths have left a slot that they may have found, before it changes. */
static void claim_held(void)
{
    CLAIM(is_held || hold_others == NULL || !is_taken,
          "the paths stand still before what they take changes");
}

/* --- the proofs --- */

void prove_init(void)
{
    handle_table_init(&table, &cross, nondet_u32());
    claim_invariant();
}

/* What is live under `h`, or NULL. */
static const struct handle_slot *named_by(handle_t h)
{
    for (uint32_t i = 1; i < SLOTS; i++)
        if (is_live(i) && h == handle_of(i))
            return slot_by(i);
    return NULL;
}

void prove_lookup(void)
{
    const handle_t h = nondet_u64();
    const uint32_t type = any_below(OBJECT_TYPE_COUNT);
    const rights_t need = nondet_u32();
    struct handle_slot *slot = NULL;

    any_table(any_below(CHUNKS + 1));
    const struct handle_slot *named = named_by(h);
    const struct handle_slot copy = named != NULL ? *named : (struct handle_slot){0};
    const enum status status = handle_lookup(&table, h, type, need, &slot);
    CLAIM((status != STATUS_BAD_HANDLE) == (named != NULL),
          "a lookup finds what is live under this handle");
    CLAIM(status != STATUS_OK || slot == named, "a lookup finds the slot of the handle");
    CLAIM(status != STATUS_OK || type == OBJECT_NONE || copy.object->class->type == type,
          "a lookup finds no other kind");
    CLAIM(status != STATUS_OK || (need & ~copy.rights) == 0, "a lookup finds all rights asked for");
    /* What the paths of crossing.S and event.S compare, in the first chunk. */
    const uint64_t key = cross.chunk0[h % CHUNK_SLOTS].key;
    CLAIM(key != h || (copy.object == &portal && (copy.rights & RIGHT_CALL) != 0),
          "the portal path calls what may be called");
    CLAIM((key ^ KEY_SIGNALLABLE) != h
              || (copy.object == &event && (copy.rights & RIGHT_SIGNAL) != 0),
          "the signal path signals what may be signalled");
}

/* The slot of a new handle; `issued` and `before` are as they were. */
static void claim_made(handle_t h, const struct object *object, rights_t rights, uint64_t badge)
{
    const uint32_t index = (uint32_t)h;
    struct handle_slot slot = {0};
    uint32_t generation = 0;

    for (uint32_t i = 1; i < SLOTS; i++)
        if (i == index && is_live(i)) {
            slot = *slot_by(i);
            generation = ++issued[i];
        }
    CLAIM(generation != 0, "a new handle's slot is live");
    CLAIM(h >> 32 == generation, "a new handle was never issued before");
    CLAIM(slot.object == object && slot.rights == rights && slot.badge == badge,
          "a new handle has the object, rights and badge that were given");
}

void prove_narrow(void)
{
    const rights_t keep = nondet_u32();

    any_table(any_below(CHUNKS + 1));
    remember();
    const uint32_t index = any_below(SLOTS);
    ASSUME((live_mask() >> index & 1) != 0);
    for (uint32_t i = 1; i < SLOTS; i++) {
        if (i != index)
            continue;
        watch(slot_by(i));
        handle_narrow(slot_by(i), keep);
        CLAIM(slot_by(i)->rights == (before[i].rights & keep),
              "narrowing takes rights away and gives none");
    }
    claim_held();
    claim_others_keep(index);
    claim_invariant();
}

/* The table has no slot, but quota for it. */
void prove_grow(void)
{
    any_table(any_below(CHUNKS + 1));
    remember();
    ASSUME(!is_room() && table.used < table.limit);
    const uint32_t used = table.used;
    const enum status status = table_grow(&table);
    CLAIM(status != STATUS_OK || has_slot(&table), "a table that has grown has a slot");
    CLAIM(table.used == used, "only a handle that is made counts");
    claim_others_keep(0);
    claim_invariant();
}

/* By constants, from where the next slot is taken: nothing else decides what is written. */
static enum status insert(struct object *object, rights_t rights, uint64_t badge, handle_t *out)
{
    for (uint32_t fresh = 1; fresh <= CHUNK_SLOTS; fresh++)
        for (uint32_t free = 0; free < fresh && free < CHUNK_SLOTS; free++)
            if ((uint32_t)table.fresh == fresh && table.first_free == free) {
                table.fresh = BIT(32) | fresh;
                table.first_free = free;
                return handle_insert(&table, object, rights, badge, NULL, out);
            }
    ASSUME(false);
    __builtin_unreachable();
}

/* Without memory for another chunk: prove_grow() sees to the rest. */
void prove_insert(void)
{
    handle_t h = 0;

    any_table(1);
    has_memory = false;
    remember();
    const bool was_room = is_room();
    struct object *object = any_object();
    const rights_t rights = nondet_u32();
    const uint64_t badge = nondet_u64();
    const uint32_t used = table.used, references = object->references;
    const enum status status = insert(object, rights, badge, &h);

    if (status == STATUS_OK)
        claim_made(h, object, rights, badge);
    CLAIM((status == STATUS_OUT_OF_QUOTA) == (used >= table.limit),
          "the quota bounds what is inserted");
    CLAIM((status == STATUS_OK) == (used < table.limit && was_room),
          "a slot and quota for it are all that it takes");
    CLAIM(table.used == used + (status == STATUS_OK)
              && object->references == references + (status == STATUS_OK),
          "only a handle that is made counts");
    claim_others_keep(0);
    claim_invariant();
}

static void close(uint32_t index)
{
    struct handle_slot *const slot = slot_by(index);
    struct handle_slot *found;

    any_table(1);
    remember();
    ASSUME(is_live(index));
    watch(slot);
    for (uint32_t last = 0; last < SLOTS; last++)
        if (table.last_free == last) {
            table.last_free = last;
            handle_close(slot);
            break;
        }
    CLAIM(handle_lookup(&table, handle_of(index), OBJECT_NONE, 0, &found) == STATUS_BAD_HANDLE,
          "a closed handle names nothing");
    CLAIM(watched_object->references == watched_references - 1,
          "a closed handle gives its reference back");
    claim_held();
    claim_others_keep(index);
    claim_invariant();
}

void prove_close_1(void)
{
    close(1);
}

void prove_close_2(void)
{
    close(2);
}

void prove_close_3(void)
{
    close(3);
}

/* To another table, which has a slot and may have quota for it. */
void prove_pass(void)
{
    static struct handle_table peer;
    static struct cross_domain peer_cross;
    struct handle_slot *const made = &chunk1.slots[1];
    const uint64_t word = nondet_u64();
    handle_t out = 0;

    any_table(1);
    has_memory = false;
    handle_table_init(&peer, &peer_cross, nondet_bool());
    chunk1.slots[0].object = (struct object *)(void *)&peer;
    peer_cross.chunk0 = peer.inline_chunks[0] = chunk1.slots;
    peer_cross.chunk_count = 1;
    peer.fresh = BIT(32) | 1;
    remember();
    const struct handle_slot *named = named_by(word & ~HANDLE_MOVE);
    const struct handle_slot source = named != NULL ? *named : (struct handle_slot){0};
    const rights_t need =
        RIGHT_TRANSFER | ((word & HANDLE_MOVE) != 0 ? 0 : (rights_t)RIGHT_DUPLICATE);
    const enum status status = handle_transfer(&cross, &peer, word, &out);

    CLAIM((status == STATUS_OK)
              == (named != NULL && (source.rights & need) == need && peer.limit != 0),
          "what may be passed is passed, and nothing else");
    CLAIM(status != STATUS_OK
              || (out == (BIT(32) | 1) && made->object == source.object
                  && made->rights == ((word & HANDLE_MOVE) != 0 ? 0 : source.rights)
                  && made->badge == source.badge
                  && made->key == (out ^ mark_meant(source.object, source.rights))),
          "what is passed has the object, the rights, the badge and the mark of its source");
    claim_others_keep(0);
    claim_invariant();
}

/* --- the tree of derivation --- */

/*
 * Around one slot, and in other tables: who is there is the shape's to say.  Longer lists and other
 * generations are out of the code's sight: it follows a slot's own links, and none of theirs.
 */
static struct chunk family[2];
static struct handle_slot *const parent = &family[0].slots[1];
static struct handle_slot *const elder = &family[0].slots[2];
static struct handle_slot *const younger = &family[0].slots[3];
static struct handle_slot *const first = &family[1].slots[1];
static struct handle_slot *const last = &family[1].slots[2];
static struct handle_slot *const stranger = &family[1].slots[3];

enum { CHILDREN_MAX = 2, SHAPES = (CHILDREN_MAX + 1) << 3 };

/* Who is derived from the same, in order. */
struct brood {
    struct handle_slot *parent; /* NULL: it is gone */
    uint32_t count;
    struct handle_slot *slots[4];
};

static void brood_add(struct brood *brood, struct handle_slot *slot, bool is_there)
{
    if (is_there)
        brood->slots[brood->count++] = slot;
}

static void brood_add_children(struct brood *brood, uint32_t shape)
{
    brood_add(brood, first, shape >> 3 >= 1);
    brood_add(brood, last, shape >> 3 >= 2);
}

static struct brood children_of(struct handle_slot *slot, uint32_t shape)
{
    struct brood brood = {.parent = slot};

    brood_add_children(&brood, shape);
    return brood;
}

/* With `slot` among them, or in its place its children. */
static struct brood siblings_of(struct handle_slot *slot, uint32_t shape)
{
    struct brood brood = {.parent = (shape & 1) != 0 ? parent : NULL};

    brood_add(&brood, elder, (shape & 2) != 0);
    brood_add(&brood, slot, slot != NULL);
    if (slot == NULL)
        brood_add_children(&brood, shape);
    brood_add(&brood, younger, (shape & 4) != 0);
    return brood;
}

/* What the links of the `i`th and of the parent have to be. */
static struct handle_links brood_links(const struct brood *brood, uint32_t i)
{
    return (struct handle_links){
        .first_child = brood->count == 0 ? NULL : brood->slots[0],
        .last_child = brood->count == 0 ? NULL : brood->slots[brood->count - 1],
        .prev = i == 0 ? brood->parent : brood->slots[i - 1],
        .next = i + 1 >= brood->count ? brood->parent : brood->slots[i + 1],
    };
}

static void brood_link(const struct brood *brood)
{
    for (uint32_t i = 0; i < brood->count; i++) {
        const struct handle_links meant = brood_links(brood, i);
        links_of(brood->slots[i])->prev = meant.prev;
        links_of(brood->slots[i])->next = meant.next;
    }
    if (brood->parent != NULL) {
        const struct handle_links meant = brood_links(brood, 0);
        links_of(brood->parent)->first_child = meant.first_child;
        links_of(brood->parent)->last_child = meant.last_child;
    }
}

static bool brood_is_linked(const struct brood *brood)
{
    const struct handle_links ends = brood_links(brood, 0);
    bool right = brood->parent == NULL
                 || (links_of(brood->parent)->first_child == ends.first_child
                     && links_of(brood->parent)->last_child == ends.last_child);

    for (uint32_t i = 0; i < brood->count; i++) {
        const struct handle_links meant = brood_links(brood, i);
        right = right && links_of(brood->slots[i])->prev == meant.prev
                && links_of(brood->slots[i])->next == meant.next;
    }
    return right;
}

static struct handle_slot *strange_parent, *strange_child;

/* They have others above and below them, or not; and a table has a handle, in slot 1. */
static struct handle_slot *any_family(void)
{
    handle_t h;

    strange_parent = nondet_bool() ? stranger : NULL;
    strange_child = nondet_bool() ? stranger : NULL;
    links_of(parent)->prev = links_of(parent)->next = strange_parent;
    links_of(elder)->first_child = links_of(elder)->last_child = strange_child;
    links_of(younger)->first_child = links_of(younger)->last_child = strange_child;
    links_of(first)->first_child = links_of(first)->last_child = strange_child;
    links_of(last)->first_child = links_of(last)->last_child = strange_child;

    handle_table_init(&table, &cross, SLOTS);
    has_memory = true;
    portal.references = event.references = other.references = 1;
    ASSUME(handle_insert(&table, &other, RIGHT_ALL, 0, NULL, &h) == STATUS_OK);
    issued[1] = 1;
    return slot_by(1);
}

static bool has_children(const struct handle_slot *slot, const struct handle_slot *child)
{
    return links_of(slot)->first_child == child && links_of(slot)->last_child == child;
}

static bool has_no_links(const struct handle_slot *slot)
{
    return has_children(slot, NULL) && links_of(slot)->prev == NULL && links_of(slot)->next == NULL;
}

static void claim_family_keeps(void)
{
    CLAIM(links_of(parent)->prev == strange_parent && links_of(parent)->next == strange_parent
              && has_children(elder, strange_child) && has_children(younger, strange_child)
              && has_children(first, strange_child) && has_children(last, strange_child),
          "nobody else's place in the tree changes");
}

void prove_derive(void)
{
    const uint32_t chosen = any_below(CHILDREN_MAX + 1);
    handle_t h;

    any_family();
    for (uint32_t children = 0; children <= CHILDREN_MAX; children++) {
        if (children != chosen)
            continue;
        struct brood brood = children_of(parent, children << 3);
        brood_link(&brood);
        ASSUME(handle_insert(&table, &other, RIGHT_ALL, 0, parent, &h) == STATUS_OK);
        issued[2] = 1;
        brood = (struct brood){.parent = parent};
        brood_add(&brood, slot_by(2), true);
        brood_add_children(&brood, children << 3);
        CLAIM(brood_is_linked(&brood) && has_children(slot_by(2), NULL),
              "a new handle is the first child of what it is derived from");
        break;
    }
    claim_family_keeps();
    claim_invariant();
}

void prove_close_related(void)
{
    const uint32_t chosen = any_below(SHAPES);
    struct handle_slot *const slot = any_family();

    for (uint32_t shape = 0; shape < SHAPES; shape++) {
        if (shape != chosen)
            continue;
        const struct brood children = children_of(slot, shape);
        const struct brood siblings = siblings_of(slot, shape);
        const struct brood after = siblings_of(NULL, shape);
        brood_link(&children);
        brood_link(&siblings);
        handle_close(slot);
        CLAIM(brood_is_linked(&after), "the children of a closed handle take its place");
        break;
    }
    CLAIM(has_no_links(slot), "a free slot has no place in the tree");
    claim_family_keeps();
    claim_invariant();
}

void prove_inherit(void)
{
    const uint32_t chosen = any_below(SHAPES);
    struct handle_slot *const slot = any_family();
    struct handle_slot *const heir = slot_by(2);

    for (uint32_t shape = 0; shape < SHAPES; shape++) {
        if (shape != chosen)
            continue;
        struct brood children = children_of(slot, shape);
        struct brood siblings = siblings_of(slot, shape);
        brood_link(&children);
        brood_link(&siblings);
        links_inherit(slot, heir);
        children = children_of(heir, shape);
        siblings = siblings_of(heir, shape);
        CLAIM(brood_is_linked(&children) && brood_is_linked(&siblings),
              "an heir takes the place of what is moved");
        break;
    }
    CLAIM(has_no_links(slot), "what is moved leaves the tree");
    claim_family_keeps();
}

/* --- revocation --- */

enum { MEMBERS = 4, TREES = 3 * 4 };

/* The `i`th of a table's handles, in order of their making. */
static struct handle_slot *member(uint32_t i)
{
    return slot_by(i + i / (CHUNK_SLOTS - 1) + 1);
}

/*
 * The second is derived from the first; each after them from one that was there before it, or from
 * none (MEMBERS), by the tree's number.
 */
static void make_tree(uint32_t tree, uint32_t *above)
{
    handle_t h;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        const uint32_t choices = i < 2 ? 1 : i + 1;
        above[i] = i == 0 || tree % choices == i ? (uint32_t)MEMBERS : tree % choices;
        tree /= choices;
        ASSUME(handle_insert(&table, &other, RIGHT_ALL, 0,
                             above[i] == MEMBERS ? NULL : member(above[i]), &h)
               == STATUS_OK);
    }
}

static bool is_below_first(const uint32_t *above, uint32_t i)
{
    while (i != 0 && i != MEMBERS)
        i = above[i];
    return i == 0;
}

static void revoke_first(const uint32_t *above, uint32_t budget)
{
    const bool is_done = handle_revoke_some(member(0), budget);
    uint32_t below = 0, closed = 0;

    for (uint32_t i = 1; i < MEMBERS; i++) {
        const bool is_closed = member(i)->object == NULL;
        below += is_below_first(above, i);
        closed += is_closed;
        CLAIM(!is_closed || is_below_first(above, i), "a revocation closes descendants only");
    }
    CLAIM(member(0)->object != NULL, "who revokes keeps the handle");
    CLAIM(closed == (budget < below ? budget : below), "a revocation closes as many as it may");
    CLAIM(is_done == (closed == below), "a revocation ends when no descendant is left");
}

void prove_revoke(void)
{
    const uint32_t chosen = any_below(TREES), budget = any_below(MEMBERS);
    uint32_t above[MEMBERS];

    handle_table_init(&table, &cross, MEMBERS);
    has_memory = true;
    other.references = 1;
    for (uint32_t tree = 0; tree < TREES; tree++) {
        if (tree != chosen)
            continue;
        make_tree(tree, above);
        for (uint32_t i = 0; i < MEMBERS; i++)
            if (i == budget) {
                revoke_first(above, i);
                return;
            }
        return; /* or the next tree would begin with this one's handles */
    }
}
