/*
 * Just enough of a kernel for loop, memory, connections and services.
 */
#include "fake_kernel.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "abi/info.h"
#include "abi/rights.h"
#include "rt/app.h"
#include "rt/counter.h"
#include "rt/log.h"
#include "rt/monitor.h"
#include "rt/svc.h"

enum { HANDLES = 512, OBJECTS = 256, OFFERS = 8, APP_PORTAL_HANDLE = 1, DATA_HANDLE = 2 };

/* A service by the words of its name. */
struct fake_offer {
    uint64_t name[4];
    handle_t portal;
};

struct fake_object {
    enum object_type type;
    unsigned references;
    void *memory; /* segment */
    uint64_t length;
    _Atomic uint64_t *word;                                                   /* event */
    void (*handler)(void *context, uint64_t badge, struct portal_message *m); /* portal */
    void *context;
};

struct fake_handle {
    struct fake_object *object; /* NULL: free */
    rights_t rights;
    uint64_t badge;
    bool is_buried;
    uint32_t owner; /* the domain that acted when it was made */
    struct fake_object *watch_event;
    uint64_t watch_bits;
};

static struct fake_object objects[OBJECTS];
static struct fake_handle handles[HANDLES];
static uint64_t generation = 1; /* a handle's high half; grows with every close */
static uint64_t handle_generation[HANDLES];
static unsigned signals;
static struct fake_offer offers[OFFERS];
static handle_t retry_event;
static bool service_is_up, service_is_dead;
static enum status connect_answer;
static uint64_t next_badge;
static uint32_t acting_domain;
static void (*on_idle)(void);
static void (*on_die)(void);
static enum status wait_answer;
static bool are_signals_lost;
static handle_t heart;           /* to ask the loop with */
static _Atomic uint64_t answers; /* the word of the event that it answers with */
static nsec_t now, now_limit;
static struct startup startup;
static unsigned lines; /* that were logged */

static struct fake_object *object_make(enum object_type type)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i].references == 0) {
            objects[i] = (struct fake_object){.type = type};
            return &objects[i];
        }
    abort();
}

static void object_put(struct fake_object *o)
{
    if (--o->references == 0)
        free(o->memory);
}

static handle_t handle_make(struct fake_object *o, rights_t rights, uint64_t badge)
{
    for (unsigned i = 1; i < HANDLES; i++)
        if (handles[i].object == NULL) {
            handles[i] = (struct fake_handle){
                .object = o, .rights = rights, .badge = badge, .owner = acting_domain};
            handle_generation[i] = generation;
            o->references++;
            return generation << 32 | i;
        }
    abort();
}

static struct fake_handle *handle_find(handle_t h)
{
    uint32_t slot = (uint32_t)h;

    if (slot == 0 || slot >= HANDLES || handles[slot].object == NULL
        || handle_generation[slot] != h >> 32)
        return NULL;
    return &handles[slot];
}

static void handle_drop(struct fake_handle *h)
{
    struct fake_object *o = h->object;

    *h = (struct fake_handle){0};
    generation++;
    object_put(o);
}

void fake_reset(void)
{
    for (unsigned i = 1; i < HANDLES; i++)
        if (handles[i].object != NULL)
            handle_drop(&handles[i]);
    signals = 0;
    memset(offers, 0, sizeof offers);
    retry_event = 0;
    service_is_up = true;
    connect_answer = STATUS_OK;
    next_badge = 1;
    fake_connect_as(FAKE_SERVER);
    now = 1;
    now_limit = 0;
    startup = (struct startup){.magic = STARTUP_MAGIC, .app_portal = APP_PORTAL_HANDLE};
    startup.data.handle = DATA_HANDLE;
    on_die = NULL;
    wait_answer = STATUS_OK;
    are_signals_lost = false;
    heart = 0;

    struct fake_object *o = object_make(OBJECT_EVENT);

    o->word = &answers;
    startup.heartbeat = handle_make(o, RIGHT_SIGNAL, 1);
}

unsigned fake_handles(void)
{
    unsigned count = 0;

    for (unsigned i = 1; i < HANDLES; i++)
        count += handles[i].object != NULL;
    return count;
}

unsigned fake_objects(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < OBJECTS; i++)
        count += objects[i].references != 0;
    return count;
}

unsigned fake_signals(void)
{
    return signals;
}

void fake_bury(handle_t h)
{
    struct fake_handle *f = handle_find(h);

    assert(f != NULL);
    f->is_buried = true;
    if (f->watch_event != NULL)
        atomic_fetch_or(f->watch_event->word, f->watch_bits);
}

void fake_service_up(bool is_up)
{
    service_is_up = is_up;
    struct fake_handle *f = handle_find(retry_event);

    if (!is_up || f == NULL)
        return;
    atomic_fetch_or(f->object->word, f->badge);
    handle_drop(f);
}

void fake_connect_answer(enum status s)
{
    connect_answer = s;
}

void fake_connect_as(uint32_t domain_id)
{
    acting_domain = domain_id;
    next_badge = (uint64_t)domain_id << 32 | (uint32_t)next_badge;
}

void fake_service_dead(bool is_dead)
{
    service_is_dead = is_dead;
}

void fake_on_idle(void (*idle)(void))
{
    on_idle = idle;
}

void fake_wait_answer(enum status s)
{
    wait_answer = s;
}

void fake_on_die(void (*die)(void))
{
    on_die = die;
}

void fake_lose_signals(bool are_lost)
{
    are_signals_lost = are_lost;
}

void fake_ask(void)
{
    const struct fake_handle *f = handle_find(heart);

    assert(f != NULL);
    atomic_store(&answers, 0);
    atomic_fetch_or(f->object->word, f->badge);
}

bool fake_has_answered(void)
{
    return atomic_load(&answers) != 0;
}

void fake_time(nsec_t now_ns)
{
    now = now_ns;
}

void fake_time_limit(nsec_t limit_ns)
{
    now_limit = limit_ns;
}

nsec_t time_now_ns(void);
nsec_t time_after_ns(nsec_t ns);

nsec_t time_now_ns(void)
{
    return now;
}

nsec_t time_after_ns(nsec_t ns)
{
    return now + ns;
}

const struct startup *startup_get(void)
{
    return &startup;
}

void monitor_enter(void)
{
}

void monitor_leave(void)
{
}

void log_line(const char *format, ...)
{
    (void)format;
    lines++;
}

unsigned fake_lines(void)
{
    return lines;
}

static _Noreturn void die(void)
{
    if (on_die != NULL)
        on_die();
    abort();
}

void log_die(const char *format, ...)
{
    (void)format;
    die();
}

void log_crash(const char *format, ...)
{
    (void)format;
    die();
}

/* --- portals --- */

/* As the kernel does: duplicate, or move where HANDLE_MOVE is set. */
static void handles_pass(struct portal_message *m)
{
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (m->handle[i] == 0)
            continue;

        struct fake_handle *f = handle_find(m->handle[i] & ~HANDLE_MOVE);

        assert(f != NULL && (f->rights & RIGHT_TRANSFER) != 0);
        handle_t passed = handle_make(f->object, f->rights, f->badge);

        handle_find(passed)->is_buried = f->is_buried;
        handle_find(passed)->owner = f->owner;
        if ((m->handle[i] & HANDLE_MOVE) != 0)
            handle_drop(f);
        m->handle[i] = passed;
    }
}

/* The offer of the name in words 1 to 4, or the place for it. */
static struct fake_offer *offer_find(const struct portal_message *m)
{
    for (unsigned i = 0; i < OFFERS; i++)
        if (offers[i].portal == 0
            || memcmp(offers[i].name, &m->word[1], sizeof offers[i].name) == 0)
            return &offers[i];
    abort();
}

static void app_serve(struct portal_message *m)
{
    struct fake_offer *offer = offer_find(m);
    handle_t passed = m->handle[0];
    struct fake_handle *f;

    memset(m->handle, 0, sizeof m->handle);
    if (m->word[0] == APP_OFFER) {
        offer->portal = passed;
        memcpy(offer->name, &m->word[1], sizeof offer->name);
        m->word[0] = STATUS_OK;
        return;
    }
    if (m->word[0] == APP_HEARTBEAT) {
        heart = passed;
        m->word[0] = STATUS_OK;
        return;
    }
    assert(m->word[0] == APP_CONNECT);
    m->word[0] = connect_answer;
    const bool has_failed = connect_answer == STATUS_PEER_DEAD;
    if (has_failed || (connect_answer == STATUS_OK && !service_is_up)) {
        if ((f = handle_find(retry_event)) != NULL)
            handle_drop(f);
        retry_event = passed;
        m->word[0] = has_failed ? STATUS_PEER_DEAD : STATUS_WOULD_BLOCK;
        return;
    }
    if ((f = handle_find(passed)) != NULL)
        handle_drop(f);
    f = handle_find(offer->portal);
    if (m->word[0] == STATUS_OK && f == NULL)
        m->word[0] = STATUS_NOT_FOUND;
    if (m->word[0] != STATUS_OK)
        return;
    passed = handle_make(f->object, RIGHT_CALL | RIGHT_INSPECT, next_badge++);
    handle_find(passed)->is_buried = service_is_dead;
    handle_find(passed)->owner = f->owner;
    m->word[1] = passed;
}

enum status portal_call_with(handle_t portal, struct portal_message *m, nsec_t deadline_ns)
{
    handle_t received[PORTAL_HANDLES];

    (void)deadline_ns;
    if (portal == APP_PORTAL_HANDLE) {
        handles_pass(m);
        app_serve(m);
        handles_pass(m);
        return STATUS_OK;
    }

    struct fake_handle *f = handle_find(portal);

    if (f == NULL)
        return STATUS_BAD_HANDLE;
    if (f->is_buried)
        return STATUS_PEER_DEAD;
    handles_pass(m);
    memcpy(received, m->handle, sizeof received);
    f->object->handler(f->object->context, f->badge, m);
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        if (m->handle[i] != 0 && m->handle[i] == received[i])
            m->handle[i] |= HANDLE_MOVE;
    handles_pass(m);
    return STATUS_OK;
}

enum status portal_request(handle_t portal, struct portal_message *m)
{
    enum status s = portal_call_with(portal, m, 0);

    return s == STATUS_OK ? (enum status)m->word[0] : s;
}

enum status portal_serve(void (*handler)(void *context, uint64_t badge, struct portal_message *m),
                         void *context, size_t stack_bytes, unsigned stack_count, handle_t *portal)
{
    struct fake_object *o = object_make(OBJECT_PORTAL);

    (void)stack_bytes;
    (void)stack_count;
    o->handler = handler;
    o->context = context;
    *portal = handle_make(o, RIGHT_ALL, 0);
    return STATUS_OK;
}

/* --- system calls --- */

static enum status sys_segment_create(struct svc_words *w)
{
    struct fake_object *o = object_make(OBJECT_SEGMENT);

    o->length = w->word[0];
    o->memory = aligned_alloc(PAGE_BYTES, o->length);
    memset(o->memory, 0, o->length);
    w->word[1] = handle_make(o, (rights_t)w->word[1] | (RIGHT_ALL & ~(rights_t)RIGHTS_MEMORY), 0);
    w->word[2] = (uint64_t)(uintptr_t)o->memory;
    return STATUS_OK;
}

/* Of a handle of one's own, by its slot. */
static enum status sys_domain_info(const struct svc_words *w)
{
    const uint32_t slot = (uint32_t)w->word[2];
    struct info_handle *out = (struct info_handle *)(uintptr_t)w->word[3];

    assert(w->word[0] == 0 && w->word[1] == INFO_HANDLES && w->word[4] == sizeof *out);
    if (slot >= HANDLES || handles[slot].object == NULL)
        return STATUS_NOT_FOUND;
    const struct fake_handle *f = &handles[slot];
    /* Nothing is of a domain that is gone. */
    const bool is_forgotten = f->is_buried;
    *out = (struct info_handle){.handle = handle_generation[slot] << 32 | slot,
                                .badge = f->badge,
                                .type = f->object->type,
                                .rights = f->rights,
                                .owner_domain_id = is_forgotten ? 0 : f->owner};
    return STATUS_OK;
}

static enum status sys_event_signal(const struct fake_handle *f, uint64_t bits)
{
    if (f->is_buried)
        return STATUS_PEER_DEAD;
    if (f->badge != 0)
        bits &= f->badge;
    if (are_signals_lost)
        return STATUS_OK;
    signals += bits != 0;
    atomic_fetch_or(f->object->word, bits);
    return STATUS_OK;
}

static enum status sys_event_wait(const struct fake_handle *f, nsec_t deadline_ns)
{
    const enum status answer = wait_answer;

    wait_answer = STATUS_OK;
    if (answer != STATUS_OK || atomic_load(f->object->word) != 0)
        return answer;
    if (deadline_ns != 0 && (now_limit == 0 || deadline_ns <= now_limit)) {
        now = deadline_ns > now ? deadline_ns : now;
        return STATUS_TIMED_OUT;
    }
    now = now_limit > now ? now_limit : now;
    assert(on_idle != NULL);
    on_idle();
    return STATUS_OK;
}

static enum status sys_with_handle(enum syscall number, struct fake_handle *f, struct svc_words *w)
{
    switch (number) {
    case SYS_HANDLE_CLOSE:
        handle_drop(f);
        return STATUS_OK;
    case SYS_HANDLE_DUPLICATE:
        w->word[1] = handle_make(f->object, f->rights & (rights_t)w->word[1],
                                 w->word[2] != 0 ? w->word[2] : f->badge);
        return STATUS_OK;
    case SYS_HANDLE_INFO:
        *w = (struct svc_words){{0, f->object->type, f->rights, f->badge}};
        return STATUS_OK;
    case SYS_SEGMENT_INFO:
        *w = (struct svc_words){{0, (uint64_t)(uintptr_t)f->object->memory, f->object->length, 0}};
        return STATUS_OK;
    case SYS_SEGMENT_GRANT:
        f->object->references++; /* a view keeps the segment */
        return f->object->type == OBJECT_SEGMENT ? STATUS_OK : STATUS_WRONG_TYPE;
    case SYS_SEGMENT_REVOKE:
        object_put(f->object);
        return STATUS_OK;
    case SYS_EVENT_SIGNAL:
        return sys_event_signal(f, w->word[1]);
    case SYS_EVENT_WAIT:
        return sys_event_wait(f, w->word[1]);
    case SYS_DOMAIN_WATCH:
        f->watch_event = handle_find(w->word[1])->object;
        f->watch_bits = w->word[2];
        return STATUS_OK;
    default:
        return STATUS_BAD_CALL;
    }
}

enum status svc_8(enum syscall number, struct svc_words *w)
{
    if (number == SYS_SEGMENT_CREATE)
        return sys_segment_create(w);
    if (number == SYS_EVENT_CREATE) {
        struct fake_object *o = object_make(OBJECT_EVENT);

        /* The data segment starts at address 0 here, so the offset is the address. */
        o->word = (_Atomic uint64_t *)(uintptr_t)w->word[1];
        w->word[1] = handle_make(o, RIGHT_ALL, 0);
        return STATUS_OK;
    }

    if (number == SYS_DOMAIN_INFO)
        return sys_domain_info(w);

    struct fake_handle *f = handle_find(w->word[0]);

    return f == NULL ? STATUS_BAD_HANDLE : sys_with_handle(number, f, w);
}
