/*
 * Segments and views: what a view grants is there, what it doesn't is not, at once.
 */
#include "attack.h"
#include "server.h"

#include <string.h>

static const rights_t rw = RIGHT_READ | RIGHT_WRITE;
static const rights_t rx = RIGHT_READ | RIGHT_EXECUTE;

static volatile uint64_t *words_at(uaddr_t address)
{
    return (volatile uint64_t *)(uintptr_t)address;
}

/* Run `attack` on `address` in a child with `rights` to the segment; how that ended. */
static enum fault_reason tried(handle_t segment, rights_t rights, child_function *attack,
                               uaddr_t address)
{
    struct child child;
    enum status s = child_make(&(struct child_needs){0}, &child);

    if (s == STATUS_OK && rights != 0)
        s = segment_grant(segment, child.domain, rights);
    const uint64_t argument[BIRTH_ARGUMENTS] = {address};
    if (s == STATUS_OK)
        s = child_start(&child, attack, argument);
    if (s != STATUS_OK) {
        test_fail(__FILE__, __LINE__, "tried", s, STATUS_OK);
        return FAULT_REASON_COUNT;
    }
    const uint64_t end = child_wait(&child);
    const struct fault_record record = child_fault(&child);
    if (end == CHILD_STOPPED && (record.address != address || record.owner_rights != rights))
        test_fail(__FILE__, __LINE__, "report", record.owner_rights, rights);
    child_destroy(&child);
    return end == CHILD_DONE ? FAULT_NONE : (enum fault_reason)record.reason;
}

/* Every combination of what was granted and what is tried, at the ends of every size of segment. */
static void views_grant_exactly_their_rights(void)
{
    static const uint64_t pages[] = {1, 3, 17, 512, 513, 1024};
    handle_t segment = 0;
    uaddr_t address = 0;

    for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const uint64_t bytes = pages[i] * PAGE_BYTES;
        EXPECT_OK(segment_create(bytes, rw, 0, 0, name_from("sized"), &segment, &address));
        const uaddr_t ends[] = {address, address + bytes - 8};
        for (unsigned e = 0; e < 2; e++) {
            EXPECT_IS(tried(segment, 0, attack_read, ends[e]), FAULT_READ);
            EXPECT_IS(tried(segment, 0, attack_write, ends[e]), FAULT_WRITE);
            EXPECT_IS(tried(segment, 0, attack_execute, ends[e] & ~UINT64_C(15)), FAULT_EXECUTE);
            EXPECT_IS(tried(segment, RIGHT_READ, attack_read, ends[e]), FAULT_NONE);
            EXPECT_IS(tried(segment, RIGHT_READ, attack_write, ends[e]), FAULT_WRITE);
            EXPECT_IS(tried(segment, RIGHT_READ, attack_execute, ends[e]), FAULT_EXECUTE);
            EXPECT_IS(tried(segment, rw, attack_write, ends[e]), FAULT_NONE);
            EXPECT_IS(tried(segment, rw, attack_execute, ends[e]), FAULT_EXECUTE);
        }
        if (bytes % SLOT_BYTES != 0) /* else the next address may be anybody's */
            EXPECT_IS(tried(segment, 0, attack_read, address + bytes), FAULT_READ);
        EXPECT_OK(handle_close(segment));
    }
}

static void text_can_be_narrowed_to_reading(void)
{
    const uint64_t text = syscall_word((void *)(uintptr_t)attack_nothing);
    handle_t domain = 0, thread = 0, stack = 0, done = 0;
    uaddr_t top = 0;
    static uint64_t word;
    struct fault_record record = {0};
    uint64_t next;

    EXPECT_OK(test_event(&word, &done));
    const struct domain_attributes attributes = {
        .syscall_mask = ~UINT64_C(0), .quota = {16, 16, 16, 16, 0}, .event = done, .event_bits = 1};
    EXPECT_OK(domain_create(test_factory(), &attributes, &domain));
    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("stack"), &stack, &top));
    EXPECT_OK(segment_grant(stack, domain, rw));
    EXPECT_OK(segment_grant(test_text(), domain, RIGHT_READ));
    EXPECT_OK(thread_create(domain, text, top + PAGE_BYTES, 0, 0, &thread));
    EXPECT_OK(event_wait(done, test_soon(TEST_S)));
    EXPECT_OK(domain_info(domain, INFO_FAULT, 0, &record, sizeof record, &next));
    EXPECT_IS(record.reason, FAULT_EXECUTE);
    EXPECT_IS(record.address, text);
    EXPECT_IS(record.owner_rights, RIGHT_READ);
}

static void new_memory_is_zero(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;
    const uint64_t bytes = 700 * PAGE_BYTES;

    for (unsigned round = 0; round < 3; round++) {
        EXPECT_OK(probe_make(bytes, rw, &segment, &address));
        for (uint64_t i = 0; i < bytes / 8; i++)
            EXPECT_IS(words_at(address)[i], 0);
        memset((void *)(uintptr_t)address, 0xa5, bytes);
        EXPECT_OK(segment_revoke(segment, 0));
        EXPECT_OK(handle_close(segment));
        test_settle();
    }
}

/* Every page is a frame of its own: what is written in one shows in no other. */
static void pages_are_different_memory(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;
    const uint64_t pages = 1300;

    EXPECT_OK(probe_make(pages * PAGE_BYTES, rw | RIGHT_DMA, &segment, &address));
    for (uint64_t i = 0; i < pages; i++)
        words_at(address + i * PAGE_BYTES)[i % 512] = i + 1;
    for (uint64_t i = 0; i < pages; i++) {
        paddr_t physical = 0, before = 0;
        uint64_t run = 0;
        EXPECT_IS(words_at(address + i * PAGE_BYTES)[i % 512], i + 1);
        EXPECT_OK(segment_dma_address(segment, i * PAGE_BYTES + 8, &physical, &run));
        EXPECT(run >= PAGE_BYTES - 8 && run <= pages * PAGE_BYTES);
        EXPECT_IS(physical % PAGE_BYTES, 8);
        EXPECT(physical != before);
    }
}

static void contiguous_memory_is_one_run(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;

    for (uint64_t pages = 1; pages < 600; pages = pages * 3 + 1) {
        paddr_t first = 0, last = 0;
        uint64_t run = 0, rest = 0;
        EXPECT_OK(segment_create(pages * PAGE_BYTES, rw | RIGHT_DMA, SEGMENT_CONTIGUOUS, 0,
                                 name_from("run"), &segment, &address));
        EXPECT_OK(segment_grant(segment, 0, rw));
        EXPECT_OK(segment_dma_address(segment, 0, &first, &run));
        EXPECT_OK(segment_dma_address(segment, (pages - 1) * PAGE_BYTES, &last, &rest));
        EXPECT_IS(run, pages * PAGE_BYTES);
        EXPECT_IS(last - first, (pages - 1) * PAGE_BYTES);
        words_at(address + (pages - 1) * PAGE_BYTES)[511] = 1;
    }
}

static void guards_are_holes(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;

    EXPECT_OK(segment_create(12 * PAGE_BYTES, rw, 0, 3 * PAGE_BYTES, name_from("fence"), &segment,
                             &address));
    for (uint64_t page = 0; page < 12; page++) {
        const enum fault_reason wanted = page % 3 == 0 ? FAULT_STACK_OVERFLOW : FAULT_NONE;
        struct child child;
        EXPECT_OK(child_make(&(struct child_needs){0}, &child));
        EXPECT_OK(segment_grant(segment, child.domain, rw));
        const uint64_t argument[BIRTH_ARGUMENTS] = {address + page * PAGE_BYTES};
        EXPECT_OK(child_start(&child, attack_write, argument));
        (void)child_wait(&child);
        EXPECT_IS(child_fault(&child).reason, wanted);
        child_destroy(&child);
    }
}

/* ---- taking back ---- */

/* In a child: touch argument[0] for ever. */
static void touch_for_ever(const struct birth *birth)
{
    for (;;) {
        *(volatile uint64_t *)(uintptr_t)birth->argument[0] = 1;
        birth->board->word[1]++;
    }
}

static void revoke_takes_effect_at_once(void)
{
    static const uint64_t pages[] = {1, 16, 17, 600};
    struct board *board = board_get();

    for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct child child;
        handle_t segment = 0;
        uaddr_t address = 0;
        EXPECT_OK(child_make(&(struct child_needs){0}, &child));
        EXPECT_OK(
            segment_create(pages[i] * PAGE_BYTES, rw, 0, 0, name_from("gone"), &segment, &address));
        EXPECT_OK(segment_grant(segment, child.domain, rw));
        const uint64_t argument[BIRTH_ARGUMENTS] = {address + pages[i] * PAGE_BYTES - 8};
        EXPECT_OK(child_start(&child, touch_for_ever, argument));
        (void)thread_sleep(test_soon(TEST_MS));
        EXPECT_OK(segment_revoke(segment, child.domain));
        const uint64_t before = board->word[1];
        EXPECT_IS(child_wait(&child), CHILD_STOPPED);
        EXPECT(before > 0 && board->word[1] <= before + 1);
        EXPECT_IS(child_fault(&child).reason, FAULT_WRITE);
        EXPECT_IS(child_fault(&child).owner_rights, 0);
        child_destroy(&child);
    }
}

enum { BORROWERS = 6, STRANGER = 6, SMALL_PAGES = 17, GIGABYTE_PAGES = 5 * 512 };

/* In a child: put argument[1] into its view, and touch argument[0] in it for ever. */
static void borrow_and_touch(const struct birth *birth)
{
    volatile uint64_t *word = words_at(birth->argument[0]);
    _Atomic uint64_t *count = &birth->board->word[birth->argument[2]];

    if (segment_grant(birth->argument[1], 0, rw) != STATUS_OK)
        return;
    for (;;) {
        (*word)++;
        (*count)++;
    }
}

static void wait_for(unsigned word)
{
    for (unsigned i = 0; i < 2000 && board_get()->word[word] == 0; i++)
        (void)thread_sleep(test_soon(TEST_MS / 4));
    EXPECT(board_get()->word[word] > 0);
}

static void borrowers_make(handle_t lent, uaddr_t address, struct child borrowers[BORROWERS])
{
    for (uint64_t i = 0; i < BORROWERS; i++) {
        struct board *board = board_get();
        EXPECT_OK(child_make(&(struct child_needs){0}, &borrowers[i]));
        const uint64_t argument[BIRTH_ARGUMENTS] = {
            address, child_give(&borrowers[i], lent, RIGHT_ALL, 0), 1 + i};
        board->word[1 + i] = 0;
        EXPECT_OK(child_start(&borrowers[i], borrow_and_touch, argument));
        wait_for(1 + (unsigned)i);
    }
}

/* Lent by handles, and so in views that the lender has no say in; its own view and handle stay. */
static void what_is_lent_leaves_every_view(void)
{
    static const uint64_t sizes[] = {1, SMALL_PAGES, GIGABYTE_PAGES};

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        static struct child borrowers[BORROWERS];
        const uint64_t bytes = sizes[i] * PAGE_BYTES;
        handle_t segment = 0, lent = 0;
        uaddr_t address = 0;
        EXPECT_OK(segment_create(bytes, rw, 0, 0, name_from("lent"), &segment, &address));
        EXPECT_OK(segment_grant(segment, 0, rw));
        EXPECT_OK(handle_duplicate(segment, rw | RIGHT_DUPLICATE | RIGHT_TRANSFER, 0, &lent));
        borrowers_make(lent, address + bytes - 8, borrowers);

        EXPECT_OK(handle_revoke(segment));
        const uint64_t then = *words_at(address + bytes - 8);
        (void)thread_sleep(test_soon(TEST_MS));
        EXPECT_IS(*words_at(address + bytes - 8), then);
        for (unsigned b = 0; b < BORROWERS; b++) {
            EXPECT_IS(child_wait(&borrowers[b]), CHILD_STOPPED);
            EXPECT_IS(child_fault(&borrowers[b]).address, address + bytes - 8);
            EXPECT_IS(child_fault(&borrowers[b]).owner_rights, 0);
            child_destroy(&borrowers[b]);
        }
        EXPECT_IS(handle_close(lent), STATUS_BAD_HANDLE);
        *words_at(address) = 1;
        EXPECT_OK(segment_revoke(segment, 0));
        EXPECT_OK(handle_close(segment));
    }
}

/* In a child: an event whose word is in argument[0], and one in a page of its own. */
static void make_events(const struct birth *birth)
{
    _Atomic uint64_t *seen = birth->board->word;
    handle_t own = 0, event = 0;
    uaddr_t address = 0;

    seen[1] = event_create(birth->argument[0], 0, &event);
    if (segment_create(PAGE_BYTES, rw, 0, 0, name_from("own"), &own, &address) == STATUS_OK)
        seen[2] = event_create(own, 0, &event);
}

/* It would keep its word, and the page, after the revoke. */
static void a_borrower_makes_no_event_in_it(void)
{
    struct child child;
    handle_t segment = 0;
    uaddr_t address = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(probe_make(PAGE_BYTES, rw, &segment, &address));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&child, segment, RIGHT_ALL, 0)};
    board_get()->word[2] = STATUS_PEER_DEAD;
    EXPECT_OK(child_start(&child, make_events, argument));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board_get()->word[1], STATUS_BAD_ARGUMENT);
    EXPECT_IS(board_get()->word[2], STATUS_OK);
}

/* In a child: lend argument[0] to itself over and over, and revoke it. */
static void revoke_for_ever(const struct birth *birth)
{
    for (;;) {
        if (segment_grant(birth->argument[0], 0, rw) != STATUS_OK
            || handle_revoke(birth->argument[0]) != STATUS_OK)
            return;
        birth->board->word[birth->argument[1]]++;
    }
}

/*
 * Two who revoke at the same time don't keep each other from coming to an end; each finds a
 * borrower among many domains, and one doesn't have the segment in its own view.
 */
static void two_may_revoke_at_once(void)
{
    enum { CROWD = 14, ROUNDS = 200, OTHER = 7 };
    static struct child crowd[CROWD];
    struct child other;
    handle_t segment = 0, others = 0;
    uaddr_t address = 0;
    struct board *board = board_get();

    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("mine"), &segment, &address));
    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("theirs"), &others, &address));
    for (unsigned i = 0; i < CROWD; i++)
        EXPECT_OK(child_make(&(struct child_needs){0}, &crowd[i]));
    EXPECT_OK(child_make(&(struct child_needs){0}, &other));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&other, others, RIGHT_ALL, 0), OTHER};
    board->word[OTHER] = 0;
    EXPECT_OK(child_start(&other, revoke_for_ever, argument));
    wait_for(OTHER);
    for (unsigned round = 0; round < ROUNDS; round++) {
        EXPECT_OK(segment_grant(segment, crowd[round % CROWD].domain, rw));
        EXPECT_OK(segment_grant(others, crowd[(round + CROWD / 2) % CROWD].domain, RIGHT_READ));
        EXPECT_OK(handle_revoke(segment));
    }
    board->word[OTHER] = 0;
    wait_for(OTHER);
    child_destroy(&other);
    for (unsigned i = 0; i < CROWD; i++)
        child_destroy(&crowd[i]);
}

/* This program is in the launcher's place: its look at a page ends before the page goes. */
static void what_the_launcher_looks_at_stays(void)
{
    enum { REVOKED = 8 };
    struct child child;
    handle_t segment = 0, opened = 0;
    uaddr_t address = 0;
    struct board *board = board_get();

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("looked at"), &segment, &address));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&child, segment, RIGHT_ALL, 0), REVOKED};
    board->word[REVOKED] = 0;
    EXPECT_OK(child_start(&child, revoke_for_ever, argument));
    wait_for(REVOKED);
    EXPECT_OK(segment_open(test_factory(), address, &opened));
    EXPECT_OK(segment_grant(opened, 0, RIGHT_READ));
    (void)thread_sleep(test_soon(TEST_MS));
    const uint64_t then = board->word[REVOKED];
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(*words_at(address), 0);
    EXPECT_IS(board->word[REVOKED], then);
    EXPECT_OK(segment_revoke(opened, 0));
    board->word[REVOKED] = 0;
    wait_for(REVOKED);
    child_destroy(&child);
}

/* A revoke by whoever may not manage the segment takes back what was derived, and no more. */
static void a_borrower_takes_it_out_of_no_view(void)
{
    struct child stranger;
    handle_t segment = 0, lent = 0, further = 0;
    uaddr_t address = 0;
    struct board *board = board_get();

    EXPECT_OK(child_make(&(struct child_needs){0}, &stranger));
    EXPECT_OK(probe_make(PAGE_BYTES, rw, &segment, &address));
    EXPECT_OK(handle_duplicate(segment, RIGHTS_MEMORY | RIGHT_DUPLICATE, 0, &lent));
    EXPECT_OK(handle_duplicate(lent, RIGHTS_MEMORY, 0, &further));
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        address, child_give(&stranger, segment, RIGHT_ALL, 0), STRANGER};
    board->word[STRANGER] = 0;
    EXPECT_OK(child_start(&stranger, borrow_and_touch, argument));
    wait_for(STRANGER);
    EXPECT_OK(handle_revoke(lent));
    EXPECT_IS(handle_close(further), STATUS_BAD_HANDLE);
    board->word[STRANGER] = 0;
    wait_for(STRANGER);
    child_destroy(&stranger);
}

/* X: makes a segment of four pages on its caller's thread. */
static void served_make(uint64_t w[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)w[0];
    struct segment_info info = {0};
    handle_t h = 0;
    uaddr_t address = 0;

    board->word[10] = segment_create(4 * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0,
                                     name_from("X's own"), &h, &address);
    board->word[11] = segment_info(h, &info);
    board->word[12] = info.length_bytes;
    board->word[13] = segment_grant(h, 0, RIGHT_READ | RIGHT_WRITE);
    *(volatile uint64_t *)address = 42;
    board->word[14] = *(volatile uint64_t *)address;
}

static void narrow_meanwhile(const struct birth *birth)
{
    (void)thread_sleep(time_here_ns() + TEST_MS / 2);
    birth->board->word[20] = 1000 + domain_narrow_mask(0, ~(UINT64_C(1) << SYS_SEGMENT_CREATE));
}

static uint32_t own_objects(void)
{
    struct info_domain info;
    uint64_t next;

    return domain_info(0, INFO_DOMAIN, 0, &info, sizeof info, &next) == STATUS_OK
               ? info.used.objects
               : UINT32_MAX;
}

static void make_half_and_call(const struct birth *birth)
{
    const uint32_t before = own_objects();
    struct portal_message m = {.word = {(uint64_t)(uintptr_t)birth->board}};
    handle_t h = 0;
    uaddr_t address = 0;

    birth->board->word[21] = segment_create(UINT64_C(256) << 20, RIGHT_READ | RIGHT_WRITE, 0,
                                            2 * PAGE_BYTES, name_from("bait"), &h, &address);
    for (unsigned i = 0; i < 1000 && own_objects() != before; i++)
        (void)thread_sleep(time_here_ns() + TEST_MS / 10);
    birth->board->word[23] = 1000 + own_objects() - before;
    birth->board->word[22] = 1000 + portal_call(birth->argument[0], &m);
}

/* A call that is denied on its way leaves a segment half made; nobody else's goes on with it. */
static void what_is_half_made_is_nobody_elses(void)
{
    struct board *board = board_get();
    struct server x;
    struct child child;
    handle_t second = 0;

    EXPECT(server_make(&(struct child_needs){0}, served_make, 1, &x));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&child, x.portal, RIGHT_CALL, 7)};
    EXPECT_OK(child_start_at(&child, narrow_meanwhile, NULL, 41, &second));
    EXPECT_OK(child_start(&child, make_half_and_call, argument));
    (void)thread_sleep(test_soon(TEST_S / 2));
    EXPECT_IS(board->word[20], 1000 + STATUS_OK);
    EXPECT_IS(board->word[21], STATUS_DENIED);
    EXPECT_IS(board->word[23], 1000); /* it is gone at once */
    EXPECT_IS(board->word[22], 1000 + STATUS_OK);
    EXPECT_OK(board->word[10]);
    EXPECT_OK(board->word[11]);
    EXPECT_IS(board->word[12], 4 * PAGE_BYTES);
    EXPECT_OK(board->word[13]);
    EXPECT_IS(board->word[14], 42);
    EXPECT_IS(child_info(&x.child).state, DOMAIN_STATE_RUNNING);
}

static void granting_again_narrows_at_once(void)
{
    struct child child;
    handle_t segment = 0;
    uaddr_t address = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("less"), &segment, &address));
    EXPECT_OK(segment_grant(segment, child.domain, rw));
    const uint64_t argument[BIRTH_ARGUMENTS] = {address};
    EXPECT_OK(child_start(&child, touch_for_ever, argument));
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_OK(segment_grant(segment, child.domain, RIGHT_READ));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    EXPECT_IS(child_fault(&child).reason, FAULT_WRITE);
    EXPECT_IS(child_fault(&child).owner_rights, RIGHT_READ);
}

/* One's own view, within one address space number: here a forgotten invalidation would show. */
static void own_view_forgets_at_once(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;
    uint64_t next;

    for (uint64_t pages = 1; pages < 40; pages += 15) {
        EXPECT_OK(probe_make(pages * PAGE_BYTES, rw, &segment, &address));
        void *last = (void *)(uintptr_t)(address + (pages - 1) * PAGE_BYTES);
        EXPECT_OK(system_info(INFO_MEMORY, 0, last, PAGE_BYTES, &next));
        EXPECT_OK(segment_grant(segment, 0, RIGHT_READ));
        EXPECT_IS(system_info(INFO_MEMORY, 0, last, PAGE_BYTES, &next), STATUS_BAD_ADDRESS);
        EXPECT_OK(segment_grant(segment, 0, rw));
        EXPECT_OK(system_info(INFO_MEMORY, 0, last, PAGE_BYTES, &next));
        EXPECT_OK(segment_revoke(segment, 0));
        EXPECT_IS(system_info(INFO_MEMORY, 0, last, PAGE_BYTES, &next), STATUS_BAD_ADDRESS);
    }
}

static void addresses_rest_before_they_are_used_again(void)
{
    enum { ROUNDS = 200 };
    static uaddr_t seen[ROUNDS];
    handle_t segment = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("rest"), &segment, &seen[i]));
        EXPECT_OK(handle_close(segment));
        for (unsigned k = 0; k < i; k++)
            EXPECT(seen[k] != seen[i]);
    }
}

/* ---- huge ---- */

static void segment_larger_than_memory_fails_and_costs_nothing(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;

    EXPECT_IS(segment_create(UINT64_C(3) << 30, rw, 0, 0, name_from("huge"), &segment, &address),
              STATUS_OUT_OF_MEMORY);
    test_settle();
    EXPECT_OK(probe_make(16 * PAGE_BYTES, rw, &segment, &address));
}

static void device_of_a_gigabyte_is_granted_by_one_entry(void)
{
    struct child child;
    handle_t device = 0;
    uaddr_t address = 0;

    EXPECT_OK(segment_create_device(test_factory(), UINT64_C(0x8000000000), UINT64_C(1) << 30,
                                    name_from("window"), &device, &address));
    EXPECT_IS(address % (UINT64_C(1) << 30), 0);
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const uint64_t tables = child_info(&child).table_frames;
    EXPECT_OK(segment_grant(device, child.domain, rw));
    EXPECT_IS(child_info(&child).table_frames, tables);
    const uint64_t argument[BIRTH_ARGUMENTS] = {address + (UINT64_C(1) << 30)};
    EXPECT_OK(child_start(&child, attack_read, argument));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    EXPECT_IS(child_fault(&child).reason, FAULT_READ);
    EXPECT_OK(segment_revoke(device, child.domain));
}

/* ---- nobody's memory is somebody else's ---- */

/* Whatever this domain sees, a child that was given nothing of it can't touch. */
static void all_of_the_launcher_is_out_of_reach(void)
{
    struct info_view views[32];
    unsigned count = 0;

    for (uint64_t index = 0, next = 1; next != 0 && count < 32; index = next)
        EXPECT_OK(domain_info(0, INFO_VIEW, index, &views[count++], sizeof views[0], &next));
    EXPECT(count >= 5); /* archive, devicetree, text, data, stack */
    for (unsigned i = 0; i < count; i++) {
        static child_function *const attacks[] = {attack_read, attack_write, attack_execute};
        const uint64_t at = views[i].address + (views[i].length / 2 & ~UINT64_C(15));
        const bool is_text = (views[i].rights & RIGHT_EXECUTE) != 0;
        const bool is_board = views[i].address == syscall_word(board_get());
        for (unsigned a = 0; a < 3 && !is_board; a++) {
            struct child child;
            if (is_text && a != 1)
                continue; /* children have it, to read and execute */
            EXPECT_IS(child_does(&child, attacks[a], at, 0, 0), CHILD_STOPPED);
            const struct fault_record record = child_fault(&child);
            EXPECT_IS(record.reason, FAULT_READ + a);
            EXPECT_IS(record.address, at);
            EXPECT_IS(record.owner_address, views[i].address);
            EXPECT_IS(record.owner_rights, is_text ? rx : 0);
            child_destroy(&child);
        }
    }
}

static const struct test segment_tests[] = {
    TEST(views_grant_exactly_their_rights),
    TEST(text_can_be_narrowed_to_reading),
    TEST(new_memory_is_zero),
    TEST(pages_are_different_memory),
    TEST(contiguous_memory_is_one_run),
    TEST(guards_are_holes),
    TEST(revoke_takes_effect_at_once),
    TEST(what_is_lent_leaves_every_view),
    TEST(two_may_revoke_at_once),
    TEST(what_the_launcher_looks_at_stays),
    TEST(a_borrower_takes_it_out_of_no_view),
    TEST(a_borrower_makes_no_event_in_it),
    TEST(granting_again_narrows_at_once),
    TEST(own_view_forgets_at_once),
    TEST(addresses_rest_before_they_are_used_again),
    TEST(segment_larger_than_memory_fails_and_costs_nothing),
    TEST(device_of_a_gigabyte_is_granted_by_one_entry),
    TEST(all_of_the_launcher_is_out_of_reach),
    TEST(what_is_half_made_is_nobody_elses),
};
TEST_GROUP(segment);
