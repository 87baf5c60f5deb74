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

bool monitor_try_call(void)
{
    if (!mutex_is_mine(&lock))
        return mutex_try(&lock);
    log_line("monitor: a caller left in the middle of a request, its work is unfinished");
    return true;
}

void monitor_wait(void)
{
    mutex_wait(&lock);
}

void monitor_leave(void)
{
    mutex_unlock(&lock);
}
