/*
 * The log: what the kernel and all programs have said, and go on saying.
 */
#include "terminal.h"
#include "verb.h"

#include "rt/syscall.h"
#include "rt/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FOLLOW_MS = 200 };

/* Print from `*cursor` to the end of the log. */
static enum status log_print(uint64_t *cursor)
{
    static char text[2048];

    for (;;) {
        struct log_chunk chunk;
        enum status s = log_read(*cursor, text, sizeof text, &chunk);
        if (s != STATUS_OK)
            return s;
        if (chunk.lost_bytes > 0 && *cursor > 0)
            printf("(%" PRIu64 " B of the log were overwritten)\n", chunk.lost_bytes);
        fwrite(text, 1, chunk.bytes, stdout);
        *cursor = chunk.next_cursor;
        if (chunk.bytes == 0)
            return STATUS_OK;
    }
}

void verb_log(struct shell *shell, int count, char **arguments)
{
    bool follows = count > 0 && strcmp(arguments[0], "-f") == 0;
    uint64_t cursor = 0;

    (void)shell;
    if (count > 0 && !follows) {
        puts("usage: log [-f]");
        return;
    }
    do {
        if (verb_failed(log_print(&cursor), "cannot read the log"))
            return;
        fflush(stdout);
    } while (follows && !terminal_wait_quit(time_after_ns(FOLLOW_MS * NS_PER_MS)));
}
