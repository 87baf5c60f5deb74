/*
 * The monitor: a mutex, which knows its holder.
 */
#include "monitor.h"

#include "rt/log.h"
#include "rt/mutex.h"

static struct mutex lock;

void monitor_enter(void)
{
    mutex_lock(&lock);
}

void monitor_enter_call(void)
{
    if (mutex_is_mine(&lock))
        log_line("monitor: a caller left in the middle of a request, its work is unfinished");
    else
        mutex_lock(&lock);
}

void monitor_leave(void)
{
    mutex_unlock(&lock);
}
