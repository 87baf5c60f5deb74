/*
 * Following the kernel log; see journal.h.
 */
#include "journal.h"

#include <stdio.h>

#include "rt/syscall.h"

/* What a console that was started again shows of the past. */
enum { RECALL_BYTES = 1024 };

/* Anything but UINT64_MAX beyond the end is brought back to the end. */
#define CURSOR_END      (UINT64_MAX - 1)
#define CURSOR_RELEASED UINT64_MAX

void journal_start(struct journal *journal, bool is_restart)
{
    struct log_chunk chunk;

    journal->is_on = true;
    journal->cursor = CURSOR_RELEASED;
    if (!is_restart)
        return;
    if (log_read(CURSOR_END, journal->chunk, sizeof journal->chunk, &chunk) != STATUS_OK)
        return;
    journal->cursor = chunk.next_cursor > RECALL_BYTES ? chunk.next_cursor - RECALL_BYTES : 0;
}

/* Refill the chunk.  False: no news. */
static bool chunk_next(struct journal *journal, struct screen *screen)
{
    struct log_chunk chunk;

    if (log_read(journal->cursor, journal->chunk, sizeof journal->chunk, &chunk) != STATUS_OK)
        return false;
    if (chunk.lost_bytes > 0) {
        char notice[64];
        int length = snprintf(notice, sizeof notice, "(%llu bytes of the log were lost)",
                              (unsigned long long)chunk.lost_bytes);

        journal->length = 0;
        screen_print(screen, (const uint8_t *)notice, (size_t)length);
    }
    journal->cursor = chunk.next_cursor;
    journal->chunk_length = (unsigned)chunk.bytes;
    journal->chunk_used = 0;
    return chunk.bytes > 0;
}

void journal_print(struct journal *journal, struct screen *screen)
{
    while (journal->is_on && screen_room(screen) > 0) {
        if (journal->chunk_used == journal->chunk_length && !chunk_next(journal, screen))
            return;

        uint8_t byte = (uint8_t)journal->chunk[journal->chunk_used++];
        if (byte == '\n' || journal->length == SCREEN_LINE_BYTES) {
            screen_print(screen, journal->line, journal->length);
            journal->length = 0;
        }
        if (byte != '\n')
            journal->line[journal->length++] = byte;
    }
}
