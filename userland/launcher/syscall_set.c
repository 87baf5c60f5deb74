/*
 * Sets of system calls: the words and their masks.
 *
 * A new call of the kernel is denied to everybody until it stands here.  Of the calls that any
 * program may need handle_revoke is in no set: memory that a device has been lent would come back
 * behind the back of the driver, whose handle keeps it (docs/drivers.md), and what a service has
 * been lent would go while it reads.
 */
#include "app/syscall_set.h"

#include "abi/syscall.h"

#include <string.h>

#define CALL(number) (UINT64_C(1) << (number))

#define APPLICATION                                                                               \
    (CALL(SYS_NULL) | CALL(SYS_HANDLE_CLOSE) | CALL(SYS_HANDLE_DUPLICATE) | CALL(SYS_HANDLE_INFO) \
     | CALL(SYS_HANDLE_NARROW) | CALL(SYS_SEGMENT_CREATE) | CALL(SYS_SEGMENT_GRANT)               \
     | CALL(SYS_SEGMENT_REVOKE) | CALL(SYS_SEGMENT_INFO) | CALL(SYS_DOMAIN_WATCH)                 \
     | CALL(SYS_DOMAIN_INFO) | CALL(SYS_DOMAIN_SET_FAULT_PORTAL) | CALL(SYS_DOMAIN_NARROW_MASK)   \
     | CALL(SYS_THREAD_CREATE) | CALL(SYS_THREAD_EXIT) | CALL(SYS_THREAD_DESTROY)                 \
     | CALL(SYS_THREAD_YIELD) | CALL(SYS_THREAD_SLEEP) | CALL(SYS_THREAD_PARK)                    \
     | CALL(SYS_THREAD_UNPARK) | CALL(SYS_THREAD_SET_PRIORITY) | CALL(SYS_THREAD_SET_AFFINITY)    \
     | CALL(SYS_THREAD_SET_BUDGET) | CALL(SYS_EVENT_CREATE) | CALL(SYS_EVENT_SIGNAL)              \
     | CALL(SYS_EVENT_WAIT) | CALL(SYS_CLOCK_CREATE) | CALL(SYS_CLOCK_SET) | CALL(SYS_LOG_WRITE))

#define SERVICE (APPLICATION | CALL(SYS_PORTAL_CREATE))

#define DRIVER \
    (SERVICE | CALL(SYS_SEGMENT_DMA_ADDRESS) | CALL(SYS_INTERRUPT_BIND) | CALL(SYS_INTERRUPT_ACK))

/* What an entry of the manifest may say one by one. */
#define SINGLE                                                                   \
    (DRIVER | CALL(SYS_HANDLE_REVOKE) | CALL(SYS_LOG_READ) | CALL(SYS_LOG_WATCH) \
     | CALL(SYS_SYSTEM_INFO))

static const struct {
    const char *text;
    uint64_t mask;
} sets[] = {
    {"application", APPLICATION},
    {"service", SERVICE},
    {"driver", DRIVER},
};

enum { SETS = sizeof sets / sizeof sets[0] };

enum status syscall_set_find(const char *word, uint64_t *out)
{
    for (unsigned i = 0; i < SETS; i++) {
        if (strcmp(sets[i].text, word) == 0) {
            *out = sets[i].mask;
            return STATUS_OK;
        }
    }
    for (unsigned number = 0; number < SYS_COUNT; number++) {
        const char *single = syscall_set_word(number);
        if (single != NULL && strcmp(single, word) == 0) {
            *out = CALL(number);
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

const char *syscall_set_word(uint64_t number)
{
    return number < SYS_COUNT && (SINGLE & CALL(number)) != 0 ? syscall_names[number] : NULL;
}

const char *syscall_set_take(uint64_t *mask)
{
    unsigned most = SETS;

    for (unsigned i = 0; i < SETS; i++)
        if ((sets[i].mask & ~*mask) == 0
            && (most == SETS
                || __builtin_popcountll(sets[i].mask) > __builtin_popcountll(sets[most].mask)))
            most = i;
    if (most < SETS) {
        *mask &= ~sets[most].mask;
        return sets[most].text;
    }
    const uint64_t left = *mask & SINGLE;
    if (left == 0)
        return NULL;
    *mask &= ~(left & -left);
    return syscall_set_word((uint64_t)__builtin_ctzll(left));
}
