/*
 * From the first C function to the last: what surrounds main().
 *
 * main() runs inside the monitor; loop_run() leaves it while it waits.
 */
#include "program.h"

#include <stdlib.h>

#include "rt/app.h"
#include "rt/monitor.h"
#include "rt/syscall.h"

#include "tls.h"

extern void (*const init_array_start[])(void) __asm__("__init_array_start");
extern void (*const init_array_end[])(void) __asm__("__init_array_end");

__attribute__((weak)) const struct startup *startup_from(uaddr_t argument)
{
    return (const struct startup *)(uintptr_t)argument;
}

void start_program(uaddr_t argument)
{
    const struct startup *startup = startup_from(argument);

    /* This frame is never left, so the first thread's block can live in it. */
    void *tls = __builtin_alloca_with_align(tls_bytes(), 128);

    __builtin_memset(tls, 0, tls_bytes());
    tls_init(tls);
    tls_install(tls);
    startup_set(startup);
    if (startup->magic != STARTUP_MAGIC || startup->version != STARTUP_VERSION)
        app_exit(1);

    heap_init(startup->heap_start, startup->heap_end);
    loop_init();
    monitor_enter();
    for (void (*const *f)(void) = init_array_start; f != init_array_end; f++)
        (*f)();
    exit(main());
}
