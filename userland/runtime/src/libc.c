/*
 * What picolibc asks of its system: an end, a time, and locks.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/lock.h>
#include <sys/time.h>
#include <unistd.h>

#include "rt/app.h"
#include "rt/log.h"
#include "rt/mutex.h"
#include "rt/time.h"

/* Recursive. */
struct __lock {
    struct mutex mutex;
    unsigned depth; /* the holder's */
};

struct __lock __lock___libc_recursive_mutex;

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    if (mutex_is_mine(&lock->mutex)) {
        lock->depth++;
        return;
    }
    mutex_lock(&lock->mutex);
    lock->depth = 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (--lock->depth != 0)
        return;
    mutex_unlock(&lock->mutex);
}

void __retarget_lock_init(_LOCK_T *lock)
{
    *lock = calloc(1, sizeof **lock);
    if (*lock == NULL)
        log_crash("no memory for a lock of the C library");
}

void __retarget_lock_close(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    mutex_lock(&lock->mutex);
}

void __retarget_lock_release(_LOCK_T lock)
{
    mutex_unlock(&lock->mutex);
}

void _exit(int code)
{
    (void)fflush(stdout);
    app_exit(code);
}

void abort(void)
{
    log_crash("abort");
}

void __assert_func(const char *file, int line, const char *function, const char *expression)
{
    log_crash("%s:%d: %s: assertion `%s' failed", file, line, function == NULL ? "" : function,
              expression);
}

int gettimeofday(struct timeval *now, void *zone)
{
    uint64_t ns = time_of_day_ns();

    (void)zone;
    now->tv_sec = (time_t)(ns / NS_PER_S);
    now->tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US);
    return 0;
}
