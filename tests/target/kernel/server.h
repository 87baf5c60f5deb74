/*
 * Server: a child that has a portal.
 *
 * The child makes the portal itself, for a portal belongs to who makes it, and sends the test a
 * handle through a portal of the test's.  Handlers run in the child: like any child's function they
 * see the text, their arguments and the board, whose address callers pass in word 0 where it is
 * needed.
 */
#pragma once

#include "child.h"

#include "rt/portal.h"

/* As portal_carry (entry.S) builds it: 8 words, badge, 4 handles; goes back as it is left. */
enum { SERVED_BADGE = 8, SERVED_HANDLE = 9, SERVED_WORDS = 13 };
typedef void served_function(uint64_t word[SERVED_WORDS]);

enum { SERVER_STACK_BYTES = 3 * PAGE_BYTES }; /* the lowest page is a guard */

struct server {
    struct child child;
    handle_t portal; /* of the test: CALL and all general rights */
    handle_t own;    /* the same portal's first handle, in the child */
};

/* A child that serves with `run`, on `stacks` stacks. */
CHECK_RESULT bool server_make(const struct child_needs *needs, served_function *run,
                              unsigned stacks, struct server *out);

/* A portal of this domain's. */
CHECK_RESULT enum status portal_here(served_function *run, unsigned stacks, handle_t *out);

/* What handlers are good for in many tests. */
served_function served_echo;    /* words as they came; word 7 becomes the badge */
served_function served_sleep;   /* board: word 1 counts entries; sleeps until word 2 is not 0 */
served_function served_work;    /* board: executes until word 2 is not 0, or for word[1] ns */
served_function served_fault;   /* reads address 0 */
served_function served_recurse; /* calls portal word[1], counts in word[2], word[3]: its status */
