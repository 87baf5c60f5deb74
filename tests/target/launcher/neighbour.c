/*
 * neighbour: has something everywhere that others must not touch, and touches theirs when told to.
 *
 * The argument is its number, for the warden (warden.c); or "alone": it has canaries, and sleeps;
 * or "begin=VICTIM,TABLES", which has the warden go on.  Canaries are found from
 * outside, too, by `canaries` and the debug information.
 */
#include "neighbour.h"

#include "rt/app.h"
#include "rt/connection.h"
#include "rt/log.h"
#include "rt/portal.h"
#include "rt/startup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct canary {
    volatile uint64_t *word;
    uint64_t count;
};

/* In data, heap, stack and ring.  tests/e2e/neighbours_runs.py reads this. */
struct canary canaries[4];

static volatile uint64_t data_canary[WARD_CANARY_WORDS];
static struct connection warden;
static unsigned number;

static void canary_set(unsigned index, volatile void *memory, uint64_t words)
{
    struct canary *canary = &canaries[index];

    canary->word = memory;
    canary->count = words;
    for (uint64_t i = 0; i < words; i++)
        canary->word[i] = ward_canary((uintptr_t)&canary->word[i]);
}

static uint64_t canaries_dead(void)
{
    uint64_t dead = 0;

    for (unsigned i = 0; i < sizeof canaries / sizeof canaries[0]; i++)
        for (uint64_t j = 0; j < canaries[i].count; j++)
            dead += canaries[i].word[j] != ward_canary((uintptr_t)&canaries[i].word[j]);
    return dead;
}

__attribute__((noinline)) static void touch(uint64_t how, uintptr_t address)
{
    if (how == WARD_READ)
        (void)*(const volatile uint8_t *)address;
    else if (how == WARD_WRITE)
        *(volatile uint8_t *)address = 1;
    else
        ((void (*)(void))address)();
}

static void say(const struct ring_message *m)
{
    if (!connection_send(&warden, m))
        log_die("no room for a message");
}

static void say_where(enum ward_place place, volatile const void *address)
{
    say(&(struct ring_message){{WARD_HERE, number, place, (uintptr_t)address}});
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    const struct startup *startup = startup_get();
    const uint64_t canary_messages = WARD_RING_CAPACITY - WARD_RING_CANARIES;

    (void)context;
    (void)config;
    canary_set(3,
               (uint8_t *)c->own_area.address + CONNECTION_MESSAGES_OFFSET
                   + canary_messages * sizeof(struct ring_message),
               WARD_RING_CANARIES * sizeof(struct ring_message) / sizeof(uint64_t));
    say_where(WARD_TEXT, (const void *)(uintptr_t)&touch);
    say_where(WARD_DATA, canaries[0].word);
    say_where(WARD_HEAP, canaries[1].word);
    say_where(WARD_STACK, canaries[2].word);
    say_where(WARD_RING, canaries[3].word);
    say_where(WARD_DEVICE, startup->device_count == 0
                               ? NULL
                               : (const void *)(uintptr_t)startup->device[0].registers[0].address);
    return STATUS_OK;
}

static void on_messages(void *context, struct connection *c)
{
    struct ring_message m;

    (void)context;
    while (connection_receive(c, &m)) {
        if (m.word[0] == WARD_TOUCH) {
            touch(m.word[1], m.word[2]);
            say(&(struct ring_message){{WARD_SURVIVED, number}});
        } else if (m.word[0] == WARD_CHECK) {
            say(&(struct ring_message){{WARD_CHECKED, canaries_dead()}});
        }
    }
}

static void on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)c;
    log_die("the warden has gone: %s", status_text(why));
}

static void begin(const char *argument)
{
    struct portal_message m = {.word = {WARD_BEGIN}};
    handle_t portal;
    char *next;

    m.word[1] = strtoull(argument, &next, 0);
    m.word[2] = *next == ',' ? strtoull(next + 1, NULL, 0) : 0;
    enum status s = app_connect(WARD_SERVICE, &portal);
    if (s == STATUS_OK)
        s = portal_request(portal, &m);
    if (s != STATUS_OK)
        log_line("can't tell the warden to begin: %s", status_text(s));
}

int main(void)
{
    static const struct connection_config config = {.capacity = WARD_RING_CAPACITY};
    static const struct connection_ops ops = {
        .on_open = on_open, .on_messages = on_messages, .on_close = on_close};
    const char *argument = startup_get()->argument;
    volatile uint64_t stack_canary[WARD_CANARY_WORDS];
    void *heap_canary = malloc(sizeof stack_canary);

    if (strncmp(argument, "begin=", 6) == 0) {
        begin(argument + 6);
        return 0;
    }
    if (heap_canary == NULL)
        log_die("no memory");
    canary_set(0, data_canary, WARD_CANARY_WORDS);
    canary_set(1, heap_canary, WARD_CANARY_WORDS);
    canary_set(2, stack_canary, WARD_CANARY_WORDS);
    number = (unsigned)strtoul(argument, NULL, 0);
    if (strcmp(argument, "alone") != 0
        && connection_start(&warden, WARD_SERVICE, &config, &ops, NULL) != STATUS_OK)
        log_die("cannot connect");
    loop_run();
    return canaries_dead() != 0;
}
