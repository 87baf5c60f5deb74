/*
 * Visit: what happens in the holders, one system call or portal call for each that is asked.
 */
#include "family.h"

/* Ask another holder, or whatever portal `h` is; the status is the call's own. */
static enum status ask(handle_t h, const uint64_t *word, uint64_t holder, enum visit what,
                       struct portal_message *m)
{
    m->word[WORD_FIELD] = word[WORD_FIELD];
    m->word[WORD_FAMILY] = word[WORD_FAMILY];
    m->word[WORD_HOLDER] = holder;
    m->word[WORD_VISIT] = what;
    return portal_call_with(h, m, DEADLINE_NEVER);
}

static enum status call(handle_t h, uint64_t *word)
{
    struct portal_message m = {.word = {word[WORD_FIELD], word[WORD_FAMILY], 0, VISIT_ECHO}};
    const enum status s = portal_call(h, &m);

    word[WORD_RESULT] = m.word[WORD_RESULT];
    return s;
}

static enum status pass(struct field *field, struct family *family, const uint64_t *word)
{
    const uint64_t to = word[WORD_ARGUMENT];
    struct portal_message m = {.word = {0}};

    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        m.handle[i] = family->handle[i];
    return ask(field->portal[word[WORD_HOLDER]][to], word, to, VISIT_RECEIVE, &m);
}

static void arrive(struct family *family, const uint64_t *handle)
{
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        family->arrived[i] = handle[i];
}

static enum status fetch(struct field *field, struct family *family, const uint64_t *word)
{
    const uint64_t from = word[WORD_ARGUMENT];
    struct portal_message m = {.word = {0}};
    const enum status s = ask(field->portal[word[WORD_HOLDER]][from], word, from, VISIT_SEND, &m);

    arrive(family, m.handle);
    return s;
}

static bool is_as_modelled(const struct model *model, const struct model_handle *should)
{
    struct handle_info info;

    return handle_info(should->handle, &info) == STATUS_OK && info.rights == should->rights
           && info.badge == should->badge && info.type == model->type[should->object];
}

static void compare(struct family *family, uint64_t holder, uint64_t *word)
{
    const struct model *model = &family->model;
    uint64_t right = 0, odd = MODEL_NONE;

    for (unsigned i = 0; i < MODEL_HANDLES; i++) {
        if (model->handle[i].handle == 0 || model->handle[i].holder != holder)
            continue;
        if (is_as_modelled(model, &model->handle[i]))
            right++;
        else
            odd = i;
    }
    word[WORD_RESULT] = right;
    word[WORD_RESULT + 1] = odd;
}

static enum status info(uint64_t *word)
{
    struct handle_info record = {OBJECT_NONE, 0, 0};
    const enum status s = handle_info(word[WORD_ARGUMENT], &record);

    word[WORD_RESULT] = record.type;
    word[WORD_RESULT + 1] = record.rights;
    word[WORD_RESULT + 2] = record.badge;
    return s;
}

static enum status answer(struct field *field, struct family *family, uint64_t *word)
{
    const uint64_t *a = &word[WORD_ARGUMENT];

    switch ((enum visit)word[WORD_VISIT]) {
    case VISIT_DUPLICATE:
        return handle_duplicate(a[0], (rights_t)a[1], a[2], &word[WORD_RESULT]);
    case VISIT_NARROW:
        return handle_narrow(a[0], (rights_t)a[1]);
    case VISIT_CLOSE:
        return handle_close(a[0]);
    case VISIT_REVOKE:
        return handle_revoke(a[0]);
    case VISIT_INFO:
        return info(word);
    case VISIT_GIVE:
        return domain_give(a[0], a[1], (rights_t)a[2], a[3], &word[WORD_RESULT]);
    case VISIT_SIGNAL:
        return event_signal(a[0], a[1]);
    case VISIT_CALL:
        return call(a[0], word);
    case VISIT_PASS:
        return pass(field, family, word);
    case VISIT_FETCH:
        return fetch(field, family, word);
    case VISIT_RECEIVE:
        arrive(family, &word[SERVED_HANDLE]);
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            word[SERVED_HANDLE + i] = 0;
        return STATUS_OK;
    case VISIT_SEND:
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            word[SERVED_HANDLE + i] = family->handle[i];
        return STATUS_OK;
    case VISIT_ECHO:
        word[WORD_RESULT] = word[SERVED_BADGE];
        return STATUS_OK;
    case VISIT_COMPARE:
        compare(family, word[WORD_HOLDER], word);
        return STATUS_OK;
    default:
        return STATUS_BAD_CALL;
    }
}

void served_visit(uint64_t word[SERVED_WORDS])
{
    struct field *field = (struct field *)(uintptr_t)word[WORD_FIELD];

    word[WORD_STATUS] = answer(field, &field->family[word[WORD_FAMILY]], word);
}
