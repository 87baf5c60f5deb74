/*
 * The monitor: a mutex that knows its holder by the holder's thread pointer.
 */
#include "monitor.h"

#include <stdatomic.h>
#include <stdint.h>

#include "rt/log.h"
#include "rt/mutex.h"

#include "tls.h"

static struct mutex lock;
static _Atomic uintptr_t holder; /* written inside the lock; read outside only to compare */

void monitor_enter(void)
{
    mutex_lock(&lock);
    atomic_store_explicit(&holder, tls_self(), memory_order_relaxed);
}

void monitor_enter_call(void)
{
    if (atomic_load_explicit(&holder, memory_order_relaxed) != tls_self()) {
        monitor_enter();
        return;
    }
    log_line("monitor: a caller left in the middle of a request, its work is unfinished");
}

void monitor_leave(void)
{
    atomic_store_explicit(&holder, 0, memory_order_relaxed);
    mutex_unlock(&lock);
}
