#include "core/sysret.h"

#include "arch/timer.h"
#include "arch/usercopy.h"
#include "core/event.h"
#include "core/info.h"
#include "core/log.h"
#include "core/log_watchers.h"
#include "core/power.h"
#include "domains/quota.h"

#define UNUSED __attribute__((unused))

enum {
    LOG_CHUNK = LOG_LINE_MAX, /* bytes copied in one go */
};

struct sysret sys_log_write(uint64_t text, uint64_t length, UNUSED uint64_t a2, UNUSED uint64_t a3,
                            UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                            UNUSED uint64_t a7)
{
    char chunk[LOG_CHUNK];
    const size_t size = length < LOG_CHUNK ? (size_t)length : LOG_CHUNK;
    struct domain *domain = caller_domain();
    const uint64_t window = timer_now_ns() / LOG_WINDOW_NS;

    if (domain->log_window != window) {
        domain->log_window = window;
        domain->used.log_bytes = 0;
    }
    const enum status status = domain->used.log_bytes >= domain->limit.log_bytes
                                   ? STATUS_OUT_OF_QUOTA
                                   : usercopy_from(chunk, text, size);
    if (status != STATUS_OK)
        return sysret(status);

    const uint64_t end = log_end();
    const size_t used = log_write_from(&domain->name, chunk, size);

    /* What the log got for it, with time and name; the last line may be more than is left. */
    const uint32_t grown = (uint32_t)(log_end() - end);
    domain->used.log_bytes += grown;
    if (grown != 0)
        log_watchers_signal();
    if (length > used)
        return sysret_again(SYS_LOG_WRITE, text + used, length - used);
    return sysret(STATUS_OK);
}

struct sysret sys_log_read(uint64_t cursor, uint64_t out, uint64_t out_bytes, UNUSED uint64_t a3,
                           UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                           UNUSED uint64_t a7)
{
    char chunk[LOG_CHUNK];
    uint64_t lost = 0;
    const size_t room = out_bytes < LOG_CHUNK ? (size_t)out_bytes : LOG_CHUNK;
    const size_t size = log_read(&cursor, chunk, room, &lost);
    const enum status status = usercopy_to(out, chunk, size);

    return status == STATUS_OK ? sysret_more(size, cursor, lost) : sysret(status);
}

struct sysret sys_log_watch(uint64_t h, uint64_t bits, UNUSED uint64_t a2, UNUSED uint64_t a3,
                            UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                            UNUSED uint64_t a7)
{
    struct object *object;
    const enum status status = caller_lookup_own_event(h, &object);

    if (status != STATUS_OK)
        return sysret(status);
    return sysret(log_watchers_add(event_of_object(object), bits));
}

struct sysret sys_system_control(uint64_t factory, uint64_t what, UNUSED uint64_t a2,
                                 UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                 UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    const enum status status = caller_has_factory(factory);

    if (status != STATUS_OK)
        return sysret(status);
    switch (what) {
    case SYSTEM_POWEROFF:
        power_off();
    case SYSTEM_REBOOT:
        power_reboot();
    case SYSTEM_LOG_RELEASE:
        log_console_release();
        return sysret(STATUS_OK);
    default:
        return sysret(STATUS_BAD_ARGUMENT);
    }
}

struct sysret sys_system_info(uint64_t what, uint64_t index, uint64_t out, uint64_t out_bytes,
                              UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                              UNUSED uint64_t a7)
{
    uint64_t next;
    const enum status status = info_copy(NULL, what, index, out, out_bytes, &next);

    return (struct sysret){.status = status, .value = next};
}
