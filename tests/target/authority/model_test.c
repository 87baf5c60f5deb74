/*
 * A million operations on handles, in four domains at once, and after each the kernel's tables say
 * what a model says.
 *
 * Each family (family.h) judges its own steps.  This thread lets all of them stop from time to
 * time, and holds whole tables, slot by slot, against all models together; now and then it takes
 * back all that a family has, by the handles that its roots were derived from.
 *
 * The kernel's command line may say how many, from which seed, and after how many steps a family
 * compares what is with what should be (1: after each): model.ops=1000000 model.seed=7 model.look=1
 */
#include "family.h"

#include "rt/log.h"

#include <string.h>

#define RW ((rights_t)(RIGHT_READ | RIGHT_WRITE))

enum {
    OPERATIONS_DEFAULT = 100000,
    BASELINE_MAX = 32,
    END_ONE_IN = 3, /* rounds after which a family is taken all that it has */
    ROUND_S = 60,   /* a busy host may need long */
};

static const char *const deed_names[DEED_COUNT] = {
    [DEED_DUPLICATE] = "duplicates", [DEED_NARROW] = "narrowed", [DEED_CLOSE] = "closed",
    [DEED_REVOKE] = "revoked",       [DEED_PASS] = "passed",     [DEED_FETCH] = "passed back",
    [DEED_GIVE] = "given",           [DEED_SIGNAL] = "signals",  [DEED_CALL] = "calls",
};

/* What a holder has beside the families' handles. */
struct baseline {
    struct info_handle handle[BASELINE_MAX];
    unsigned count;
};

static struct field *field;
static struct server holder[HOLDERS];
static struct baseline baseline[HOLDERS];
static handle_t object[FAMILIES][MODEL_OBJECTS]; /* of this domain */
static uint64_t looked_at;                       /* handles, at quiet points */

/* ---- setting up ---- */

static bool holders_make(handle_t segment)
{
    for (unsigned i = 0; i < HOLDERS; i++) {
        if (!server_make(&(struct child_needs){0}, served_visit, HOLDER_STACKS, &holder[i])
            || segment_grant(segment, holder[i].child.domain, RW) != STATUS_OK)
            return false;
        field->domain_id[i] = holder[i].child.id;
    }
    for (unsigned i = 0; i < HOLDERS; i++)
        for (unsigned k = 0; k < HOLDERS; k++)
            field->portal[i][k] = child_give(&holder[i].child, holder[k].portal, RIGHT_CALL, 0);
    return !test_has_failed();
}

static enum status objects_make(unsigned f, handle_t segment)
{
    const uint64_t offset = syscall_word(&field->family[f].bits) - syscall_word(field);
    handle_t *own = object[f];
    uaddr_t address = 0;
    enum status s = event_create(segment, offset, &own[THE_EVENT]);

    if (s == STATUS_OK)
        s = clock_create(own[THE_EVENT], 1, &own[THE_CLOCK]);
    if (s == STATUS_OK)
        s = segment_create(PAGE_BYTES, RW, 0, 0, name_from("family"), &own[THE_SEGMENT], &address);
    if (s == STATUS_OK)
        s = handle_duplicate(holder[f].portal, RIGHT_ALL, 0, &own[THE_PORTAL]);
    if (s == STATUS_OK)
        s = handle_duplicate(holder[(f + 1) % HOLDERS].child.domain, RIGHT_ALL, 0,
                             &own[THE_DOMAIN]);
    return s;
}

/* Its roots: a handle to each of its objects, in the holder where it lives. */
static void roots_give(unsigned f)
{
    static const uint8_t types[MODEL_OBJECTS] = {[THE_EVENT] = OBJECT_EVENT,
                                                 [THE_PORTAL] = OBJECT_PORTAL,
                                                 [THE_SEGMENT] = OBJECT_SEGMENT,
                                                 [THE_CLOCK] = OBJECT_CLOCK,
                                                 [THE_DOMAIN] = OBJECT_DOMAIN};
    struct model *model = &field->family[f].model;

    for (unsigned i = 0; i < MODEL_OBJECTS; i++) {
        struct handle_info info = {OBJECT_NONE, 0, 0};
        EXPECT_OK(handle_info(object[f][i], &info));
        const struct model_handle root = {
            .handle = child_give(&holder[f].child, object[f][i], RIGHT_ALL, 0),
            .rights = info.rights,
            .holder = (uint8_t)f,
            .object = (uint8_t)i,
            .parent = MODEL_NONE};
        EXPECT(root.handle != 0 && (uint32_t)root.handle < SLOTS);
        _Atomic uint32_t *last = &field->generation[f][(uint32_t)root.handle];
        EXPECT(root.handle >> 32 > *last);
        *last = (uint32_t)(root.handle >> 32);
        model->type[i] = types[i];
        (void)model_add(model, root);
    }
}

static void baseline_take(unsigned h)
{
    struct baseline *base = &baseline[h];

    base->count = 0;
    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        struct info_handle *record = &base->handle[base->count];
        EXPECT(base->count < BASELINE_MAX);
        const enum status s =
            domain_info(holder[h].child.domain, INFO_HANDLES, index, record, sizeof *record, &next);
        if (s == STATUS_NOT_FOUND)
            break;
        EXPECT_OK(s);
        field->generation[h][(uint32_t)record->handle % SLOTS] = (uint32_t)(record->handle >> 32);
        base->count++;
    }
}

static bool setting_make(uint64_t seed)
{
    const uint64_t bytes = (sizeof *field + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    handle_t segment = 0;
    uaddr_t address = 0;

    if (probe_make(bytes, RW, &segment, &address) != STATUS_OK)
        return false;
    field = (struct field *)(uintptr_t)address;
    field->look = test_option("model.look=", 1);
    if (!holders_make(segment))
        return false;
    for (unsigned i = 0; i < HOLDERS; i++)
        baseline_take(i);
    for (unsigned i = 0; i < FAMILIES && !test_has_failed(); i++) {
        field->family[i].seed = field_mix(seed * FAMILIES + i);
        if (objects_make(i, segment) != STATUS_OK)
            return false;
        roots_give(i);
    }
    return !test_has_failed();
}

/* ---- quiet points ---- */

static const struct model_handle *modelled(unsigned h, handle_t handle, unsigned *of)
{
    for (unsigned f = 0; f < FAMILIES; f++)
        for (unsigned i = 0; i < MODEL_HANDLES; i++) {
            const struct model_handle *entry = &field->family[f].model.handle[i];
            *of = f;
            if (entry->handle == handle && entry->holder == h)
                return entry;
        }
    return NULL;
}

static const struct info_handle *in_baseline(unsigned h, handle_t handle)
{
    for (unsigned i = 0; i < baseline[h].count; i++)
        if (baseline[h].handle[i].handle == handle)
            return &baseline[h].handle[i];
    return NULL;
}

static void record_compare(unsigned h, const struct info_handle *is)
{
    const struct info_handle *base = in_baseline(h, is->handle);
    struct segment_info segment = {0};
    unsigned f = 0;

    if (base != NULL) {
        EXPECT_IS(memcmp(base, is, sizeof *is), 0);
        return;
    }
    const struct model_handle *should = modelled(h, is->handle, &f);
    EXPECT_IS(should != NULL ? is->handle : 0, is->handle);
    EXPECT_IS(is->rights, should->rights);
    EXPECT_IS(is->badge, should->badge);
    EXPECT_IS(is->type, field->family[f].model.type[should->object]);
    if (should->object == THE_DOMAIN)
        EXPECT_IS(is->detail, field->domain_id[(f + 1) % HOLDERS]);
    if (should->object == THE_PORTAL)
        EXPECT_IS(is->owner_domain_id, field->domain_id[f]);
    if (should->object == THE_SEGMENT) {
        EXPECT_OK(segment_info(object[f][THE_SEGMENT], &segment));
        EXPECT_IS(is->detail, segment.address);
    }
}

/* Nobody works.  No table has a handle more or less than the models say. */
static void tables_compare(void)
{
    for (unsigned h = 0; h < HOLDERS && !test_has_failed(); h++) {
        const handle_t domain = holder[h].child.domain;
        unsigned wanted = baseline[h].count, count = 0;
        struct info_handle record;
        for (unsigned f = 0; f < FAMILIES; f++)
            for (unsigned i = 0; i < MODEL_HANDLES; i++)
                wanted += model_is_live(&field->family[f].model, i)
                          && field->family[f].model.handle[i].holder == h;
        for (uint64_t index = 0, next = 1; next != 0 && !test_has_failed(); index = next) {
            const enum status s =
                domain_info(domain, INFO_HANDLES, index, &record, sizeof record, &next);
            if (s == STATUS_NOT_FOUND)
                break;
            EXPECT_OK(s);
            record_compare(h, &record);
            count++;
        }
        EXPECT_IS(count, wanted);
        EXPECT_IS(child_info(&holder[h].child).used.handles, wanted);
        looked_at += count;
    }
}

/* All that was derived from this domain's handles goes, and it starts again. */
static void family_end(unsigned f)
{
    for (unsigned i = 0; i < MODEL_OBJECTS; i++)
        EXPECT_OK(handle_revoke(object[f][i]));
    model_end(&field->family[f].model);
    tables_compare();
    if (!test_has_failed())
        roots_give(f);
}

/* ---- the rounds ---- */

static void wrong_say(void)
{
    const struct wrong *wrong = &field->wrong;

    log_line("model: family.c:%llu: family %llu, step %llu (%s): is 0x%llx, should be 0x%llx",
             (unsigned long long)wrong->line, (unsigned long long)wrong->family,
             (unsigned long long)wrong->step, deed_names[wrong->deed],
             (unsigned long long)wrong->is, (unsigned long long)wrong->wanted);
}

static bool all_are_there(uint64_t rounds)
{
    for (unsigned i = 0; i < FAMILIES; i++)
        if (field->family[i].rounds < rounds)
            return false;
    return true;
}

static void round_await(uint64_t rounds)
{
    const nsec_t deadline = test_soon(ROUND_S * TEST_S);

    while (!all_are_there(rounds) && field->stop == 0 && test_soon(0) < deadline)
        (void)thread_sleep(test_soon(TEST_MS / 10));
    if (field->wrong.line != 0)
        wrong_say();
    EXPECT_IS(field->wrong.line, 0);
    if (!all_are_there(rounds))
        test_say_threads();
    EXPECT(all_are_there(rounds));
}

static void rounds_do(uint64_t count)
{
    for (uint64_t round = 1; round <= count && !test_has_failed(); round++) {
        round_await(round);
        if (!test_has_failed())
            tables_compare();
        if (!test_has_failed() && round % END_ONE_IN == 0)
            family_end((unsigned)(round / END_ONE_IN) % FAMILIES);
        for (unsigned i = 0; i < FAMILIES; i++)
            field->family[i].steps_end += ROUND_STEPS;
        if (round == count)
            field->stop = 1;
        field->rounds = round;
    }
    field->stop = 1;
}

static void counts_say(void)
{
    uint64_t steps = 0, gone = 0, compared = 0;

    for (unsigned i = 0; i < FAMILIES; i++) {
        steps += field->family[i].steps;
        gone += field->family[i].gone;
        compared += field->family[i].compared;
    }
    log_line("model: %llu operations, %llu handles compared after them and %llu at quiet points, "
             "%llu gone by revoking",
             (unsigned long long)steps, (unsigned long long)compared, (unsigned long long)looked_at,
             (unsigned long long)gone);
    for (unsigned d = 0; d < DEED_COUNT; d++) {
        struct counter all = {0, 0};
        for (unsigned i = 0; i < FAMILIES; i++) {
            all.done += field->family[i].deed[d].done;
            all.refused += field->family[i].deed[d].refused;
        }
        log_line("model: %-11s %9llu done, %9llu refused", deed_names[d],
                 (unsigned long long)all.done, (unsigned long long)all.refused);
        EXPECT(all.done > 0 && all.refused > 0);
    }
}

static void handles_are_as_the_model_says(void)
{
    const uint64_t operations = test_option("model.ops=", OPERATIONS_DEFAULT);
    const uint64_t rounds = (operations + FAMILIES * ROUND_STEPS - 1) / (FAMILIES * ROUND_STEPS);

    EXPECT(board_get() != NULL);
    EXPECT(setting_make(test_option("model.seed=", 1)));
    for (unsigned i = 0; i < FAMILIES; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {syscall_word(field), i};
        handle_t thread = 0;
        field->family[i].steps_end = ROUND_STEPS;
        EXPECT_OK(child_start_at(&holder[i].child, family_live, argument, CHILD_PRIORITY, &thread));
        EXPECT_OK(handle_close(thread));
    }
    rounds_do(rounds);
    for (unsigned i = 0; i < HOLDERS && !test_has_failed(); i++)
        EXPECT_IS(child_wait_long(&holder[i].child), CHILD_DONE);
    counts_say();
    for (unsigned i = 0; i < FAMILIES && !test_has_failed(); i++)
        family_end(i);
    for (unsigned i = 0; i < HOLDERS; i++)
        EXPECT_IS(child_fault(&holder[i].child).reason, FAULT_NONE);
    for (unsigned i = 0; i < HOLDERS; i++) {
        EXPECT_OK(domain_destroy(holder[i].child.domain));
        const struct info_domain info = child_info(&holder[i].child);
        EXPECT_IS(info.used.frames | info.used.objects | info.used.threads | info.used.handles, 0);
    }
}

static const struct test model_tests[] = {
    TEST(handles_are_as_the_model_says),
};
TEST_GROUP(model);
