/*
 * The system calls, one inline function each.
 *
 * Names are those of abi/syscall.h, noun first; what each does, needs and answers stands there.
 * Results go through the last parameters and are untouched on error.  The kernel zeroes x9-x17
 * and keeps everything else, so a call costs its arguments, `svc` and the test of the status.
 */
#pragma once

#include "abi/info.h"
#include "abi/rights.h"
#include "abi/status.h"
#include "abi/syscall.h"

#include "rt/svc.h"

static inline uint64_t syscall_word(const void *address)
{
    return (uint64_t)(uintptr_t)address;
}

static inline enum status system_null(void)
{
    return svc_0(SYS_NULL);
}

/* Fails only for a handle that is gone already. */
static inline enum status handle_close(handle_t h)
{
    return svc_1(SYS_HANDLE_CLOSE, h);
}

CHECK_RESULT static inline enum status handle_duplicate(handle_t h, rights_t rights, uint64_t badge,
                                                        handle_t *out)
{
    return svc_4(SYS_HANDLE_DUPLICATE, h, rights, badge, 0, out);
}

CHECK_RESULT static inline enum status handle_revoke(handle_t h)
{
    return svc_1(SYS_HANDLE_REVOKE, h);
}

CHECK_RESULT static inline enum status handle_narrow(handle_t h, rights_t rights)
{
    return svc_4(SYS_HANDLE_NARROW, h, rights, 0, 0, NULL);
}

struct handle_info {
    enum object_type type;
    rights_t rights;
    uint64_t badge;
};

CHECK_RESULT static inline enum status handle_info(handle_t h, struct handle_info *out)
{
    struct svc_words w = {{h}};
    enum status s = svc_8(SYS_HANDLE_INFO, &w);

    if (s == STATUS_OK)
        *out = (struct handle_info){(enum object_type)w.word[1], (rights_t)w.word[2], w.word[3]};
    return s;
}

CHECK_RESULT static inline enum status segment_create(uint64_t length_bytes, rights_t rights,
                                                      uint32_t flags, uint64_t guard_stride_bytes,
                                                      struct name label, handle_t *out,
                                                      uaddr_t *address)
{
    struct svc_words w = {{length_bytes, rights, flags, guard_stride_bytes}};

    __builtin_memcpy(&w.word[4], label.text, sizeof label);
    enum status s = svc_8(SYS_SEGMENT_CREATE, &w);

    if (s == STATUS_OK) {
        *out = w.word[1];
        *address = w.word[2];
    }
    return s;
}

CHECK_RESULT static inline enum status segment_grant(handle_t segment, handle_t domain,
                                                     rights_t rights)
{
    return svc_4(SYS_SEGMENT_GRANT, segment, domain, rights, 0, NULL);
}

CHECK_RESULT static inline enum status segment_revoke(handle_t segment, handle_t domain)
{
    return svc_4(SYS_SEGMENT_REVOKE, segment, domain, 0, 0, NULL);
}

struct segment_info {
    uaddr_t address;
    uint64_t length_bytes;
    rights_t rights; /* in the caller's view; 0: not in it */
};

CHECK_RESULT static inline enum status segment_info(handle_t segment, struct segment_info *out)
{
    struct svc_words w = {{segment}};
    enum status s = svc_8(SYS_SEGMENT_INFO, &w);

    if (s == STATUS_OK)
        *out = (struct segment_info){w.word[1], w.word[2], (rights_t)w.word[3]};
    return s;
}

CHECK_RESULT static inline enum status segment_dma_address(handle_t segment, uint64_t offset,
                                                           paddr_t *physical,
                                                           uint64_t *contiguous_bytes)
{
    struct svc_words w = {{segment, offset}};
    enum status s = svc_8(SYS_SEGMENT_DMA_ADDRESS, &w);

    if (s == STATUS_OK) {
        *physical = w.word[1];
        *contiguous_bytes = w.word[2];
    }
    return s;
}

CHECK_RESULT static inline enum status segment_create_device(handle_t factory, paddr_t physical,
                                                             uint64_t length_bytes,
                                                             struct name label, handle_t *out,
                                                             uaddr_t *address)
{
    struct svc_words w = {{factory, physical, length_bytes}};

    __builtin_memcpy(&w.word[3], label.text, sizeof label);
    enum status s = svc_8(SYS_SEGMENT_CREATE_DEVICE, &w);

    if (s == STATUS_OK) {
        *out = w.word[1];
        *address = w.word[2];
    }
    return s;
}

CHECK_RESULT static inline enum status segment_create_alias(handle_t factory, handle_t source,
                                                            uint64_t offset, uint64_t length_bytes,
                                                            uint64_t execute_bytes,
                                                            uint64_t reserve_bytes,
                                                            struct name label, handle_t *out,
                                                            uaddr_t *address)
{
    struct svc_words w = {{factory, source, offset, length_bytes, execute_bytes, reserve_bytes}};

    __builtin_memcpy(&w.word[6], label.text, sizeof label);
    enum status s = svc_8(SYS_SEGMENT_CREATE_ALIAS, &w);

    if (s == STATUS_OK) {
        *out = w.word[1];
        *address = w.word[2];
    }
    return s;
}

CHECK_RESULT static inline enum status segment_create_behind(handle_t factory, handle_t in_front,
                                                             uint64_t offset, uint64_t length_bytes,
                                                             struct name label, handle_t *out,
                                                             uaddr_t *address)
{
    struct svc_words w = {{factory, in_front, offset, length_bytes}};

    __builtin_memcpy(&w.word[4], label.text, sizeof label);
    enum status s = svc_8(SYS_SEGMENT_CREATE_BEHIND, &w);

    if (s == STATUS_OK) {
        *out = w.word[1];
        *address = w.word[2];
    }
    return s;
}

CHECK_RESULT static inline enum status segment_assign(handle_t segment, handle_t domain)
{
    return svc_4(SYS_SEGMENT_ASSIGN, segment, domain, 0, 0, NULL);
}

CHECK_RESULT static inline enum status segment_open(handle_t factory, uaddr_t address,
                                                    handle_t *out)
{
    return svc_4(SYS_SEGMENT_OPEN, factory, address, 0, 0, out);
}

CHECK_RESULT static inline enum status domain_create(handle_t factory,
                                                     const struct domain_attributes *attributes,
                                                     handle_t *out)
{
    return svc_4(SYS_DOMAIN_CREATE, factory, syscall_word(attributes), 0, 0, out);
}

CHECK_RESULT static inline enum status domain_give(handle_t domain, handle_t h, rights_t rights,
                                                   uint64_t badge, handle_t *out)
{
    return svc_4(SYS_DOMAIN_GIVE, domain, h, rights, badge, out);
}

CHECK_RESULT static inline enum status domain_stop(handle_t domain)
{
    return svc_1(SYS_DOMAIN_STOP, domain);
}

CHECK_RESULT static inline enum status domain_destroy(handle_t domain)
{
    return svc_1(SYS_DOMAIN_DESTROY, domain);
}

CHECK_RESULT static inline enum status domain_watch(handle_t h, handle_t event, uint64_t bits)
{
    enum status s;

    do {
        s = svc_4(SYS_DOMAIN_WATCH, h, event, bits, 0, NULL);
    } while (s == STATUS_WOULD_BLOCK);
    return s;
}

CHECK_RESULT static inline enum status domain_info(handle_t domain, enum info what, uint64_t index,
                                                   void *out, size_t out_bytes, uint64_t *next)
{
    enum status s;

    do {
        struct svc_words w = {{domain, what, index, syscall_word(out), out_bytes}};
        s = svc_8(SYS_DOMAIN_INFO, &w);
        index = w.word[1];
    } while (s == STATUS_WOULD_BLOCK);
    if (s == STATUS_OK)
        *next = index;
    return s;
}

CHECK_RESULT static inline enum status domain_set_fault_portal(handle_t domain, handle_t portal)
{
    return svc_4(SYS_DOMAIN_SET_FAULT_PORTAL, domain, portal, 0, 0, NULL);
}

CHECK_RESULT static inline enum status domain_narrow_mask(handle_t domain, uint64_t mask)
{
    return svc_4(SYS_DOMAIN_NARROW_MASK, domain, mask, 0, 0, NULL);
}

/* The kernel's call; a thread that runs C wants thread_start() of rt/thread.h. */
CHECK_RESULT static inline enum status thread_create(handle_t domain, uaddr_t entry,
                                                     uaddr_t stack_top, uint64_t argument,
                                                     uint32_t priority, handle_t *out)
{
    struct svc_words w = {{domain, entry, stack_top, argument, priority}};
    enum status s = svc_8(SYS_THREAD_CREATE, &w);

    if (s == STATUS_OK)
        *out = w.word[1];
    return s;
}

_Noreturn static inline void thread_exit(void)
{
    for (;;)
        (void)svc_0(SYS_THREAD_EXIT);
}

CHECK_RESULT static inline enum status thread_destroy(handle_t thread)
{
    return svc_1(SYS_THREAD_DESTROY, thread);
}

static inline void thread_yield(void)
{
    (void)svc_0(SYS_THREAD_YIELD);
}

static inline enum status thread_sleep(nsec_t deadline_ns)
{
    return svc_1(SYS_THREAD_SLEEP, deadline_ns);
}

static inline enum status thread_park(_Atomic uint32_t *word, uint32_t expected, nsec_t deadline_ns)
{
    return svc_4(SYS_THREAD_PARK, (uint64_t)(uintptr_t)word, expected, deadline_ns, 0, NULL);
}

/* `owner`: an address in the stack of whoever is to unpark; that one is as urgent meanwhile. */
static inline enum status thread_park_for(_Atomic uint32_t *word, uint32_t expected,
                                          nsec_t deadline_ns, uaddr_t owner)
{
    return svc_4(SYS_THREAD_PARK, (uint64_t)(uintptr_t)word, expected, deadline_ns, owner, NULL);
}

/* Wake the `count` most urgent, or as many as sleep. */
static inline enum status thread_unpark(_Atomic uint32_t *word, uint32_t count)
{
    uint64_t woken = 0;
    enum status s;

    do {
        s = svc_4(SYS_THREAD_UNPARK, (uint64_t)(uintptr_t)word, count, 0, 0, &woken);
        count -= (uint32_t)woken;
    } while (s == STATUS_OK && woken == UNPARK_MAX && count > 0);
    return s;
}

CHECK_RESULT static inline enum status thread_set_priority(handle_t thread, uint32_t priority)
{
    return svc_4(SYS_THREAD_SET_PRIORITY, thread, priority, 0, 0, NULL);
}

CHECK_RESULT static inline enum status thread_set_affinity(handle_t thread, uint64_t cpus)
{
    return svc_4(SYS_THREAD_SET_AFFINITY, thread, cpus, 0, 0, NULL);
}

/* 0 and 0: no budget. */
CHECK_RESULT static inline enum status thread_set_budget(handle_t thread, nsec_t budget_ns,
                                                         nsec_t period_ns)
{
    return svc_4(SYS_THREAD_SET_BUDGET, thread, budget_ns, period_ns, 0, NULL);
}

/* The kernel's call; rt/portal.h has portal_serve(). */
CHECK_RESULT static inline enum status portal_create(uaddr_t entry, uaddr_t first_stack_top,
                                                     uint64_t stack_stride_bytes,
                                                     uint64_t stack_count, uint64_t cookie,
                                                     handle_t *out)
{
    struct svc_words w = {{entry, first_stack_top, stack_stride_bytes, stack_count, cookie}};
    enum status s = svc_8(SYS_PORTAL_CREATE, &w);

    if (s == STATUS_OK)
        *out = w.word[1];
    return s;
}

CHECK_RESULT static inline enum status event_create(handle_t segment, uint64_t offset,
                                                    handle_t *out)
{
    return svc_4(SYS_EVENT_CREATE, segment, offset, 0, 0, out);
}

static inline enum status event_signal(handle_t event, uint64_t bits)
{
    return svc_4(SYS_EVENT_SIGNAL, event, bits, 0, 0, NULL);
}

static inline enum status event_wait(handle_t event, nsec_t deadline_ns)
{
    return svc_4(SYS_EVENT_WAIT, event, deadline_ns, 0, 0, NULL);
}

CHECK_RESULT static inline enum status interrupt_create(handle_t factory, uint64_t number,
                                                        uint32_t flags, handle_t *out)
{
    return svc_4(SYS_INTERRUPT_CREATE, factory, number, flags, 0, out);
}

CHECK_RESULT static inline enum status interrupt_bind(handle_t interrupt, handle_t event,
                                                      uint64_t bits)
{
    return svc_4(SYS_INTERRUPT_BIND, interrupt, event, bits, 0, NULL);
}

CHECK_RESULT static inline enum status interrupt_ack(handle_t interrupt)
{
    return svc_1(SYS_INTERRUPT_ACK, interrupt);
}

CHECK_RESULT static inline enum status clock_create(handle_t event, uint64_t bits, handle_t *out)
{
    return svc_4(SYS_CLOCK_CREATE, event, bits, 0, 0, out);
}

static inline enum status clock_set(handle_t clock, nsec_t deadline_ns)
{
    return svc_4(SYS_CLOCK_SET, clock, deadline_ns, 0, 0, NULL);
}

static inline enum status log_write(const char *text, size_t length)
{
    return svc_4(SYS_LOG_WRITE, syscall_word(text), length, 0, 0, NULL);
}

struct log_chunk {
    uint64_t bytes;       /* copied out */
    uint64_t next_cursor; /* to read on from */
    uint64_t lost_bytes;  /* overwritten before they could be read */
};

CHECK_RESULT static inline enum status log_read(uint64_t cursor, char *out, size_t out_bytes,
                                                struct log_chunk *chunk)
{
    struct svc_words w = {{cursor, syscall_word(out), out_bytes}};
    enum status s = svc_8(SYS_LOG_READ, &w);

    if (s == STATUS_OK)
        *chunk = (struct log_chunk){w.word[1], w.word[2], w.word[3]};
    return s;
}

CHECK_RESULT static inline enum status log_watch(handle_t event, uint64_t bits)
{
    return svc_4(SYS_LOG_WATCH, event, bits, 0, 0, NULL);
}

CHECK_RESULT static inline enum status system_control(handle_t factory, enum system_control what)
{
    return svc_4(SYS_SYSTEM_CONTROL, factory, what, 0, 0, NULL);
}

CHECK_RESULT static inline enum status system_info(enum info what, uint64_t index, void *out,
                                                   size_t out_bytes, uint64_t *next)
{
    enum status s;

    do {
        struct svc_words w = {{what, index, syscall_word(out), out_bytes}};
        s = svc_8(SYS_SYSTEM_INFO, &w);
        index = w.word[1];
    } while (s == STATUS_WOULD_BLOCK);
    if (s == STATUS_OK)
        *next = index;
    return s;
}

/* A name of up to 16 bytes from text; the rest is cut off. */
static inline struct name name_from(const char *text)
{
    struct name n = {{0}};

    for (unsigned i = 0; i < NAME_BYTES && text[i] != '\0'; i++)
        n.text[i] = text[i];
    return n;
}
