/*
 * Model: handles as a list.
 */
#include "model.h"

unsigned model_find(const struct model *m, unsigned from)
{
    for (unsigned i = 0; i < MODEL_HANDLES; i++)
        if (m->handle[(from + i) % MODEL_HANDLES].handle != 0)
            return (from + i) % MODEL_HANDLES;
    return MODEL_NONE;
}

unsigned model_add(struct model *m, struct model_handle value)
{
    unsigned at = 0;

    while (m->handle[at].handle != 0)
        at++;
    m->handle[at] = value;
    m->live++;
    return at;
}

static void stale_add(struct model *m, unsigned at)
{
    m->stale[m->stale_next++ % MODEL_STALE] =
        (struct model_stale){m->handle[at].handle, m->handle[at].holder};
}

static void remove(struct model *m, unsigned at)
{
    stale_add(m, at);
    m->handle[at].handle = 0;
    m->live--;
}

void model_close(struct model *m, unsigned at)
{
    for (unsigned i = 0; i < MODEL_HANDLES; i++)
        if (m->handle[i].parent == at)
            m->handle[i].parent = m->handle[at].parent;
    remove(m, at);
}

static bool is_below(const struct model *m, unsigned at, unsigned above)
{
    for (at = m->handle[at].parent; at != MODEL_NONE; at = m->handle[at].parent)
        if (at == above)
            return true;
    return false;
}

unsigned model_revoke(struct model *m, unsigned at)
{
    bool goes[MODEL_HANDLES];
    unsigned count = 0;

    for (unsigned i = 0; i < MODEL_HANDLES; i++)
        goes[i] = m->handle[i].handle != 0 && is_below(m, i, at);
    for (unsigned i = 0; i < MODEL_HANDLES; i++)
        if (goes[i]) {
            remove(m, i);
            count++;
        }
    return count;
}

void model_end(struct model *m)
{
    for (unsigned i = 0; i < MODEL_HANDLES; i++)
        if (m->handle[i].handle != 0)
            remove(m, i);
}

void model_move(struct model *m, unsigned at, uint8_t holder, handle_t handle)
{
    stale_add(m, at);
    m->handle[at].holder = holder;
    m->handle[at].handle = handle;
}

enum status model_allows(const struct model *m, unsigned at, enum object_type type, rights_t rights)
{
    if (!model_is_live(m, at))
        return STATUS_BAD_HANDLE;
    if (type != OBJECT_NONE && m->type[m->handle[at].object] != type)
        return STATUS_WRONG_TYPE;
    if ((m->handle[at].rights & rights) != rights)
        return STATUS_NO_RIGHT;
    return STATUS_OK;
}

enum status model_derive(const struct model *m, unsigned at, rights_t need, rights_t rights,
                         uint64_t badge, struct model_handle *out)
{
    const enum status allowed = model_allows(m, at, OBJECT_NONE, need);

    if (allowed != STATUS_OK)
        return allowed;
    *out = m->handle[at];
    out->parent = (uint8_t)at;
    out->rights &= rights;
    if (badge == 0 || badge == out->badge)
        return STATUS_OK;
    const bool loses_bits = m->type[out->object] == OBJECT_EVENT && (badge & out->badge) == badge;
    if (out->badge != 0 && !loses_bits)
        return STATUS_BAD_ARGUMENT;
    out->badge = badge;
    return STATUS_OK;
}

enum status model_allows_passing(const struct model *m, const unsigned at[PORTAL_HANDLES],
                                 unsigned count, unsigned moves)
{
    for (unsigned i = 0; i < count; i++) {
        const bool stays = (moves >> i & 1) == 0;
        const rights_t need = RIGHT_TRANSFER | (stays ? (rights_t)RIGHT_DUPLICATE : 0U);
        for (unsigned k = 0; k < i; k++)
            if (at[k] == at[i] && (moves >> k & 1) != 0)
                return STATUS_BAD_HANDLE;
        const enum status allowed = model_allows(m, at[i], OBJECT_NONE, need);
        if (allowed != STATUS_OK)
            return allowed;
    }
    return STATUS_OK;
}
