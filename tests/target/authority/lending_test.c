/*
 * Lending, the example of docs/capabilities.md: a page and a bell are lent to a reader, who passes
 * them on to a friend; then the lender takes both back, wherever they are, by name and by view.
 */
#include "server.h"

#define RW ((rights_t)(RIGHT_READ | RIGHT_WRITE))

enum { BELL_READER = 1 << 4, BELL_OTHERS = 1 << 5, SECRET = 4711 };

/* On the board: what the reader and the friend have seen. */
enum { SEEN = 1, WRITES, WIDENED, PASSED, FRIENDS_PAGE, FRIENDS_BELL, AGAIN };

static uint64_t bell_word;

/* The friend's portal: it keeps what it is given. */
static void on_given(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];

    board->word[FRIENDS_PAGE] = word[SERVED_HANDLE];
    board->word[FRIENDS_BELL] = word[SERVED_HANDLE + 1];
    word[SERVED_HANDLE] = word[SERVED_HANDLE + 1] = 0; /* or they would go back */
}

/* The reader.  Arguments: the page, its address, the bell, the friend's portal. */
static void read_and_pass_on(const struct birth *birth)
{
    const handle_t page = birth->argument[0], bell = birth->argument[2];
    _Atomic uint64_t *seen = birth->board->word;
    handle_t wide = 0;

    if (segment_grant(page, 0, RIGHT_READ) == STATUS_OK)
        seen[SEEN] = *(const uint64_t *)(uintptr_t)birth->argument[1];
    seen[WRITES] = segment_grant(page, 0, RW); /* NO_RIGHT */
    if (handle_duplicate(page, RIGHT_ALL, 0, &wide) == STATUS_OK)
        seen[WIDENED] = segment_grant(wide, 0, RW); /* NO_RIGHT as well */
    event_signal(bell, UINT64_MAX);                 /* sets its own bit, and no other */

    struct portal_message m = {.word = {(uint64_t)(uintptr_t)birth->board},
                               .handle = {page, bell | HANDLE_MOVE}};
    seen[PASSED] = portal_call_with(birth->argument[3], &m, DEADLINE_NEVER);
}

/* In the reader and in the friend, once it is all taken back.  Argument: a handle. */
static void try_again(const struct birth *birth)
{
    struct handle_info info;

    birth->board->word[AGAIN] = handle_info(birth->argument[0], &info);
}

static void answers_bad_handle(struct child *child, handle_t h)
{
    const uint64_t argument[BIRTH_ARGUMENTS] = {h};
    handle_t thread = 0;

    board_get()->word[AGAIN] = STATUS_OK;
    EXPECT_OK(child_start_at(child, try_again, argument, CHILD_PRIORITY, &thread));
    EXPECT_IS(child_wait(child), CHILD_DONE);
    EXPECT_IS(board_get()->word[AGAIN], STATUS_BAD_HANDLE);
}

static void what_is_lent_can_be_taken_back(void)
{
    struct board *board = board_get();
    handle_t page = 0, bell = 0, page_lent = 0, bell_lent = 0;
    struct info_view shown;
    struct server friend;
    struct child reader;
    uaddr_t address = 0;
    uint64_t next;

    EXPECT_OK(probe_make(PAGE_BYTES, RW, &page, &address));
    *(uint64_t *)(uintptr_t)address = SECRET;
    EXPECT_OK(test_event(&bell_word, &bell));
    EXPECT_OK(child_make(&(struct child_needs){0}, &reader));
    EXPECT(server_make(&(struct child_needs){0}, on_given, 1, &friend));

    /* What is lent is a duplicate with fewer rights; it stays here, as a grip on all that comes. */
    const rights_t pass = RIGHT_DUPLICATE | RIGHT_TRANSFER;
    EXPECT_OK(handle_duplicate(page, RIGHT_READ | pass, 0, &page_lent));
    EXPECT_OK(handle_duplicate(bell, RIGHT_SIGNAL | pass, BELL_READER, &bell_lent));

    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&reader, page_lent, RIGHT_ALL, 0),
                                                address,
                                                child_give(&reader, bell_lent, RIGHT_ALL, 0),
                                                child_give(&reader, friend.portal, RIGHT_CALL, 0)};
    EXPECT_OK(child_start(&reader, read_and_pass_on, argument));
    EXPECT_IS(child_wait(&reader), CHILD_DONE);
    EXPECT_IS(board->word[SEEN], SECRET);
    EXPECT_IS(board->word[WRITES], STATUS_NO_RIGHT);
    EXPECT_IS(board->word[WIDENED], STATUS_NO_RIGHT);
    EXPECT_IS(bell_word, BELL_READER);
    EXPECT_IS(board->word[PASSED], STATUS_OK);
    EXPECT(board->word[FRIENDS_PAGE] != 0 && board->word[FRIENDS_BELL] != 0);

    EXPECT_OK(handle_revoke(page)); /* its handles, and then out of every view but the own */
    EXPECT_OK(handle_revoke(bell_lent));

    answers_bad_handle(&reader, argument[0]);
    answers_bad_handle(&reader, argument[2]);
    answers_bad_handle(&friend.child, board->word[FRIENDS_PAGE]);
    answers_bad_handle(&friend.child, board->word[FRIENDS_BELL]);
    for (uint64_t at = 0;
         domain_info(reader.domain, INFO_VIEW, at, &shown, sizeof shown, &next) == STATUS_OK;
         at = next) {
        EXPECT(shown.address != address);
        if (next == 0)
            break;
    }
    EXPECT_OK(event_signal(bell_lent, BELL_OTHERS)); /* the lender's own are as they were */
    EXPECT_IS(bell_word, BELL_READER);
}

static const struct test lending_tests[] = {
    TEST(what_is_lent_can_be_taken_back),
};
TEST_GROUP(lending);
