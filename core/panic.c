/*
 * Panic: the last words of a kernel that has broken its own rules.
 *
 * Nothing here may depend on what is broken: no allocation, no locks that are waited
 * for, no return.  The kernel keeps no frame records, which would be an instruction in
 * every function: the backtrace is every word of the stack that is an address right
 * after a call.  Some of them may be left over from calls that have returned; the host's
 * debugger turns them into names.  Callers in what only booting needs are left out, since that may
 * be somebody else's memory by now.
 * Source: Arm ARM, "BL", "BLR".
 */
#include "arch/cpu.h"
#include "arch/layout.h"
#include "base/assert.h"
#include "base/format.h"
#include "core/cpu.h"
#include "core/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BACKTRACE_MAX = 32, PANIC_TEXT_MAX = 512 };

#define BL       UINT32_C(0x94000000)
#define BL_MASK  UINT32_C(0xfc000000)
#define BLR      UINT32_C(0xd63f0000)
#define BLR_MASK UINT32_C(0xfffffc1f)

extern const char __image_start[], __text_end[];

static bool is_behind_call(uintptr_t address)
{
    if (address <= (uintptr_t)__image_start || address >= (uintptr_t)__text_end || address % 4 != 0)
        return false;

    const uint32_t before = ((const uint32_t *)address)[-1];

    return (before & BL_MASK) == BL || (before & BLR_MASK) == BLR;
}

/* The words from `at` to the end of the CPU's stack, if that is where we are. */
static void backtrace_log(const uintptr_t *at)
{
    const uintptr_t top = cpu_self()->kernel_stack_top;
    unsigned count = 0;

    if (top - (uintptr_t)at > KERNEL_STACK_BYTES)
        return;
    for (; (uintptr_t)at < top && count < BACKTRACE_MAX; at++) {
        if (!is_behind_call(*at))
            continue;
        log_info("  called from 0x%016lx", *at);
        count++;
    }
}

void panic(const char *format, ...)
{
    static bool is_panicking;         /* only the first panic speaks, whatever CPU it is on */
    static char text[PANIC_TEXT_MAX]; /* and off the stack, where it would keep old words */
    va_list list;

    __asm__ volatile("msr daifset, #15" : : : "memory");
    if (__atomic_exchange_n(&is_panicking, true, __ATOMIC_RELAXED))
        cpu_halt();

    cpus_stop();
    log_console_seize();
    va_start(list, format);
    (void)format_text_list(text, sizeof(text), format, list);
    va_end(list);
    log_info("kernel panic: %s", text);
    backtrace_log(__builtin_frame_address(0));
    log_info("halted");
    cpu_halt();
}
