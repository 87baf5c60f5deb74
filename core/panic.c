/*
 * Panic: the last words of a kernel that has broken its own rules.
 *
 * Nothing here may depend on what is broken: no allocation, no locks that are waited
 * for, no return.  The return addresses are found through the chain of frame records
 * (x29 -> {caller's x29, return address}), which must lead upwards and stay in kernel
 * addresses; the host's debugger turns them into names.
 * Source: Procedure Call Standard for AArch64, "The Frame Pointer".
 */
#include "arch/cpu.h"
#include "base/assert.h"
#include "base/format.h"
#include "base/string.h"
#include "core/cpu.h"
#include "core/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BACKTRACE_MAX = 32, PANIC_TEXT_MAX = 512 };

/* The farthest that one kernel frame record can be above the one it calls: a stack's size. */
enum { FRAME_DISTANCE_MAX = 64 * 1024 };

struct frame_record {
    const struct frame_record *caller;
    uintptr_t return_address;
};
_Static_assert(sizeof(struct frame_record) == 16, "AAPCS64");

/* Kernel addresses have all upper bits set: TTBR1's half. */
static bool is_kernel_address(uintptr_t address)
{
    return address >> 48 == 0xffff;
}

static bool frame_follows(const struct frame_record *frame, const struct frame_record *caller)
{
    const uintptr_t distance = (uintptr_t)caller - (uintptr_t)frame;

    return is_kernel_address((uintptr_t)caller) && (uintptr_t)caller % 8 == 0 && distance != 0
           && distance <= FRAME_DISTANCE_MAX;
}

static void backtrace_log(const struct frame_record *frame)
{
    for (unsigned depth = 0; depth < BACKTRACE_MAX; depth++) {
        if (!is_kernel_address(frame->return_address))
            return;
        log_info("  called from %p", (void *)frame->return_address);
        if (!frame_follows(frame, frame->caller))
            return;
        frame = frame->caller;
    }
}

void panic(const char *format, ...)
{
    static bool is_panicking; /* only the first panic speaks, whatever CPU it is on */
    char text[PANIC_TEXT_MAX];
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
