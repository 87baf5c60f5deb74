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

struct word {
    const char *text;
    uint64_t mask;
};

static const struct word words[] = {
    {"application", APPLICATION},
    {"service", SERVICE},
    {"driver", DRIVER},
    {"null", CALL(SYS_NULL)},
    {"handle_close", CALL(SYS_HANDLE_CLOSE)},
    {"handle_duplicate", CALL(SYS_HANDLE_DUPLICATE)},
    {"handle_revoke", CALL(SYS_HANDLE_REVOKE)},
    {"handle_info", CALL(SYS_HANDLE_INFO)},
    {"handle_narrow", CALL(SYS_HANDLE_NARROW)},
    {"segment_create", CALL(SYS_SEGMENT_CREATE)},
    {"segment_grant", CALL(SYS_SEGMENT_GRANT)},
    {"segment_revoke", CALL(SYS_SEGMENT_REVOKE)},
    {"segment_info", CALL(SYS_SEGMENT_INFO)},
    {"segment_dma_address", CALL(SYS_SEGMENT_DMA_ADDRESS)},
    {"domain_watch", CALL(SYS_DOMAIN_WATCH)},
    {"domain_info", CALL(SYS_DOMAIN_INFO)},
    {"domain_set_fault_portal", CALL(SYS_DOMAIN_SET_FAULT_PORTAL)},
    {"domain_narrow_mask", CALL(SYS_DOMAIN_NARROW_MASK)},
    {"thread_create", CALL(SYS_THREAD_CREATE)},
    {"thread_exit", CALL(SYS_THREAD_EXIT)},
    {"thread_destroy", CALL(SYS_THREAD_DESTROY)},
    {"thread_yield", CALL(SYS_THREAD_YIELD)},
    {"thread_sleep", CALL(SYS_THREAD_SLEEP)},
    {"thread_park", CALL(SYS_THREAD_PARK)},
    {"thread_unpark", CALL(SYS_THREAD_UNPARK)},
    {"thread_set_priority", CALL(SYS_THREAD_SET_PRIORITY)},
    {"thread_set_affinity", CALL(SYS_THREAD_SET_AFFINITY)},
    {"thread_set_budget", CALL(SYS_THREAD_SET_BUDGET)},
    {"portal_create", CALL(SYS_PORTAL_CREATE)},
    {"event_create", CALL(SYS_EVENT_CREATE)},
    {"event_signal", CALL(SYS_EVENT_SIGNAL)},
    {"event_wait", CALL(SYS_EVENT_WAIT)},
    {"interrupt_bind", CALL(SYS_INTERRUPT_BIND)},
    {"interrupt_ack", CALL(SYS_INTERRUPT_ACK)},
    {"clock_create", CALL(SYS_CLOCK_CREATE)},
    {"clock_set", CALL(SYS_CLOCK_SET)},
    {"log_write", CALL(SYS_LOG_WRITE)},
    {"log_read", CALL(SYS_LOG_READ)},
    {"log_watch", CALL(SYS_LOG_WATCH)},
    {"system_info", CALL(SYS_SYSTEM_INFO)},
};

enum status syscall_set_find(const char *word, uint64_t *out)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].text, word) == 0) {
            *out = words[i].mask;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

const char *syscall_set_word(uint64_t number)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (number < SYS_COUNT && words[i].mask == CALL(number))
            return words[i].text;
    return NULL;
}

const char *syscall_set_take(uint64_t *mask)
{
    const struct word *most = NULL;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if ((words[i].mask & ~*mask) == 0
            && (most == NULL
                || __builtin_popcountll(words[i].mask) > __builtin_popcountll(most->mask)))
            most = &words[i];
    if (most == NULL)
        return NULL;
    *mask &= ~most->mask;
    return most->text;
}
