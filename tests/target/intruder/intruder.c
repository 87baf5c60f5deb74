/*
 * intruder: a hostile client of one service, for as many messages as it is asked for.
 *
 * Argument SERVICE=MESSAGES/SEED: it opens the service's rings without the runtime's help, says
 * what words.c makes up, and breaks the ring's rules: indices jump, messages change after the
 * doorbell, answers are never taken, the bell rings for nothing, openings are as wrong as they can
 * be, and the area may be that of the life before, with its old epoch and indices.  A doorbell that
 * isn't its own must be refused.  Each life ends when the service cuts it off or it has had enough;
 * then comes the next.  A service that reads no rings gets as many calls instead.  Asked for no
 * messages it takes all the places that it gets, and keeps them.
 *
 * Argument SERVICE+MS: so many milliseconds long it says what any client may, and never waits until
 * that is taken, so that there always is more, if it has a processor for itself.
 *
 * Argument `decoy`: it does nothing, and is there to be started, stopped and killed.
 *
 * tests/e2e/hostile_ring_runs.py looks at everybody else meanwhile.
 */
#include "chance.h"
#include "words.h"

#include "rt/app.h"
#include "rt/connection.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/thread.h"
#include "rt/time.h"

#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY_MAX = 2048,
    BUFFER_BYTES = 16 * 1024,
    BATCHES = 32,      /* of a life */
    BATCH_USUAL = 240, /* messages of most batches */
    LOOKS = 1040,      /* at whether they were taken, before that is given up */
    LOOKS_AWAKE = 1000,
    LOOK_NS = 50000,   /* between the others */
    REFUSALS_MAX = 50, /* of fair openings in a row: it isn't served any more */
    BELLS = 200,
    CALLS = 256, /* in a batch */
    PLACES = 16,
    LIVES_OF_A_NAME = 64,
    SCRIBBLER_STACK_BYTES = 8192,
    SCRIBBLER_PAUSE_NS = 1000000,
};

static const struct words *words;
static handle_t portal;
static handle_t bell; /* ours, for the service to ring */
static struct memory area, buffer;
static uint64_t capacity;

/* This life. */
static struct memory their_area, their_buffer;
static handle_t their_bell;
static uint64_t produced, taken, heard;
static bool is_mute;               /* takes no answers */
static _Atomic bool is_scribbling; /* the other thread changes what was said */
static _Atomic bool is_alone;      /* there is no CPU for it */

static struct {
    uint64_t messages, ignored, calls, granted, openings, bad_openings, refused, resets, jumps,
        bells, changed, borrowed, stale, mute, unheard;
} counts;

static struct connection_area *own(void)
{
    return area.address;
}

/* The service's, which we only see; NULL: none. */
static const struct connection_area *theirs(void)
{
    return their_area.address;
}

static struct ring_message *own_slot(uint64_t index)
{
    unsigned char *first = (unsigned char *)area.address + CONNECTION_MESSAGES_OFFSET;

    return (struct ring_message *)(void *)first + (index & (capacity - 1));
}

static void drop(handle_t h)
{
    if (h != 0)
        (void)!handle_close(h);
}

static void insist(enum status s, const char *what)
{
    if (s != STATUS_OK)
        log_die("%s: %s: %s", words->service, what, status_text(s));
}

static void ring_bell(void)
{
    (void)event_signal(their_bell, UINT64_MAX);
    counts.bells++;
}

/* ---- the thread beside, on another CPU, where there is one ---- */

static void scribble(void *context)
{
    uint64_t state = 88172645463325252;

    (void)context;
    while (!is_alone) {
        if (!is_scribbling) {
            (void)thread_sleep(time_after_ns(SCRIBBLER_PAUSE_NS));
            continue;
        }
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        volatile uint64_t *words_said = own_slot(state >> 32)->word;
        words_said[state & 3] = (state >> 8 & 3) == 0 ? UINT32_MAX : state;
        counts.changed++;
    }
}

static void scribbler_start(void)
{
    handle_t thread = 0;

    insist(thread_start(scribble, NULL, SCRIBBLER_STACK_BYTES, 1, &thread), "a second thread");
    is_alone = thread_set_affinity(thread, 2) != STATUS_OK;
}

/* ---- opening ---- */

static handle_t share(const struct memory *m, rights_t rights)
{
    handle_t h = 0;

    insist(memory_share(m, rights, &h), "sharing");
    return h | HANDLE_MOVE;
}

/* Something that isn't what is asked for, or is it with too few rights. */
static handle_t wrong_handle(void)
{
    handle_t h = 0;

    switch (chance_below(5)) {
    case 0:
        return 0;
    case 1:
        return chance_word() & INT64_MAX;
    case 2:
        return portal;
    case 3:
        return their_area.segment;
    default:
        (void)!handle_duplicate(area.segment, RIGHT_TRANSFER, 0, &h);
        return h | HANDLE_MOVE;
    }
}

static void opening_spoil(struct portal_message *m)
{
    counts.bad_openings++;
    switch (chance_below(5)) {
    case 0:
        m->word[1] = chance_edge();
        break;
    case 1:
        m->word[2] = chance_edge();
        break;
    case 2:
        m->word[3] = chance_edge();
        break;
    default: {
        const unsigned i = (unsigned)chance_below(3);
        drop(m->handle[i] & ~HANDLE_MOVE);
        m->handle[i] = wrong_handle();
        break;
    }
    }
}

static void life_forget(void)
{
    memory_release(&their_area);
    memory_release(&their_buffer);
    drop(their_bell);
    their_bell = 0;
}

/* What came with the answer. */
static enum status answer_take(const struct portal_message *m)
{
    enum status s = memory_adopt(m->handle[0], RIGHT_READ, &their_area);

    their_bell = m->handle[1];
    if (s != STATUS_OK)
        drop(m->handle[0]);
    if (m->handle[2] != 0 && memory_adopt(m->handle[2], RIGHT_READ, &their_buffer) != STATUS_OK)
        drop(m->handle[2]);
    drop(m->handle[3]);
    return s;
}

/*
 * An event that isn't ours: the service's own doorbell.  Who keeps it would wait for the wrong
 * domain's death.  0: there is none yet.
 */
static handle_t foreign_bell(void)
{
    handle_t h = 0;

    if (their_bell == 0
        || handle_duplicate(their_bell, RIGHT_SIGNAL | RIGHT_INSPECT | RIGHT_TRANSFER, 0, &h)
               != STATUS_OK)
        return 0;
    counts.borrowed++;
    return h | HANDLE_MOVE;
}

static void area_prepare(uint64_t epoch)
{
    struct connection_area *a = own();

    *a = (struct connection_area){.magic = CONNECTION_MAGIC, .epoch = epoch, .capacity = capacity};
    a->out.wake_at = UINT64_MAX;
}

/* False: refused, as a spoilt one may be. */
static bool life_open(void)
{
    static uint64_t epoch;
    static unsigned refusals;
    handle_t doorbell = 0;

    if (chance_once_in(4))
        capacity = UINT64_C(2) << chance_below(11);
    epoch += chance_once_in(8) ? 0 : 1;
    const bool is_stale = chance_once_in(16) && own()->magic == CONNECTION_MAGIC;
    if (!is_stale)
        area_prepare(epoch);
    insist(handle_duplicate(bell, RIGHT_SIGNAL | RIGHT_INSPECT | RIGHT_TRANSFER, 0, &doorbell),
           "a doorbell");
    struct portal_message m = {
        .word = {CONNECTION_OPEN, CONNECTION_VERSION, capacity, chance_below(64 * 1024), epoch},
        .handle = {share(&area, RIGHT_READ), doorbell | HANDLE_MOVE,
                   chance_once_in(8) ? 0 : share(&buffer, RIGHT_READ)}};
    const handle_t foreign = chance_once_in(32) ? foreign_bell() : 0;
    const bool is_fair = !is_stale && foreign == 0 && !chance_once_in(16);
    if (foreign != 0) {
        drop(doorbell);
        m.handle[1] = foreign;
    } else if (!is_fair && !is_stale) {
        opening_spoil(&m);
    }
    handle_t passed[PORTAL_HANDLES];
    memcpy(passed, m.handle, sizeof passed);
    counts.openings++;
    counts.stale += own()->epoch != epoch && foreign == 0;
    const enum status s = portal_call_with(portal, &m, DEADLINE_NEVER);
    if (s == STATUS_PEER_DEAD)
        log_die("%s died", words->service);
    if (s != STATUS_OK) { /* the kernel's answer, to handles that can't be passed */
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            if ((passed[i] & HANDLE_MOVE) != 0)
                drop(passed[i] & ~HANDLE_MOVE);
        return false;
    }
    if (foreign != 0 && m.word[0] == STATUS_OK)
        log_die("%s took a doorbell that isn't ours", words->service);
    if (own()->epoch != epoch && m.word[0] == STATUS_OK)
        log_die("%s took an area of an old epoch", words->service);
    life_forget(); /* the last moment for its handles to be passed */
    if (m.word[0] != STATUS_OK) {
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            drop(m.handle[i]);
        counts.refused++;
        refusals += is_fair ? 1 : 0;
        if (refusals > REFUSALS_MAX)
            log_die("%s refuses to serve: %s", words->service, status_text((enum status)m.word[0]));
        return false;
    }
    refusals = 0;
    produced = taken = heard = 0;
    if (answer_take(&m) != STATUS_OK)
        return false;
    if (words->begin != NULL)
        words->begin(portal);
    return true;
}

/* ---- a life ---- */

static bool is_cut_off(void)
{
    return theirs()->is_closed != 0;
}

/* Wait until the batch was taken, and count what was. */
static bool batch_settle(void)
{
    for (unsigned look = 0; look < LOOKS; look++) {
        const uint64_t consumed = theirs()->in.consume;
        if (consumed - taken <= produced - taken) {
            counts.messages += consumed - taken;
            taken = consumed;
        }
        if (is_cut_off() || taken == produced)
            break;
        if (look >= LOOKS_AWAKE)
            (void)thread_sleep(time_after_ns(LOOK_NS));
    }
    return taken == produced && !is_cut_off();
}

static void answers_hear(void)
{
    const uint64_t said = theirs()->out.produce;
    const unsigned char *first =
        (const unsigned char *)their_area.address + CONNECTION_MESSAGES_OFFSET;
    const struct ring_message *slots = (const struct ring_message *)(const void *)first;

    if (is_mute)
        return;
    for (; heard != said; heard++)
        words->hear(&slots[heard & (theirs()->capacity - 1)]);
    own()->in.consume = heard;
    own()->in.wake_at = chance_once_in(4) ? heard : chance_edge();
}

/* An index where no honest one could be, or hardly. */
static uint64_t jumped(uint64_t index)
{
    counts.jumps++;
    switch (chance_below(5)) {
    case 0:
        return index - 1 - chance_below(capacity);
    case 1:
        return index + capacity + 1 + chance_below(capacity);
    case 2:
        return index + (UINT64_C(1) << 32);
    case 3:
        return chance_edge();
    default:
        return chance_word();
    }
}

static void indices_spoil(void)
{
    switch (chance_below(5)) {
    case 0:
        own()->out.produce = jumped(produced);
        break;
    case 1:
        own()->in.consume = jumped(heard);
        break;
    case 2:
        own()->in.wake_at = chance_edge();
        own()->out.wake_at = chance_edge();
        break;
    case 3:
        own()->is_closed = chance_word();
        break;
    default:
        for (unsigned i = 0; i < BELLS; i++)
            ring_bell();
        break;
    }
    ring_bell();
}

static void messages_say(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        words->message(own_slot(produced + i));
    produced += count;
    atomic_store_explicit(&own()->out.produce, produced, memory_order_release);
    ring_bell();
}

/* False: the life is over. */
static bool batch_say(void)
{
    uint64_t length = 1 + chance_below(BATCH_USUAL);

    if (chance_once_in(32))
        length = capacity;
    length = length < capacity ? length : capacity;
    messages_say(length);
    if (chance_once_in(16)) {
        /* After the bell: what was there is looked at, or was. */
        for (uint64_t i = 0; i < length; i++)
            own_slot(chance_word())->word[chance_below(4)] = chance_edge();
        counts.changed += length;
    }
    const bool is_settled = batch_settle();
    answers_hear();
    return is_settled;
}

static void life_end(void)
{
    if (is_mute) {
        counts.mute++;
        counts.unheard += theirs()->out.produce;
    }
    if (is_cut_off()) {
        counts.resets += own()->is_closed == 0 ? 1 : 0; /* else we have asked for it */
        return;
    }
    counts.ignored += produced - taken;
    if (chance_once_in(2)) {
        own()->is_closed = 1;
        ring_bell();
    }
}

static void life_live(void)
{
    is_mute = chance_once_in(8);
    is_scribbling = chance_once_in(8);
    for (unsigned i = 0; i < BATCHES && !is_cut_off(); i++) {
        if (!batch_say())
            break;
        if (chance_once_in(32))
            indices_spoil();
    }
    is_scribbling = false;
    life_end();
}

/* ---- calls ---- */

static void call_one(void)
{
    struct portal_message m = {.word = {0}};
    bool is_forbidden = false;

    words->call(&m);
    if (m.word[0] == CONNECTION_OPEN)
        m.word[0]++;
    const uint64_t operation = m.word[0];
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (chance_once_in(16)) {
            m.handle[i] = bell;
        } else if (chance_once_in(16)) {
            m.handle[i] = area.segment;
        } else if (chance_once_in(16)) {
            m.handle[i] = foreign_bell();
            is_forbidden |= i < 3 && m.handle[i] != 0;
        }
    }
    is_forbidden = is_forbidden && words->keeps_events != NULL && words->keeps_events(&m);
    handle_t passed[PORTAL_HANDLES];
    memcpy(passed, m.handle, sizeof passed);
    const enum status s = portal_call_with(portal, &m, DEADLINE_NEVER);
    if (s == STATUS_PEER_DEAD)
        log_die("%s died", words->service);
    if (s == STATUS_OK && m.word[0] == STATUS_OK && is_forbidden)
        log_die("%s took an event that isn't ours", words->service);
    if (s == STATUS_OK && m.word[0] == STATUS_OK) {
        counts.granted++;
        if (words->answered != NULL)
            words->answered(operation, &m);
    }
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (s == STATUS_OK)
            drop(m.handle[i]);
        else if ((passed[i] & HANDLE_MOVE) != 0)
            drop(passed[i] & ~HANDLE_MOVE);
    }
    counts.calls++;
}

static void calls_make(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        call_one();
}

/* ---- all of it ---- */

/* By another name the same area can be opened once the life before is over. */
static void name_connect(void)
{
    struct portal_message m = {.word = {CONNECTION_OPEN, CONNECTION_VERSION, capacity}};

    if (strcmp(words->service, WORDS_LAUNCHER) == 0) {
        portal = startup_get()->app_portal;
        return;
    }
    if (portal != 0 && !words->is_launchers)
        (void)!portal_call_with(portal, &m, DEADLINE_NEVER);
    drop(portal);
    insist(app_connect(words->service, &portal), "connecting");
    if (words->is_launchers && words->begin != NULL)
        words->begin(portal);
}

static void life(uint64_t number)
{
    if (number % LIVES_OF_A_NAME == 0)
        name_connect();
    if (words->is_launchers) {
        calls_make(CALLS);
        return;
    }
    if (!life_open())
        return;
    if (words->message != NULL) {
        life_live();
        calls_make((unsigned)chance_below(4));
    } else {
        calls_make(CALLS);
        indices_spoil();
    }
}

/* Connections by as many names as there are, and nothing else: who else gets in? */
_Noreturn static void places_hold(void)
{
    unsigned taken_places = 0;

    for (unsigned i = 0; i < PLACES; i++) {
        struct memory one;
        handle_t doorbell = 0;
        insist(app_connect(words->service, &portal), "connecting");
        insist(memory_create(CONNECTION_MESSAGES_OFFSET + 2 * RING_MESSAGE_BYTES, "hostile ring", 0,
                             &one),
               "an area");
        *(struct connection_area *)one.address =
            (struct connection_area){.magic = CONNECTION_MAGIC, .capacity = 2};
        insist(handle_duplicate(bell, RIGHT_SIGNAL | RIGHT_INSPECT | RIGHT_TRANSFER, 0, &doorbell),
               "a doorbell");
        struct portal_message m = {.word = {CONNECTION_OPEN, CONNECTION_VERSION, 2},
                                   .handle = {share(&one, RIGHT_READ), doorbell | HANDLE_MOVE}};
        insist(portal_call_with(portal, &m, DEADLINE_NEVER), "opening");
        taken_places += m.word[0] == STATUS_OK ? 1 : 0;
        for (unsigned j = 0; j < PORTAL_HANDLES; j++)
            drop(m.handle[j]);
    }
    log_line("%s: took %u places of %u tried", words->service, taken_places, (unsigned)PLACES);
    loop_run();
    app_exit(0);
}

/* Messages into all the room that there is.  How many. */
static uint64_t room_fill(void)
{
    const uint64_t unread = produced - theirs()->in.consume;
    const uint64_t room = unread <= capacity ? capacity - unread : 0;

    if (room > 0)
        messages_say(room);
    return room;
}

static void never_stop(nsec_t duration_ns)
{
    const nsec_t end_ns = time_after_ns(duration_ns);
    uint64_t messages = 0, lives = 0;

    name_connect();
    while (time_now_ns() < end_ns) {
        if (!life_open())
            continue;
        lives++;
        while (!is_cut_off() && time_now_ns() < end_ns)
            messages += room_fill();
    }
    log_line("%s: %llu messages without a stop, in %llu lives", words->service,
             (unsigned long long)messages, (unsigned long long)lives);
}

static uint64_t said(void)
{
    return words->message != NULL ? counts.messages : counts.calls;
}

static void on_bell(void *context)
{
    (void)context;
}

int main(void)
{
    char service[STARTUP_ARGUMENT_BYTES];
    unsigned bit;

    strncpy(service, startup_get()->argument, sizeof service - 1);
    service[sizeof service - 1] = '\0';
    if (strcmp(service, "decoy") == 0)
        loop_run();
    char *number = strpbrk(service, "=+");
    if (number == NULL)
        return 1;
    const bool is_endless = *number == '+';
    *number++ = '\0';
    const uint64_t wanted = strtoull(number, &number, 10);
    chance_seed(*number == '/' ? strtoull(number + 1, NULL, 10) : 1);
    words = words_find(service);
    if (words == NULL)
        log_die("no words for \"%s\"", service);
    capacity = CAPACITY_MAX / 2;
    insist(memory_create(CONNECTION_MESSAGES_OFFSET + CAPACITY_MAX * 2 * RING_MESSAGE_BYTES,
                         "hostile ring", 0, &area),
           "an area");
    insist(memory_create(BUFFER_BYTES, "hostile buffer", 0, &buffer), "a buffer");
    insist(loop_bit_allocate(on_bell, NULL, &bit), "a bit");
    insist(loop_signal_handle(bit, &bell), "a doorbell");
    scribbler_start();
    if (is_endless) {
        never_stop(wanted * NS_PER_MS);
        return 0;
    }
    if (wanted == 0)
        places_hold();
    for (uint64_t i = 0; said() < wanted; i++)
        life(i);
    log_line("%s: %llu messages taken, %llu not, %llu calls", words->service,
             (unsigned long long)counts.messages, (unsigned long long)counts.ignored,
             (unsigned long long)counts.calls);
    log_line("%s: %llu openings, %llu spoilt, %llu refused, %llu bells of others; %llu resets, "
             "%llu jumps, %llu bells, %llu words changed after",
             words->service, (unsigned long long)counts.openings,
             (unsigned long long)counts.bad_openings, (unsigned long long)counts.refused,
             (unsigned long long)counts.borrowed, (unsigned long long)counts.resets,
             (unsigned long long)counts.jumps, (unsigned long long)counts.bells,
             (unsigned long long)counts.changed);
    log_line("%s: %llu lives mute, %llu answers left, %llu openings stale, %llu lengths zero, "
             "%llu lengths greatest, %llu calls granted",
             words->service, (unsigned long long)counts.mute, (unsigned long long)counts.unheard,
             (unsigned long long)counts.stale, (unsigned long long)words_counts.zeros,
             (unsigned long long)words_counts.greatest, (unsigned long long)counts.granted);
    return 0;
}
