/*
 * saboteur: does on request what no domain may, and is stopped for it.
 *
 * The argument is a verb and, where it needs one, an address: "write=0x12345000".  The
 * launcher's report of the stop is what tests/e2e/faults_test.py looks at.
 */
#include "rt/log.h"
#include "rt/startup.h"
#include "rt/syscall.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static volatile uint32_t data_of_mine = 0xd65f03c0; /* `ret`, where nothing may be executed */

__attribute__((noinline)) static void touch_read(uintptr_t address)
{
    (void)*(const volatile uint8_t *)address;
}

__attribute__((noinline)) static void touch_write(uintptr_t address)
{
    *(volatile uint8_t *)address = 1;
}

__attribute__((noinline)) static void touch_execute(uintptr_t address)
{
    ((void (*)(void))address)();
}

static void on_text(uintptr_t address)
{
    (void)address;
    touch_write((uintptr_t)&touch_write);
}

static void on_data(uintptr_t address)
{
    (void)address;
    touch_execute((uintptr_t)&data_of_mine);
}

__attribute__((noinline)) static unsigned grow(unsigned depth)
{
    volatile uint8_t frame[512];

    frame[0] = (uint8_t)depth;
    return depth == UINT32_MAX ? 0 : grow(depth + 1) + frame[0];
}

static void on_stack(uintptr_t address)
{
    (void)address;
    log_line("reached the bottom at %u", grow(0));
}

static void on_unaligned(uintptr_t address)
{
    uint32_t value;

    (void)address;
    __asm__ volatile("ldxr %w0, [%1]" : "=r"(value) : "r"((uintptr_t)&data_of_mine + 1) : "memory");
}

static void on_undefined(uintptr_t address)
{
    (void)address;
    __asm__ volatile(".inst 0x00000000");
}

static void on_privileged(uintptr_t address)
{
    (void)address;
    __asm__ volatile("msr daifset, #15\n\tmrs x0, ttbr0_el1" : : : "x0");
}

static void on_breakpoint(uintptr_t address)
{
    (void)address;
    __asm__ volatile("brk #0");
}

static void on_denied(uintptr_t address)
{
    char text[16];
    struct log_chunk chunk;

    (void)address;
    if (log_read(0, text, sizeof text, &chunk) != STATUS_OK)
        log_line("the call came back");
}

static void on_return(uintptr_t address)
{
    (void)address;
    __asm__ volatile("svc #1");
}

/* Division by zero is none of these: it gives 0 and goes on. */
static void on_divide(uintptr_t address)
{
    uint64_t result;

    (void)address;
    __asm__ volatile("udiv %0, %1, %2" : "=r"(result) : "r"(UINT64_C(7)), "r"(UINT64_C(0)));
    log_line("7 / 0 is %llu", (unsigned long long)result);
}

/* Says a lot, and then dies a few calls deep. */
__attribute__((noinline)) static void stumble(uintptr_t address)
{
    touch_write(address);
    log_line("still on its feet");
}

static void on_chatter(uintptr_t address)
{
    for (unsigned i = 1; i <= 20; i++)
        log_line("word %u", i);
    stumble(address);
    log_line("and further");
}

static void on_assertion(uintptr_t address)
{
    assert(address == 1);
}

static void on_exit_code(uintptr_t address)
{
    exit((int)address);
}

struct verb {
    const char *word;
    void (*run)(uintptr_t address);
};

static const struct verb verbs[] = {
    {"read", touch_read},
    {"write", touch_write},
    {"execute", touch_execute},
    {"text", on_text},
    {"data", on_data},
    {"stack", on_stack},
    {"unaligned", on_unaligned},
    {"undefined", on_undefined},
    {"privileged", on_privileged},
    {"breakpoint", on_breakpoint},
    {"denied", on_denied},
    {"return", on_return},
    {"divide", on_divide},
    {"chatter", on_chatter},
    {"exit", on_exit_code},
    {"assert", on_assertion},
};

int main(void)
{
    const char *argument = startup_get()->argument;
    const size_t length = strcspn(argument, "=");
    const char *number = argument[length] == '=' ? argument + length + 1 : "0";
    const uintptr_t address = (uintptr_t)strtoull(number, NULL, 0);

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strlen(verbs[i].word) == length && memcmp(verbs[i].word, argument, length) == 0) {
            verbs[i].run(address);
            log_line("survived \"%s\"", argument);
            return 0;
        }
    }
    log_line("no such deed: \"%s\"", argument);
    return 1;
}
