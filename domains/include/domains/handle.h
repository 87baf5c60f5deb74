/*
 * Handle table: a domain's private names for kernel objects.
 *
 * Every domain sees the same addresses, so an address can be neither a secret nor a permission.
 * A handle is both: it means nothing outside the table that issued it, and it carries the
 * rights its holder was given.  A handle made from another is its child; revoking takes away all
 * descendants, in whichever tables they are.
 *
 * Slots come in chunks of 128, 8 KiB each: one page of what the portal path reads, one of links
 * for the tree.  Slot 0 of each chunk names nothing; it remembers the table.
 *
 * Locking: the kernel lock, but for the portal and signal paths, which read keys, objects and
 * badges only, the key first.  A slot with a key that they take changes only while no CPU is on
 * them.
 */
#pragma once

#include "abi/status.h"
#include "arch/crossing.h"
#include "base/path.h"
#include "domains/object.h"

#include <stdbool.h>

enum {
    CHUNK_SLOTS = 1 << CHUNK_SLOTS_LOG2,
    CHUNKS_INLINE = 4,
    CHUNKS_MAX = 512,
};

/* The part of a slot that the portal path reads. */
struct handle_slot {
    uint64_t key;          /* see handle.c; equals the handle itself if svc #0 may call it */
    struct object *object; /* owns one reference; NULL while free */
    uint64_t badge;
    rights_t rights;
    uint32_t next_free; /* index, 0 ends the list; used only while free */
};
_Static_assert(sizeof(struct handle_slot) == 1 << SLOT_BYTES_LOG2, "vectors.S");
_Static_assert(offsetof(struct handle_slot, key) == SLOT_KEY && SLOT_KEY == 0,
               "ldar has no offset");
_Static_assert(offsetof(struct handle_slot, object) == SLOT_OBJECT, "crossing.S");
_Static_assert(offsetof(struct handle_slot, badge) == SLOT_BADGE, "vectors.S");

struct handle_table {
    struct cross_domain *cross; /* chunks and chunk_count, for the portal path */
    struct handle_slot *inline_chunks[CHUNKS_INLINE];
    handle_t fresh;      /* slots from this one's to the end of the last chunk were never used */
    uint32_t first_free; /* oldest free slot: generations wear evenly */
    uint32_t last_free;
    uint32_t used;
    uint32_t limit; /* quota */
    uint32_t chunk_frames;
    uint32_t drained; /* slots below are empty for good: the table is being taken apart */
};

/*
 * Until the kernel lock is dropped no other CPU is on the portal or signal path.  NULL: there is no
 * other CPU.
 */
typedef void handles_hold_fn(void);
BOOT_ONLY void handles_set_hold(handles_hold_fn *hold);

void handle_table_init(struct handle_table *table, struct cross_domain *cross, uint32_t limit);

/*
 * Name `object` by a new handle, which has a reference of its own.  `parent` is the slot it was
 * derived from, or NULL.  Errors: OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status handle_insert(struct handle_table *table, struct object *object,
                                       rights_t rights, uint64_t badge, struct handle_slot *parent,
                                       handle_t *out);

/* In a key: how it differs from the handle that leads to the slot (arch/crossing.h, handle.c). */
enum {
    KEY_LIVE = 2, /* live, and nothing that a path of vectors.S takes */
    KEY_FREE = 3,
};
_Static_assert(KEY_CALLABLE == 0 && KEY_SIGNALLABLE == 1, "all marks differ");

/*
 * Find what `h` names, provided it is a `type` (OBJECT_NONE: any) and carries all of `need`.
 * Ownership: `*out` is borrowed until the kernel lock is dropped or the handle closed.
 * Errors: BAD_HANDLE (stale or never issued), WRONG_TYPE, NO_RIGHT.
 */
CHECK_RESULT static inline enum status handle_find(const struct cross_domain *cross, handle_t h,
                                                   enum object_type type, rights_t need,
                                                   struct handle_slot **out)
{
    const uint32_t chunk = (uint32_t)h >> CHUNK_SLOTS_LOG2;
    struct handle_slot *slot = cross->chunk0;

    if (chunk != 0) {
        if (chunk >= cross->chunk_count)
            return STATUS_BAD_HANDLE;
        slot = cross->chunks[chunk];
    }
    slot += h % CHUNK_SLOTS;
    if ((slot->key ^ h) >= KEY_FREE)
        return STATUS_BAD_HANDLE;
    if (type != OBJECT_NONE && slot->object->class->type != type)
        return STATUS_WRONG_TYPE;
    if ((slot->rights & need) != need)
        return STATUS_NO_RIGHT;
    *out = slot;
    return STATUS_OK;
}

/* The same, by the table. */
CHECK_RESULT static inline enum status handle_lookup(const struct handle_table *table, handle_t h,
                                                     enum object_type type, rights_t need,
                                                     struct handle_slot **out)
{
    return handle_find(table->cross, h, type, need, out);
}

/* Close the handle in `slot`; its children pass to its parent.  May destroy the object. */
void handle_close(struct handle_slot *slot);

/* The handle loses the rights that are not in `rights`. */
COLD void handle_narrow(struct handle_slot *slot, rights_t rights);

enum { HANDLES_TRANSFER_MAX = 4 };

/*
 * Make a duplicate of what `word` names, with all rights and the badge, in another table.  With
 * HANDLE_MOVE set it is derived from nothing and has no rights: it is to take its source's place.
 * Errors: BAD_HANDLE, NO_RIGHT (TRANSFER; DUPLICATE unless moved), OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status handle_transfer(const struct cross_domain *from, struct handle_table *to,
                                         uint64_t word, handle_t *out);

/* Of the handles named by `words`, those with HANDLE_MOVE are closed: nobody is to have them. */
COLD void handles_give_up(struct handle_table *table, const uint64_t *words, unsigned count);

/*
 * Pass the handles named by `words` (0: none; HANDLE_MOVE: the sender's own is closed) from one
 * table to another, all or none; `out` gets their names there.
 * Errors: BAD_HANDLE, NO_RIGHT (TRANSFER; DUPLICATE unless moved), OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
COLD CHECK_RESULT enum status handles_transfer(struct handle_table *from, struct handle_table *to,
                                               const uint64_t *words, unsigned count,
                                               handle_t *out);

/* Close at most `budget` descendants of `slot`; returns whether none are left. */
COLD bool handle_revoke_some(struct handle_slot *slot, unsigned budget);

/*
 * Close at most `*budget` handles of the whole table, less each that is, and look at a bounded
 * number of slots; returns whether it is empty.
 */
COLD bool handle_table_drain(struct handle_table *table, unsigned *budget);

/* Free at most `budget` chunks of the table, which is drained; returns whether all are gone. */
COLD bool handle_table_destroy(struct handle_table *table, unsigned budget);

/* One more than the highest index that a slot has. */
static inline uint32_t handle_table_end(const struct handle_table *table)
{
    return (uint32_t)table->fresh;
}

/* The slot with an index below that, and its handle; NULL if it is free. */
COLD struct handle_slot *handle_table_at(const struct handle_table *table, uint32_t index,
                                         handle_t *out);

/* The table that `slot` is in. */
struct handle_table *handle_slot_table(const struct handle_slot *slot);
