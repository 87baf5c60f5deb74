/*
 * forger: makes memory that looks like what the launcher and the shell read, and isn't.
 *
 * The argument is a verb, and an address where it needs one: "peer=0x12345000".  What becomes of it
 * is what tests/e2e/forgery_test.py looks at.  As "keep" it serves test:Keep, keeps the memory
 * that "leave" leaves behind, and stumbles over it when "poke" asks for that.
 */
#include "rt/app.h"
#include "rt/connection.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/portal.h"
#include "rt/startup.h"
#include "rt/syscall.h"

#include <stdlib.h>
#include <string.h>

enum { AREA_BYTES = 2 * PAGE_BYTES, CAPACITY = 64, KEEP = 1, POKE = 2, SERVER_STACK_BYTES = 8192 };

/* Of 15 bytes, which a terminal would obey. */
static const char colourful_label[] = "ring \x1b[2J\x1b[41m";
static const char broken_label[] = "ring \nshell web";

static struct memory kept;

static void insist(enum status s, const char *what)
{
    if (s != STATUS_OK)
        log_die("%s: %s", what, status_text(s));
}

/* Sleep until somebody ends it. */
static _Noreturn void stay(void)
{
    log_line("stays");
    for (;;)
        (void)thread_sleep(DEADLINE_NEVER);
}

/* The start of an area as a program makes it that is connected to `peer`. */
static uaddr_t area_make(const char *label, uaddr_t peer, handle_t *segment)
{
    struct memory area;

    insist(memory_create(AREA_BYTES, label, 0, &area), "an area");
    *(struct connection_area *)area.address = (struct connection_area){
        .magic = CONNECTION_MAGIC, .epoch = 1, .capacity = CAPACITY, .peer_address = peer};
    *segment = area.segment;
    return (uaddr_t)(uintptr_t)area.address;
}

/* One whose first page is a guard: nothing can be read there. */
static uaddr_t hole_make(const char *label, handle_t *segment)
{
    uaddr_t address;

    insist(segment_create(2 * AREA_BYTES, RIGHT_READ | RIGHT_WRITE, 0, AREA_BYTES, name_from(label),
                          segment, &address),
           "a hole");
    insist(segment_grant(*segment, 0, RIGHT_READ | RIGHT_WRITE), "a hole in view");
    return address;
}

static void on_hole(uaddr_t address)
{
    handle_t segment;

    (void)address;
    (void)hole_make("ring hole", &segment);
    stay();
}

static void on_peer(uaddr_t address)
{
    handle_t segment;

    (void)area_make("ring forged", address, &segment);
    stay();
}

/* Both ends are its own, and one is a hole. */
static void on_half(uaddr_t address)
{
    handle_t segment;

    (void)address;
    (void)area_make("ring half", hole_make("ring hole", &segment), &segment);
    stay();
}

/* Areas and holes that come and go for ever, the one where the other has just been. */
static void on_churn(uaddr_t address)
{
    struct memory alive[2] = {{0}};
    uaddr_t last = 0;

    (void)address;
    log_line("stays");
    for (unsigned i = 0;; i++) {
        struct memory *oldest = &alive[i % 2];
        memory_release(oldest);
        last = i % 4 < 2 ? area_make("ring churned", last, &oldest->segment)
                         : hole_make("ring hole", &oldest->segment);
    }
}

/* Open a ring with a service, as its client does, say what became of it, and ring the bell. */
static void ring_open(const char *what, handle_t area, handle_t buffer)
{
    static uint64_t word;
    const struct startup_segment *data = &startup_get()->data;
    handle_t portal;
    handle_t bell = 0;

    insist(event_create(data->handle, (uint64_t)(uintptr_t)&word - data->address, &bell), "a bell");
    struct portal_message m = {
        .word = {CONNECTION_OPEN, CONNECTION_VERSION, CAPACITY, 0, 1},
        .handle = {area | HANDLE_MOVE, bell | HANDLE_MOVE, buffer == 0 ? 0 : buffer | HANDLE_MOVE},
    };
    insist(app_connect("net:Tcp", &portal), "connecting");
    const enum status s = portal_call_with(portal, &m, DEADLINE_NEVER);
    log_line("%s: %s", what, status_text(s == STATUS_OK ? (enum status)m.word[0] : s));
    if (s == STATUS_OK && m.word[0] == STATUS_OK)
        (void)event_signal(m.handle[1], UINT64_MAX);
}

static handle_t share(handle_t segment)
{
    handle_t out = 0;

    insist(handle_duplicate(segment, RIGHT_READ | RIGHT_TRANSFER, 0, &out), "sharing");
    return out;
}

/* A service reads its client's memory: the area when its bell rings, the buffer as messages say. */
static void on_pierce(uaddr_t address)
{
    handle_t area;
    handle_t hole;

    (void)address;
    (void)area_make("ring fair", 0, &area);
    (void)hole_make("buf hole", &hole);
    ring_open("a buffer without memory", share(area), share(hole));
    (void)hole_make("ring hole", &hole);
    ring_open("an area without memory", share(hole), 0);
    stay();
}

static void on_labels(uaddr_t address)
{
    handle_t segment;

    (void)address;
    (void)area_make(colourful_label, 0, &segment);
    (void)area_make(broken_label, 0, &segment);
    stay();
}

/* Writes into its own memory, which it may only read, so that its label stands in the report. */
static void on_stumble(uaddr_t address)
{
    struct memory area;

    (void)address;
    insist(memory_create(AREA_BYTES, broken_label, 0, &area), "memory");
    insist(segment_grant(area.segment, 0, RIGHT_READ), "less of it");
    *(volatile uint8_t *)area.address = 1;
}

static void on_request(void *context, uint64_t badge, struct portal_message *m)
{
    (void)context;
    (void)badge;
    if (m->word[0] == KEEP)
        m->word[0] = memory_adopt(m->handle[0], RIGHT_READ, &kept);
    else
        *(volatile uint8_t *)kept.address = 1;
    m->handle[0] = 0;
}

static void on_keep(uaddr_t address)
{
    handle_t portal;

    (void)address;
    insist(portal_serve(on_request, NULL, SERVER_STACK_BYTES, 1, &portal), "a portal");
    insist(app_offer("test:Keep", portal), "offering it");
    loop_run();
}

static void keeper_ask(uint64_t what, handle_t h)
{
    struct portal_message m = {.word = {what}, .handle = {h}};
    handle_t portal;

    insist(app_connect("test:Keep", &portal), "connecting");
    insist(portal_call_with(portal, &m, DEADLINE_NEVER), "asking");
    insist((enum status)m.word[0], "the keeper");
}

static void on_leave(uaddr_t address)
{
    struct memory memory;
    handle_t share;

    (void)address;
    insist(memory_create(AREA_BYTES, "left behind", 0, &memory), "memory");
    insist(memory_share(&memory, RIGHT_READ, &share), "sharing");
    keeper_ask(KEEP, share | HANDLE_MOVE);
}

static void on_poke(uaddr_t address)
{
    (void)address;
    keeper_ask(POKE, 0);
}

static const struct {
    const char *word;
    void (*run)(uaddr_t address);
} verbs[] = {
    {"hole", on_hole},     {"peer", on_peer},       {"half", on_half}, {"pierce", on_pierce},
    {"labels", on_labels}, {"stumble", on_stumble}, {"keep", on_keep}, {"leave", on_leave},
    {"poke", on_poke},     {"churn", on_churn},
};

int main(void)
{
    const char *argument = startup_get()->argument;
    const size_t length = strcspn(argument, "=");
    const char *number = argument[length] == '=' ? argument + length + 1 : "0";

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strlen(verbs[i].word) == length && memcmp(verbs[i].word, argument, length) == 0) {
            verbs[i].run(strtoull(number, NULL, 0));
            return 0;
        }
    }
    log_line("no such deed: \"%s\"", argument);
    return 1;
}
