/*
 * Each system call with each kind of wrong argument: refused with the status that the contract
 * names, and nothing has happened.
 */
#include "child.h"

enum { ARGUMENTS = 6 };

static enum status call(uint64_t number, const uint64_t argument[ARGUMENTS])
{
    struct svc_words w = {{0}};

    for (unsigned i = 0; i < ARGUMENTS; i++)
        w.word[i] = argument[i];
    return svc_8((enum syscall)number, &w);
}

/* ---- handles ---- */

/* A call, which of its arguments is a handle, and of what; rights 0: none is needed. */
struct handle_use {
    enum syscall number;
    unsigned position;
    enum object_type type; /* OBJECT_NONE: any */
    rights_t rights;
};

static const struct handle_use handle_uses[] = {
    {SYS_HANDLE_CLOSE, 0, OBJECT_NONE, 0},
    {SYS_HANDLE_DUPLICATE, 0, OBJECT_NONE, RIGHT_DUPLICATE},
    {SYS_HANDLE_REVOKE, 0, OBJECT_NONE, 0},
    {SYS_HANDLE_INFO, 0, OBJECT_NONE, 0},
    {SYS_HANDLE_NARROW, 0, OBJECT_NONE, 0},
    {SYS_SEGMENT_GRANT, 0, OBJECT_SEGMENT, RIGHT_READ},
    {SYS_SEGMENT_REVOKE, 0, OBJECT_SEGMENT, 0},
    {SYS_SEGMENT_INFO, 0, OBJECT_SEGMENT, 0},
    {SYS_SEGMENT_DMA_ADDRESS, 0, OBJECT_SEGMENT, RIGHT_DMA},
    {SYS_SEGMENT_ASSIGN, 0, OBJECT_SEGMENT, RIGHT_MANAGE},
    {SYS_SEGMENT_CREATE_DEVICE, 0, OBJECT_FACTORY, 0},
    {SYS_SEGMENT_CREATE_ALIAS, 0, OBJECT_FACTORY, 0},
    {SYS_SEGMENT_CREATE_BEHIND, 0, OBJECT_FACTORY, 0},
    {SYS_SEGMENT_OPEN, 0, OBJECT_FACTORY, 0},
    {SYS_DOMAIN_CREATE, 0, OBJECT_FACTORY, 0},
    {SYS_DOMAIN_GIVE, 0, OBJECT_DOMAIN, RIGHT_MANAGE},
    {SYS_DOMAIN_STOP, 0, OBJECT_DOMAIN, RIGHT_MANAGE},
    {SYS_DOMAIN_DESTROY, 0, OBJECT_DOMAIN, RIGHT_MANAGE},
    {SYS_DOMAIN_INFO, 0, OBJECT_DOMAIN, RIGHT_INSPECT},
    {SYS_DOMAIN_SET_FAULT_PORTAL, 0, OBJECT_DOMAIN, RIGHT_MANAGE},
    {SYS_DOMAIN_NARROW_MASK, 0, OBJECT_DOMAIN, RIGHT_MANAGE},
    {SYS_THREAD_CREATE, 0, OBJECT_DOMAIN, RIGHT_MANAGE},
    {SYS_THREAD_DESTROY, 0, OBJECT_THREAD, RIGHT_MANAGE},
    {SYS_THREAD_SET_PRIORITY, 0, OBJECT_THREAD, RIGHT_MANAGE},
    {SYS_THREAD_SET_AFFINITY, 0, OBJECT_THREAD, RIGHT_MANAGE},
    {SYS_EVENT_CREATE, 0, OBJECT_SEGMENT, RIGHT_WRITE},
    {SYS_EVENT_SIGNAL, 0, OBJECT_EVENT, RIGHT_SIGNAL},
    {SYS_EVENT_WAIT, 0, OBJECT_EVENT, RIGHT_WAIT},
    {SYS_INTERRUPT_CREATE, 0, OBJECT_FACTORY, 0},
    {SYS_INTERRUPT_BIND, 0, OBJECT_INTERRUPT, RIGHT_MANAGE},
    {SYS_INTERRUPT_ACK, 0, OBJECT_INTERRUPT, RIGHT_MANAGE},
    {SYS_CLOCK_CREATE, 0, OBJECT_EVENT, RIGHT_WAIT},
    {SYS_CLOCK_SET, 0, OBJECT_CLOCK, RIGHT_MANAGE},
    {SYS_LOG_WATCH, 0, OBJECT_EVENT, RIGHT_WAIT},
    {SYS_SYSTEM_CONTROL, 0, OBJECT_FACTORY, 0},
};
enum { HANDLE_USES = sizeof handle_uses / sizeof handle_uses[0] };

/* Fine where no handle is asked for, for as much as is looked at. */
static void arguments_clear(uint64_t argument[ARGUMENTS])
{
    for (unsigned i = 0; i < ARGUMENTS; i++)
        argument[i] = 0;
}

static void handles_that_name_nothing(void)
{
    handle_t stale = 0;
    uint64_t argument[ARGUMENTS];
    static uint64_t word;

    EXPECT_OK(test_event(&word, &stale));
    EXPECT_OK(handle_close(stale));
    const uint64_t bad[] = {stale,
                            stale + (UINT64_C(1) << 33),
                            stale | UINT64_C(1) << 31,
                            stale | UINT64_C(1) << 30,
                            test_data() | UINT64_C(1) << 63,
                            test_data() ^ UINT64_C(1) << 32,
                            UINT32_MAX,
                            UINT64_MAX,
                            127,
                            128,
                            UINT64_C(1) << 32 | 65535,
                            UINT64_C(1) << 32 | 65536};
    for (unsigned i = 0; i < HANDLE_USES; i++)
        for (unsigned b = 0; b < sizeof bad / sizeof bad[0]; b++) {
            arguments_clear(argument);
            argument[handle_uses[i].position] = bad[b];
            const enum status s = call(handle_uses[i].number, argument);
            EXPECT_IS(s << 8 | handle_uses[i].number,
                      STATUS_BAD_HANDLE << 8 | handle_uses[i].number);
        }
}

static void handles_of_another_kind(void)
{
    static uint64_t word;
    handle_t event = 0;
    uint64_t argument[ARGUMENTS];

    EXPECT_OK(test_event(&word, &event));
    for (unsigned i = 0; i < HANDLE_USES; i++) {
        if (handle_uses[i].type == OBJECT_NONE)
            continue;
        arguments_clear(argument);
        argument[handle_uses[i].position] =
            handle_uses[i].type == OBJECT_EVENT ? test_data() : event;
        EXPECT_IS(call(handle_uses[i].number, argument) << 8 | handle_uses[i].number,
                  STATUS_WRONG_TYPE << 8 | handle_uses[i].number);
    }
}

/* One of each kind. */
static handle_t sample_of(enum object_type type)
{
    static uint64_t words[2];
    handle_t out = 0, event = 0;
    uaddr_t address = 0;
    struct child child;
    enum status s = STATUS_BAD_ARGUMENT;

    switch (type) {
    case OBJECT_DOMAIN:
        s = child_make(&(struct child_needs){0}, &child);
        out = child.domain;
        break;
    case OBJECT_THREAD:
        s = child_make(&(struct child_needs){0}, &child);
        if (s == STATUS_OK)
            s = thread_create(child.domain, PAGE_BYTES, PAGE_BYTES, 0, 1, &out);
        break;
    case OBJECT_EVENT:
        s = test_event(&words[0], &out);
        break;
    case OBJECT_SEGMENT:
    case OBJECT_NONE:
        s = segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE | RIGHT_DMA, 0, 0,
                           name_from("sample"), &out, &address);
        break;
    case OBJECT_INTERRUPT:
        s = interrupt_create(test_factory(), 100, 0, &out);
        break;
    case OBJECT_CLOCK:
        s = test_event(&words[1], &event);
        if (s == STATUS_OK)
            s = clock_create(event, 1, &out);
        break;
    default:
        break;
    }
    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "sample_of", s, STATUS_OK);
    return out;
}

static void handles_without_the_right(void)
{
    uint64_t argument[ARGUMENTS];
    handle_t samples[OBJECT_TYPE_COUNT] = {0}, weak = 0;

    for (unsigned i = 0; i < HANDLE_USES; i++) {
        const struct handle_use *use = &handle_uses[i];
        if (use->rights == 0)
            continue;
        if (samples[use->type] == 0)
            samples[use->type] = sample_of(use->type);
        EXPECT_OK(handle_duplicate(samples[use->type], RIGHT_ALL & ~use->rights, 0, &weak));
        arguments_clear(argument);
        argument[use->position] = weak;
        if (use->number == SYS_SEGMENT_GRANT)
            argument[2] = RIGHT_READ;
        EXPECT_IS(call(use->number, argument) << 8 | use->number,
                  STATUS_NO_RIGHT << 8 | use->number);
        EXPECT_OK(handle_close(weak));
    }
}

/* The second handle of a call is looked at like the first. */
static void second_handles(void)
{
    static uint64_t word;
    const handle_t segment = sample_of(OBJECT_SEGMENT), domain = sample_of(OBJECT_DOMAIN);
    const handle_t interrupt = sample_of(OBJECT_INTERRUPT);
    handle_t event = 0, managed = 0, deaf = 0;
    struct domain_attributes attributes = {.quota = {16, 16, 16, 16, 0}, .event_bits = 1};

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(domain, RIGHT_ALL & ~(rights_t)RIGHT_MANAGE, 0, &managed));
    EXPECT_OK(handle_duplicate(event, RIGHT_ALL & ~(rights_t)RIGHT_WAIT, 0, &deaf));
    const struct {
        uint64_t number, argument[ARGUMENTS];
        enum status wanted;
    } cases[] = {
        {SYS_SEGMENT_GRANT, {segment, 99, RIGHT_READ}, STATUS_BAD_HANDLE},
        {SYS_SEGMENT_GRANT, {segment, event, RIGHT_READ}, STATUS_WRONG_TYPE},
        {SYS_SEGMENT_GRANT, {segment, managed, RIGHT_READ}, STATUS_NO_RIGHT},
        {SYS_SEGMENT_REVOKE, {segment, 99}, STATUS_BAD_HANDLE},
        {SYS_SEGMENT_REVOKE, {segment, managed}, STATUS_NO_RIGHT},
        {SYS_SEGMENT_REVOKE, {segment, 0}, STATUS_NOT_FOUND},
        {SYS_SEGMENT_ASSIGN, {segment, 99}, STATUS_BAD_HANDLE},
        {SYS_SEGMENT_ASSIGN, {segment, managed}, STATUS_NO_RIGHT},
        {SYS_DOMAIN_GIVE, {domain, 99, RIGHT_ALL}, STATUS_BAD_HANDLE},
        {SYS_DOMAIN_GIVE, {domain, test_factory(), RIGHT_ALL}, STATUS_NO_RIGHT},
        {SYS_DOMAIN_WATCH, {domain, 99, 1}, STATUS_BAD_HANDLE},
        {SYS_DOMAIN_WATCH, {domain, segment, 1}, STATUS_WRONG_TYPE},
        {SYS_DOMAIN_WATCH, {domain, deaf, 1}, STATUS_NO_RIGHT},
        {SYS_DOMAIN_SET_FAULT_PORTAL, {domain, 99}, STATUS_BAD_HANDLE},
        {SYS_DOMAIN_SET_FAULT_PORTAL, {domain, event}, STATUS_WRONG_TYPE},
        {SYS_INTERRUPT_BIND, {interrupt, 99, 1}, STATUS_BAD_HANDLE},
        {SYS_INTERRUPT_BIND, {interrupt, segment, 1}, STATUS_WRONG_TYPE},
        {SYS_INTERRUPT_BIND, {interrupt, deaf, 1}, STATUS_NO_RIGHT},
        {SYS_INTERRUPT_BIND, {interrupt, event, 0}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS, {test_factory(), 99, 0, PAGE_BYTES}, STATUS_BAD_HANDLE},
        {SYS_SEGMENT_CREATE_BEHIND, {test_factory(), event, 0, PAGE_BYTES}, STATUS_WRONG_TYPE},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        EXPECT_IS(call(cases[i].number, cases[i].argument) << 8 | i, cases[i].wanted << 8 | i);
    attributes.event = deaf;
    EXPECT_IS(domain_create(test_factory(), &attributes, &managed), STATUS_NO_RIGHT);
    attributes.event = segment;
    EXPECT_IS(domain_create(test_factory(), &attributes, &managed), STATUS_WRONG_TYPE);
    attributes.event = 99;
    EXPECT_IS(domain_create(test_factory(), &attributes, &managed), STATUS_BAD_HANDLE);
}

/* ---- addresses ---- */

/* Calls that read or write memory, and where the address stands. */
static const struct {
    enum syscall number;
    unsigned position;
    bool writes;
    uint64_t argument[ARGUMENTS];
} address_uses[] = {
    {SYS_DOMAIN_CREATE, 1, false, {0}},
    {SYS_DOMAIN_INFO, 3, true, {0, INFO_DOMAIN, 0, 0, 4096}},
    {SYS_LOG_WRITE, 0, false, {0, 64}},
    {SYS_LOG_READ, 1, true, {0, 0, 64}},
    {SYS_SYSTEM_INFO, 2, true, {INFO_MEMORY, 0, 0, 4096}},
    {SYS_THREAD_PARK, 0, false, {0, 12345, 1}},
};

static void addresses_that_are_not_one_s_own(void)
{
    handle_t segment = 0, other = 0, fenced = 0;
    uaddr_t address = 0, unseen = 0, guarded = 0;

    EXPECT_OK(probe_make(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &address));
    EXPECT_OK(segment_create(PAGE_BYTES, RIGHT_READ, 0, 0, name_from("unseen"), &other, &unseen));
    EXPECT_OK(segment_create(2 * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 2 * PAGE_BYTES,
                             name_from("guarded"), &fenced, &guarded));
    EXPECT_OK(segment_grant(fenced, 0, RIGHT_READ | RIGHT_WRITE));
    const uint64_t bad[] = {
        0,
        8,
        unseen,
        guarded,
        guarded + PAGE_BYTES - 8,
        address + PAGE_BYTES,
        address + SLOT_BYTES - 8,
        (UINT64_C(1) << 39) - 8,
        UINT64_C(1) << 39,
        UINT64_C(1) << 47,
        UINT64_C(0xffff000040000000),
        UINT64_C(0xffffffff80000000),
        UINT64_C(0xffffffffc0000000),
        UINT64_MAX - 7,
        UINT64_MAX,
    };
    for (unsigned u = 0; u < sizeof address_uses / sizeof address_uses[0]; u++)
        for (unsigned b = 0; b < sizeof bad / sizeof bad[0]; b++) {
            uint64_t argument[ARGUMENTS];
            for (unsigned i = 0; i < ARGUMENTS; i++)
                argument[i] = address_uses[u].argument[i];
            if (address_uses[u].number == SYS_DOMAIN_CREATE)
                argument[0] = test_factory();
            argument[address_uses[u].position] = bad[b];
            EXPECT_IS(call(address_uses[u].number, argument) << 16 | u << 8 | b,
                      STATUS_BAD_ADDRESS << 16 | u << 8 | b);
        }
}

static void memory_that_may_only_be_read(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;
    const uint64_t text = syscall_word((void *)(uintptr_t)memory_that_may_only_be_read) & ~15ULL;

    EXPECT_OK(segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("read"),
                             &segment, &address));
    EXPECT_OK(segment_grant(segment, 0, RIGHT_READ));
    for (unsigned u = 0; u < sizeof address_uses / sizeof address_uses[0]; u++) {
        uint64_t argument[ARGUMENTS];
        if (!address_uses[u].writes)
            continue;
        for (unsigned i = 0; i < ARGUMENTS; i++)
            argument[i] = address_uses[u].argument[i];
        argument[address_uses[u].position] = address;
        EXPECT_IS(call(address_uses[u].number, argument), STATUS_BAD_ADDRESS);
        argument[address_uses[u].position] = text;
        EXPECT_IS(call(address_uses[u].number, argument), STATUS_BAD_ADDRESS);
    }
    EXPECT_IS(*(volatile uint64_t *)(uintptr_t)address, 0);
}

/* A copy that starts in one's own memory and ends outside. */
static void memory_that_ends_too_soon(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;
    struct log_chunk chunk;
    uint64_t next = 0;

    EXPECT_OK(probe_make(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &address));
    const uaddr_t end = address + PAGE_BYTES;
    for (uint64_t room = 1; room < sizeof(struct info_memory); room += 5) {
        void *at = (void *)(uintptr_t)(end - room);
        EXPECT_IS(system_info(INFO_MEMORY, 0, at, 4096, &next), STATUS_BAD_ADDRESS);
        EXPECT_IS(log_read(0, at, 512, &chunk), STATUS_BAD_ADDRESS);
        EXPECT_IS(domain_create(test_factory(), at, &segment), STATUS_BAD_ADDRESS);
    }
    void *fits = (void *)(uintptr_t)(end - sizeof(struct info_memory));
    EXPECT_OK(system_info(INFO_MEMORY, 0, fits, 4096, &next));
    EXPECT_OK(system_info(INFO_MEMORY, 0, (char *)fits - 3, 4096, &next));
}

static void words_to_sleep_on_are_aligned(void)
{
    static _Alignas(8) uint32_t words[4] = {7, 7, 7, 7};

    for (uint64_t offset = 1; offset < 4; offset++) {
        const uint64_t argument[ARGUMENTS] = {syscall_word(words) + offset, 7, 1};
        EXPECT_IS(call(SYS_THREAD_PARK, argument), STATUS_BAD_ADDRESS);
    }
    EXPECT_IS(call(SYS_THREAD_PARK, (const uint64_t[ARGUMENTS]){syscall_word(words), 8, 1}),
              STATUS_WOULD_BLOCK);
    EXPECT_IS(call(SYS_THREAD_PARK, (const uint64_t[ARGUMENTS]){syscall_word(words), 7, 1}),
              STATUS_TIMED_OUT);
}

/* ---- numbers ---- */

struct numbers {
    uint64_t number, argument[ARGUMENTS];
    enum status wanted;
};

static void expect_all(const struct numbers *cases, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        EXPECT_IS(call(cases[i].number, cases[i].argument) << 8 | i, cases[i].wanted << 8 | i);
}

static void segments_of_impossible_sizes(void)
{
    const uint64_t rw = RIGHT_READ | RIGHT_WRITE;
    const struct numbers cases[] = {
        {SYS_SEGMENT_CREATE, {0, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {1, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES + 1, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {UINT64_MAX, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {UINT64_MAX - 4095, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {(UINT64_C(1) << 39) + 4096, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {UINT64_C(1) << 63, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {UINT64_C(1) << 39, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {(UINT64_C(64) << 30) + 4096, rw}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, 0}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, RIGHT_WRITE}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, RIGHT_EXECUTE}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw | RIGHT_EXECUTE}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw | RIGHT_MANAGE}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw | UINT64_C(1) << 32}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw, 2}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw, UINT64_C(1) << 32}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw, 0, 1}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw, 0, SLOT_BYTES + PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw, 0, UINT64_C(1) << 44}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {PAGE_BYTES, rw, 1, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE, {UINT64_C(1) << 36, rw, 1, 0}, STATUS_OUT_OF_MEMORY},
        {SYS_SEGMENT_GRANT, {test_data(), 0, 0}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_GRANT, {test_data(), 0, RIGHT_WRITE}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_GRANT, {test_data(), 0, RIGHT_EXECUTE | RIGHT_READ}, STATUS_NO_RIGHT},
        {SYS_SEGMENT_GRANT, {test_data(), 0, RIGHT_READ | UINT64_C(1) << 31}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_GRANT, {test_data(), 0, RIGHT_DMA}, STATUS_BAD_ARGUMENT},
    };

    expect_all(cases, sizeof cases / sizeof cases[0]);
}

static void physical_memory_that_is_no_device(void)
{
    const handle_t f = test_factory();
    const struct numbers cases[] = {
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0x40000000, PAGE_BYTES}, STATUS_DENIED},
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0x40200000, PAGE_BYTES}, STATUS_DENIED},
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0x3ffff000, 2 * PAGE_BYTES}, STATUS_DENIED},
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0x08000000, PAGE_BYTES}, STATUS_DENIED},
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0, 0x80000000}, STATUS_DENIED},
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0x0a000001, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0x0a000000, 0}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_DEVICE, {f, 0x0a000000, 1}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_DEVICE, {f, UINT64_MAX - 4095, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_DEVICE, {f, UINT64_C(1) << 48, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS, {f, test_data(), 0, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS, {f, test_text(), 1, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS, {f, test_text(), 0, UINT64_C(1) << 38}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS,
         {f, test_text(), UINT64_MAX - 4095, PAGE_BYTES},
         STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS,
         {f, test_text(), 0, PAGE_BYTES, 2 * PAGE_BYTES},
         STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS,
         {f, test_text(), 0, PAGE_BYTES, 0, PAGE_BYTES},
         STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_ALIAS,
         {f, test_text(), 0, PAGE_BYTES, 0, UINT64_MAX - SLOT_BYTES + 1},
         STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_BEHIND, {f, test_text(), 0, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_CREATE_BEHIND,
         {f, test_text(), SLOT_BYTES, UINT64_MAX - 4095},
         STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_OPEN, {f, 0}, STATUS_NOT_FOUND},
        {SYS_SEGMENT_OPEN, {f, UINT64_MAX}, STATUS_NOT_FOUND},
        {SYS_SEGMENT_OPEN, {f, UINT64_C(1) << 39}, STATUS_NOT_FOUND},
        {SYS_INTERRUPT_CREATE, {f, 0, 0}, STATUS_BAD_ARGUMENT},
        {SYS_INTERRUPT_CREATE, {f, 27, 0}, STATUS_BAD_ARGUMENT},
        {SYS_INTERRUPT_CREATE, {f, 1020, 0}, STATUS_BAD_ARGUMENT},
        {SYS_INTERRUPT_CREATE, {f, (UINT64_C(1) << 32) + 100, 0}, STATUS_BAD_ARGUMENT},
        {SYS_INTERRUPT_CREATE, {f, 100, 2}, STATUS_BAD_ARGUMENT},
        {SYS_SYSTEM_CONTROL, {f, 3}, STATUS_BAD_ARGUMENT},
        {SYS_SYSTEM_CONTROL, {f, UINT64_C(1) << 32}, STATUS_BAD_ARGUMENT},
    };

    expect_all(cases, sizeof cases / sizeof cases[0]);
}

static void threads_portals_and_events_of_odd_numbers(void)
{
    static uint64_t word;
    handle_t event = 0;

    EXPECT_OK(test_event(&word, &event));
    const handle_t clock = sample_of(OBJECT_CLOCK), segment = sample_of(OBJECT_SEGMENT);
    const handle_t domain = sample_of(OBJECT_DOMAIN);
    const struct numbers cases[] = {
        {SYS_THREAD_CREATE, {domain, 0, 0, 0, 64}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_CREATE, {domain, 0, 0, 0, 61}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_CREATE, {domain, 0, 0, 0, UINT64_C(1) << 32}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_CREATE, {domain, 2, 0, 0, 1}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_CREATE, {domain, 0, 8, 0, 1}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_SET_PRIORITY, {0, 64}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_SET_AFFINITY, {0, 0}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_SET_AFFINITY, {0, UINT64_C(1) << 63}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_SET_PRIORITY, {0, (UINT64_C(1) << 32) + 1}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_SLEEP, {0}, STATUS_BAD_ARGUMENT},
        {SYS_THREAD_SLEEP, {1}, STATUS_OK},
        {SYS_PORTAL_CREATE, {0, 0, 0, 0}, STATUS_BAD_ARGUMENT},
        {SYS_PORTAL_CREATE, {0, 0, 0, 17}, STATUS_BAD_ARGUMENT},
        {SYS_PORTAL_CREATE, {0, 0, 0, (UINT64_C(1) << 32) + 1}, STATUS_BAD_ARGUMENT},
        {SYS_PORTAL_CREATE, {2, 0, 0, 1}, STATUS_BAD_ARGUMENT},
        {SYS_PORTAL_CREATE, {0, 8, 0, 1}, STATUS_BAD_ARGUMENT},
        {SYS_PORTAL_CREATE, {0, 0, 8, 2}, STATUS_BAD_ARGUMENT},
        {SYS_EVENT_CREATE, {segment, 4}, STATUS_BAD_ARGUMENT},
        {SYS_EVENT_CREATE, {segment, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_EVENT_CREATE, {segment, UINT64_MAX - 7}, STATUS_BAD_ARGUMENT},
        {SYS_EVENT_WAIT, {event, 1}, STATUS_TIMED_OUT},
        {SYS_CLOCK_CREATE, {event, 0}, STATUS_BAD_ARGUMENT},
        {SYS_CLOCK_SET, {clock, UINT64_MAX}, STATUS_OK},
        {SYS_CLOCK_SET, {clock, 1}, STATUS_OK},
        {SYS_CLOCK_SET, {clock, 0}, STATUS_OK},
        {SYS_SEGMENT_DMA_ADDRESS, {segment, PAGE_BYTES}, STATUS_BAD_ARGUMENT},
        {SYS_SEGMENT_DMA_ADDRESS, {segment, UINT64_MAX}, STATUS_BAD_ARGUMENT},
        {SYS_DOMAIN_INFO, {0, 99, 0, 0, 0}, STATUS_BAD_ARGUMENT},
        {SYS_DOMAIN_INFO, {0, UINT64_C(1) << 32, 0, 0, 0}, STATUS_BAD_ARGUMENT},
        {SYS_DOMAIN_INFO, {0, INFO_DOMAIN, 0, syscall_word(&word), 8}, STATUS_BAD_ARGUMENT},
        {SYS_DOMAIN_INFO, {0, INFO_HANDLES, UINT64_MAX, 0, 4096}, STATUS_NOT_FOUND},
        {SYS_DOMAIN_INFO, {0, INFO_HANDLES, UINT32_MAX, 0, 4096}, STATUS_NOT_FOUND},
        {SYS_DOMAIN_INFO, {0, INFO_THREADS, UINT64_MAX, 0, 4096}, STATUS_NOT_FOUND},
        {SYS_DOMAIN_INFO, {0, INFO_VIEW, UINT64_MAX, 0, 4096}, STATUS_NOT_FOUND},
        {SYS_SYSTEM_INFO, {INFO_INTERRUPTS, UINT64_MAX, 0, 4096}, STATUS_NOT_FOUND},
        {SYS_SYSTEM_INFO, {INFO_INTERRUPTS, 1020, 0, 4096}, STATUS_NOT_FOUND},
        {SYS_SYSTEM_INFO, {INFO_DOMAIN, 0, 0, 4096}, STATUS_BAD_ARGUMENT},
        {SYS_LOG_READ, {UINT64_MAX - 1, syscall_word(&word), 0}, STATUS_OK},
        {SYS_LOG_READ, {UINT64_MAX, syscall_word(&word), 8}, STATUS_OK},
    };

    expect_all(cases, sizeof cases / sizeof cases[0]);
}

static const struct test argument_tests[] = {
    TEST(handles_that_name_nothing),
    TEST(handles_of_another_kind),
    TEST(handles_without_the_right),
    TEST(second_handles),
    TEST(addresses_that_are_not_one_s_own),
    TEST(memory_that_may_only_be_read),
    TEST(memory_that_ends_too_soon),
    TEST(words_to_sleep_on_are_aligned),
    TEST(segments_of_impossible_sizes),
    TEST(physical_memory_that_is_no_device),
    TEST(threads_portals_and_events_of_odd_numbers),
};
TEST_GROUP(argument);
