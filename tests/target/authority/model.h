/*
 * Model: the handles that there should be of one family of objects, in whichever domains.
 *
 * It is a plain list.  A handle knows its parent and nothing else of the tree: who is derived from
 * whom is found by walking up, and nothing is shared with how the kernel does it.  A handle that
 * moves is the same entry in another domain, so its children need no care.
 *
 * Nothing here asks the kernel.  What a call should answer is told from the handles that it names;
 * the change is made once the kernel has answered the same.
 */
#pragma once

#include "abi/rights.h"
#include "abi/status.h"
#include "abi/syscall.h"

#include <stdbool.h>

enum {
    MODEL_HANDLES = 32,
    MODEL_OBJECTS = 5,
    MODEL_STALE = 32, /* how many of those that are gone are remembered */
    MODEL_NONE = 255,
};

struct model_handle {
    handle_t handle; /* as its domain knows it; 0: a free entry */
    uint64_t badge;
    rights_t rights;
    uint8_t holder; /* whose table it is in */
    uint8_t object;
    uint8_t parent; /* entry; MODEL_NONE: derived from nothing in this family, a root */
};

struct model_stale {
    handle_t handle; /* 0: none yet */
    uint8_t holder;
};

struct model {
    struct model_handle handle[MODEL_HANDLES];
    unsigned live;
    struct model_stale stale[MODEL_STALE];
    unsigned stale_next;
    uint8_t type[MODEL_OBJECTS]; /* enum object_type of each object */
};

static inline bool model_is_live(const struct model *m, unsigned at)
{
    return at < MODEL_HANDLES && m->handle[at].handle != 0;
}

static inline bool model_is_root(const struct model *m, unsigned at)
{
    return m->handle[at].parent == MODEL_NONE;
}

/* One that is live, the first from `from` on, around the end; MODEL_NONE when there is none. */
unsigned model_find(const struct model *m, unsigned from);

/* A new entry with these values; there must be a free one. */
unsigned model_add(struct model *m, struct model_handle value);

/* It goes, and its children pass to its parent. */
void model_close(struct model *m, unsigned at);

/* All that is derived from it goes; returns how many that were. */
unsigned model_revoke(struct model *m, unsigned at);

/* All go, the roots too: the handles that these were derived from were revoked. */
void model_end(struct model *m);

/* It is in another table now, under another name. */
void model_move(struct model *m, unsigned at, uint8_t holder, handle_t handle);

/* What a call that needs `rights` (and a `type`; OBJECT_NONE: any) answers; MODEL_NONE is stale. */
enum status model_allows(const struct model *m, unsigned at, enum object_type type,
                         rights_t rights);

/*
 * What deriving a handle with `rights` and `badge` from `at`, for which it needs `need`, answers;
 * if that is STATUS_OK, `out` is what the new one is to be, but for its name.
 */
enum status model_derive(const struct model *m, unsigned at, rights_t need, rights_t rights,
                         uint64_t badge, struct model_handle *out);

/* What passing these answers: entries, some of which move (a bit for each in `moves`). */
enum status model_allows_passing(const struct model *m, const unsigned at[PORTAL_HANDLES],
                                 unsigned count, unsigned moves);
