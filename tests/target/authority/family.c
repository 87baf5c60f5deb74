/*
 * Family: one random step after another, each held against the model.
 */
#include "family.h"

#define QUIET_LOOK_NS (TEST_MS / 10)

enum {
    STALE_ONE_IN = 16,
    ODD_DOMAIN_ONE_IN = 8,
    BADGES = 8,
    ALL_HOLDERS = (1 << HOLDERS) - 1,
};

struct life {
    struct field *field;
    struct family *family;
    uint64_t number; /* of the family, and of the holder where it lives */
    enum deed deed;
    uint32_t touched; /* holders, a bit for each, whose tables this step may have changed */
};

/* A handle that is, or one that was: then `at` is MODEL_NONE. */
struct pick {
    unsigned at;
    unsigned holder;
    handle_t handle;
};

void field_wrong(struct field *field, uint64_t line, const struct family *family, uint64_t deed,
                 uint64_t is, uint64_t wanted)
{
    uint64_t none = 0;

    if (atomic_compare_exchange_strong(&field->wrong.line, &none, line)) {
        field->wrong.family = (uint64_t)(family - field->family);
        field->wrong.step = family->steps;
        field->wrong.deed = deed;
        field->wrong.is = is;
        field->wrong.wanted = wanted;
    }
    field->stop = 1;
}

/* Whether it is what it should be. */
#define LIFE_EXPECT(life, is, wanted) \
    life_expects(life, __LINE__, (uint64_t)(is), (uint64_t)(wanted))

static bool life_expects(const struct life *life, uint64_t line, uint64_t is, uint64_t wanted)
{
    if (is != wanted)
        field_wrong(life->field, line, life->family, life->deed, is, wanted);
    return is == wanted;
}

static uint64_t chance(struct life *life)
{
    return life->family->seed = field_mix(life->family->seed);
}

static enum status visit(struct life *life, unsigned holder, enum visit what,
                         const uint64_t argument[4], uint64_t result[3])
{
    struct portal_message m = {.word = {syscall_word(life->field), life->number, holder, what,
                                        argument[0], argument[1], argument[2], argument[3]}};
    const enum status s = portal_call(life->field->portal[life->number][holder], &m);

    if (!LIFE_EXPECT(life, s, STATUS_OK))
        return STATUS_PEER_DEAD;
    life->touched |= 1U << holder;
    for (unsigned i = 0; i < 3; i++)
        result[i] = m.word[WORD_RESULT + i];
    return (enum status)m.word[WORD_STATUS];
}

/* The kernel's answer is the model's; whether both say that it is done. */
static bool is_done(const struct life *life, enum status is, enum status wanted)
{
    struct counter *counter = &life->family->deed[life->deed];

    if (!LIFE_EXPECT(life, is, wanted))
        return false;
    if (is == STATUS_OK)
        counter->done++;
    else
        counter->refused++;
    return is == STATUS_OK;
}

/* No handle that was ever issued comes again: its slot's generation only grows. */
static void generation_check(const struct life *life, unsigned holder, handle_t handle)
{
    const uint32_t slot = (uint32_t)handle, generation = (uint32_t)(handle >> 32);

    if (!LIFE_EXPECT(life, slot < SLOTS, true))
        return;
    const uint32_t last = atomic_exchange(&life->field->generation[holder][slot], generation);
    (void)LIFE_EXPECT(life, generation > last, true);
}

static void handle_add(const struct life *life, struct model_handle value)
{
    generation_check(life, value.holder, value.handle);
    (void)model_add(&life->family->model, value);
}

/* ---- which handle ---- */

static struct pick pick_entry(const struct life *life, unsigned at)
{
    const struct model_handle *entry = &life->family->model.handle[at];

    return (struct pick){at, entry->holder, entry->handle};
}

static struct pick pick_any(struct life *life)
{
    const struct model *model = &life->family->model;
    const struct model_stale *old = &model->stale[chance(life) % MODEL_STALE];

    if (old->handle != 0 && chance(life) % STALE_ONE_IN == 0)
        return (struct pick){MODEL_NONE, old->holder, old->handle};
    return pick_entry(life, model_find(model, (unsigned)(chance(life) % MODEL_HANDLES)));
}

/* Another one of the same table; `pick` itself if there is no other. */
static struct pick pick_beside(struct life *life, struct pick pick)
{
    const struct model *model = &life->family->model;
    const unsigned from = (unsigned)(chance(life) % MODEL_HANDLES);

    for (unsigned i = 0; i < MODEL_HANDLES; i++) {
        const unsigned at = (from + i) % MODEL_HANDLES;
        if (model_is_live(model, at) && model->handle[at].holder == pick.holder)
            return pick_entry(life, at);
    }
    return pick;
}

/* Mostly one of the domain. */
static struct pick pick_domain(struct life *life)
{
    const struct model *model = &life->family->model;
    const unsigned from = (unsigned)(chance(life) % MODEL_HANDLES);

    if (chance(life) % ODD_DOMAIN_ONE_IN == 0)
        return pick_any(life);
    for (unsigned i = 0; i < MODEL_HANDLES; i++) {
        const unsigned at = (from + i) % MODEL_HANDLES;
        if (model_is_live(model, at) && model->handle[at].object == THE_DOMAIN)
            return pick_entry(life, at);
    }
    return pick_any(life);
}

static rights_t any_rights(struct life *life)
{
    const uint64_t r = chance(life);

    if (r % 2 == 0)
        return RIGHT_ALL;
    return (rights_t)(r >> 8 & RIGHT_ALL) | (r % 8 < 6 ? RIGHT_DUPLICATE | RIGHT_TRANSFER : 0U);
}

static uint64_t any_badge(struct life *life)
{
    const uint64_t r = chance(life);

    return r % 4 == 0 ? (r >> 8) % BADGES : 0;
}

/* ---- the deeds ---- */

static void do_duplicate(struct life *life)
{
    const struct pick pick = pick_any(life);
    const uint64_t a[4] = {pick.handle, any_rights(life), any_badge(life)};
    struct model_handle new = {0};
    uint64_t result[3];
    const enum status should =
        model_derive(&life->family->model, pick.at, RIGHT_DUPLICATE, (rights_t)a[1], a[2], &new);

    if (!is_done(life, visit(life, pick.holder, VISIT_DUPLICATE, a, result), should))
        return;
    new.handle = result[0];
    handle_add(life, new);
}

/* The roots stay as they are, or a family would end early. */
static void do_narrow(struct life *life)
{
    struct model *model = &life->family->model;
    const struct pick pick = pick_any(life);
    const bool is_root = pick.at != MODEL_NONE && model_is_root(model, pick.at);
    const uint64_t a[4] = {pick.handle, is_root ? (rights_t)RIGHT_ALL : any_rights(life)};
    uint64_t result[3];
    const enum status should = model_allows(model, pick.at, OBJECT_NONE, 0);

    if (is_done(life, visit(life, pick.holder, VISIT_NARROW, a, result), should))
        model->handle[pick.at].rights &= (rights_t)a[1];
}

static void do_close(struct life *life)
{
    struct model *model = &life->family->model;
    const struct pick pick = pick_any(life);
    const uint64_t a[4] = {pick.handle};
    uint64_t result[3];

    if (pick.at != MODEL_NONE && model_is_root(model, pick.at))
        return;
    const enum status should = model_allows(model, pick.at, OBJECT_NONE, 0);
    if (is_done(life, visit(life, pick.holder, VISIT_CLOSE, a, result), should))
        model_close(model, pick.at);
}

static void do_revoke(struct life *life)
{
    struct model *model = &life->family->model;
    const struct pick pick = pick_any(life);
    const uint64_t a[4] = {pick.handle};
    uint64_t result[3];
    const enum status should = model_allows(model, pick.at, OBJECT_NONE, 0);

    if (!is_done(life, visit(life, pick.holder, VISIT_REVOKE, a, result), should))
        return;
    life->family->gone += model_revoke(model, pick.at);
    life->touched = ALL_HOLDERS;
}

/* They have arrived in `to`: moved, or as duplicates. */
static void passed(struct life *life, const unsigned at[PORTAL_HANDLES], unsigned count,
                   unsigned moves, unsigned to)
{
    const struct family *family = life->family;

    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (!LIFE_EXPECT(life, family->arrived[i] != 0, i < count) || i >= count)
            continue;
        struct model_handle new = family->model.handle[at[i]];
        new.parent = (uint8_t)at[i];
        new.holder = (uint8_t)to;
        new.handle = family->arrived[i];
        if ((moves >> i & 1) == 0) {
            handle_add(life, new);
            continue;
        }
        generation_check(life, to, new.handle);
        model_move(&life->family->model, at[i], new.holder, new.handle);
    }
}

/* A return that moves what can't be passed closes it. */
static void moved_in_vain(struct life *life, const unsigned at[PORTAL_HANDLES], unsigned count,
                          unsigned moves)
{
    struct model *model = &life->family->model;

    for (unsigned i = 0; i < count; i++)
        if ((moves >> i & 1) != 0 && at[i] != MODEL_NONE && model_is_live(model, at[i]))
            model_close(model, at[i]);
}

/* With a call from where they are, or with the return of a call to there. */
static void do_pass(struct life *life)
{
    struct family *family = life->family;
    const struct pick first = pick_any(life);
    const unsigned count = 1 + (unsigned)(chance(life) % PORTAL_HANDLES);
    const unsigned to = (unsigned)(chance(life) % HOLDERS), from = first.holder;
    unsigned at[PORTAL_HANDLES] = {0}, moves = (unsigned)(chance(life) & chance(life));
    uint64_t result[3];

    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        const struct pick pick = i == 0 ? first : pick_beside(life, first);
        at[i] = pick.at;
        if (pick.at != MODEL_NONE && model_is_root(&family->model, pick.at))
            moves &= ~(1U << i);
        family->handle[i] =
            i >= count ? 0 : pick.handle | ((moves >> i & 1) != 0 ? HANDLE_MOVE : 0);
        family->arrived[i] = 0;
    }
    const enum status should = model_allows_passing(&family->model, at, count, moves);
    const bool is_call = life->deed == DEED_PASS;
    const uint64_t a[4] = {is_call ? to : from};
    const enum status s =
        visit(life, is_call ? from : to, is_call ? VISIT_PASS : VISIT_FETCH, a, result);
    life->touched |= 1U << to | 1U << from;
    if (is_done(life, s, should))
        passed(life, at, count, moves, to);
    else if (!is_call)
        moved_in_vain(life, at, count, moves);
}

static void do_give(struct life *life)
{
    struct model *model = &life->family->model;
    const struct pick domain = pick_domain(life), pick = pick_beside(life, domain);
    const uint64_t a[4] = {domain.handle, pick.handle, any_rights(life), any_badge(life)};
    struct model_handle new = {0};
    uint64_t result[3];
    enum status should = model_allows(model, domain.at, OBJECT_DOMAIN, RIGHT_MANAGE);

    if (should == STATUS_OK)
        should = model_derive(model, pick.at, RIGHT_DUPLICATE | RIGHT_TRANSFER, (rights_t)a[2],
                              a[3], &new);
    if (!is_done(life, visit(life, domain.holder, VISIT_GIVE, a, result), should))
        return;
    new.handle = result[0];
    new.holder = (uint8_t)((life->number + 1) % HOLDERS);
    life->touched |= 1U << new.holder;
    handle_add(life, new);
}

static void do_signal(struct life *life)
{
    struct family *family = life->family;
    const struct pick pick = pick_any(life);
    const uint64_t a[4] = {pick.handle, chance(life)};
    uint64_t result[3], bits = 0;
    const enum status should = model_allows(&family->model, pick.at, OBJECT_EVENT, RIGHT_SIGNAL);

    family->bits = 0;
    if (is_done(life, visit(life, pick.holder, VISIT_SIGNAL, a, result), should)) {
        const uint64_t badge = family->model.handle[pick.at].badge;
        bits = badge == 0 ? a[1] : a[1] & badge;
    }
    (void)LIFE_EXPECT(life, *(volatile uint64_t *)&family->bits, bits);
}

static void do_call(struct life *life)
{
    const struct model *model = &life->family->model;
    const struct pick pick = pick_any(life);
    const uint64_t a[4] = {pick.handle};
    uint64_t result[3];
    const enum status should = model_allows(model, pick.at, OBJECT_PORTAL, RIGHT_CALL);

    if (is_done(life, visit(life, pick.holder, VISIT_CALL, a, result), should))
        (void)LIFE_EXPECT(life, result[0], model->handle[pick.at].badge);
}

/* ---- living ---- */

static enum deed deed_any(struct life *life)
{
    const uint64_t r = chance(life) % 100;

    if (life->family->model.live + PORTAL_HANDLES > MODEL_HANDLES)
        return r < 50 ? DEED_CLOSE : DEED_REVOKE;
    return r < 20   ? DEED_DUPLICATE
           : r < 26 ? DEED_NARROW
           : r < 48 ? DEED_CLOSE
           : r < 54 ? DEED_REVOKE
           : r < 64 ? DEED_PASS
           : r < 74 ? DEED_FETCH
           : r < 80 ? DEED_GIVE
           : r < 90 ? DEED_SIGNAL
                    : DEED_CALL;
}

static void deed_do(struct life *life)
{
    switch (life->deed) {
    case DEED_DUPLICATE:
        do_duplicate(life);
        break;
    case DEED_NARROW:
        do_narrow(life);
        break;
    case DEED_CLOSE:
        do_close(life);
        break;
    case DEED_REVOKE:
        do_revoke(life);
        break;
    case DEED_PASS:
    case DEED_FETCH:
        do_pass(life);
        break;
    case DEED_GIVE:
        do_give(life);
        break;
    case DEED_SIGNAL:
        do_signal(life);
        break;
    default:
        do_call(life);
        break;
    }
}

static unsigned count_in(const struct model *model, unsigned holder)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MODEL_HANDLES; i++)
        count += model_is_live(model, i) && model->handle[i].holder == holder;
    return count;
}

/* What the step may have changed, and all else of the family in these tables, is as modelled. */
static void compare(struct life *life)
{
    const uint32_t touched = life->touched;
    uint64_t result[3];

    for (unsigned i = 0; i < HOLDERS && life->field->stop == 0; i++) {
        if ((touched >> i & 1) == 0)
            continue;
        (void)visit(life, i, VISIT_COMPARE, (const uint64_t[4]){0}, result);
        (void)LIFE_EXPECT(life, result[1], MODEL_NONE);
        (void)LIFE_EXPECT(life, result[0], count_in(&life->family->model, i));
        life->family->compared += result[0];
    }
}

void family_live(const struct birth *birth)
{
    struct field *field = (struct field *)(uintptr_t)birth->argument[0];
    struct life life = {
        .field = field, .family = &field->family[birth->argument[1]], .number = birth->argument[1]};

    while (field->stop == 0) {
        for (; life.family->steps < life.family->steps_end && field->stop == 0;
             life.family->steps++) {
            life.deed = deed_any(&life);
            life.touched = 0;
            deed_do(&life);
            if (life.family->steps % field->look == 0)
                compare(&life);
        }
        const uint64_t rounds = ++life.family->rounds;
        while (field->rounds < rounds && field->stop == 0)
            (void)thread_sleep(time_here_ns() + QUIET_LOOK_NS);
    }
}
