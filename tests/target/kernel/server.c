#include "server.h"

enum { STACKS_HERE_MAX = 4 };

/* entry.S.  Hidden, so that a child finds it without the table of addresses in the data. */
void portal_carry(void) __attribute__((visibility("hidden")));

static _Alignas(16) unsigned char stacks_here[STACKS_HERE_MAX][SERVER_STACK_BYTES];
static unsigned stacks_used;
static handle_t registered;
static uint64_t registered_as;

enum status portal_here(served_function *run, unsigned stacks, handle_t *out)
{
    if (stacks_used + stacks > STACKS_HERE_MAX)
        stacks_used = 0; /* those of earlier tests are free again */
    const uaddr_t top = syscall_word(stacks_here[stacks_used]) + SERVER_STACK_BYTES;

    stacks_used += stacks;
    return portal_create(syscall_word((void *)(uintptr_t)portal_carry), top, SERVER_STACK_BYTES,
                         stacks, syscall_word((void *)(uintptr_t)run), out);
}

/* In the test's own domain: a child hands in its portal. */
static void on_register(uint64_t word[SERVED_WORDS])
{
    registered = word[SERVED_HANDLE];
    registered_as = word[0];
    word[SERVED_HANDLE] = 0;
}

/* In the child: arguments handler, first stack's top, stacks, the test's portal. */
static void serve(const struct birth *birth)
{
    struct portal_message m = {.word = {0}};
    enum status s =
        portal_create(syscall_word((void *)(uintptr_t)portal_carry), birth->argument[1],
                      SERVER_STACK_BYTES, birth->argument[2], birth->argument[0], &m.handle[0]);

    m.word[0] = m.handle[0];
    if (s == STATUS_OK)
        s = portal_call_with(birth->argument[3], &m, DEADLINE_NEVER);
    birth->board->word[0] = s;
}

bool server_make(const struct child_needs *needs, served_function *run, unsigned stacks,
                 struct server *out)
{
    handle_t here = 0, segment = 0;
    uaddr_t address = 0;
    enum status s = child_make(needs, &out->child);

    if (s == STATUS_OK)
        s = portal_here(on_register, 1, &here);
    if (s == STATUS_OK)
        s = segment_create(stacks * (uint64_t)SERVER_STACK_BYTES, RIGHT_READ | RIGHT_WRITE, 0,
                           SERVER_STACK_BYTES, name_from("portal stacks"), &segment, &address);
    if (s == STATUS_OK)
        s = segment_grant(segment, out->child.domain, RIGHT_READ | RIGHT_WRITE);
    registered = 0;
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        syscall_word((void *)(uintptr_t)run), address + SERVER_STACK_BYTES, stacks,
        s == STATUS_OK ? child_give(&out->child, here, RIGHT_CALL, 0) : 0};
    if (s == STATUS_OK)
        s = child_start(&out->child, serve, argument);
    if (s != STATUS_OK || child_wait(&out->child) != CHILD_DONE || registered == 0) {
        test_fail(__FILE__, __LINE__, "server_make", s, STATUS_OK);
        test_say_threads();
        return false;
    }
    out->portal = registered;
    out->own = registered_as;
    s = handle_close(segment);
    if (s == STATUS_OK)
        s = handle_revoke(here);
    if (s == STATUS_OK)
        s = handle_close(here);
    return s == STATUS_OK;
}

void served_echo(uint64_t word[SERVED_WORDS])
{
    word[7] = word[SERVED_BADGE];
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        if (word[SERVED_HANDLE + i] != 0)
            word[SERVED_HANDLE + i] |= HANDLE_MOVE;
}

void served_sleep(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];

    board->word[1]++;
    while (board->word[2] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS);
}

void served_work(uint64_t word[SERVED_WORDS])
{
    const struct board *board = (const struct board *)(uintptr_t)word[0];
    const nsec_t end = time_here_ns() + word[1];

    while (board->word[2] == 0 && time_here_ns() < end)
        continue;
    word[2] = time_here_ns();
}

void served_fault(uint64_t word[SERVED_WORDS])
{
    (void)word;
    __asm__ volatile("ldr x0, [%0]" : : "r"(UINT64_C(0)) : "x0");
}

void served_recurse(uint64_t word[SERVED_WORDS])
{
    struct portal_message m = {.word = {0, word[1], word[2] + 1}};
    const enum status s = portal_call(word[1], &m);

    word[2] = s == STATUS_OK ? m.word[2] : word[2] + 1;
    word[3] = s == STATUS_OK ? m.word[3] : s;
}
