/*
 * Stress: what happens inside the servers.
 */
#include "field.h"

/* Call a server picked by `seed`, from the domain of row `row`. */
static void wander_on(struct field *field, uint64_t row, uint64_t seed)
{
    const uint64_t target = seed % SERVERS;
    struct portal_message m = {.word = {syscall_word(field), field_mix(seed), target, ASK_WANDER}};
    const nsec_t deadline = seed % 3 == 0 ? time_here_ns() + (seed >> 20) % (TEST_MS / 2) : 0;

    end_as_it_may(portal_call_with(field->row[row].portal[target], &m, deadline));
}

static void spin(nsec_t ns)
{
    const nsec_t end = time_here_ns() + ns;

    while (time_here_ns() < end)
        continue;
}

static void wander(struct field *field, uint64_t row, uint64_t seed)
{
    const uint64_t what = seed >> 32 & 255;

    if (what == 0)
        served_fault(NULL);
    if (what < 3)
        thread_exit();
    if (what < 10) {
        (void)thread_sleep(time_here_ns() + (seed >> 40) % (TEST_MS / 2));
    } else if (what < 16) {
        spin((seed >> 40) % (TEST_MS / 10));
    } else if (what < 24) {
        __asm__ volatile(".arch_extension fp\n\tfmov d8, #1.0" : : : "v8");
        thread_yield();
    } else if (what < 26) {
        (void)handle_close(field->row[row].portal[(seed >> 50) % SERVERS]);
    } else if (what < 140) {
        for (unsigned i = 0; i <= (seed >> 45) % 3; i++)
            wander_on(field, row, field_mix(seed + i));
    }
}

void served_stress(uint64_t word[SERVED_WORDS])
{
    struct field *field = (struct field *)(uintptr_t)word[0];
    const uint64_t seed = word[1];

    if (word[3] == ASK_WANDER)
        wander(field, word[2], seed);
    for (unsigned i = 0; i < PORTAL_HANDLES && word[3] == ASK_HANDLES; i++) {
        handle_t *h = &word[SERVED_HANDLE + i];
        if (*h != 0 && (seed >> i & 1) != 0) { /* some are kept, and closed */
            (void)handle_close(*h);
            *h = 0;
        }
        if (*h != 0)
            *h |= HANDLE_MOVE;
    }
    word[4] = ~word[4];
}

/* Whatever it is asked: a mayfly that is about to end finds the next one's handles in their row. */
void served_keep(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[1];

    word[4] = ~word[4];
    if (word[3] != ASK_STAY)
        return;
    board->word[1]++;
    while (board->word[2] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS);
}

void served_skip(uint64_t word[SERVED_WORDS])
{
    word[0] = FAULT_SKIP;
}

void call_and_stay(const struct birth *birth)
{
    struct portal_message m = {
        .word = {birth->argument[1], syscall_word(birth->board), 0, ASK_STAY}};

    const enum status s = portal_call(birth->argument[0], &m);
    birth->board->word[4] = s;
    if (s == STATUS_OK)
        birth->board->word[3]++;
}
