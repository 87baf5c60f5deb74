/*
 * The shell: a line is read, cut into words, and the verb that the first one names is run.
 *
 * Everything that it shows comes from app:Inspect and net:Status; it has no privilege of
 * its own beyond what the manifest lets it ask there.
 */
#include "completion.h"
#include "terminal.h"
#include "verb.h"

#include "linenoise.h"

#include "rt/log.h"
#include "rt/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES_MAX = 4095, /* linenoise drops what goes beyond it */
    HISTORY_LINES = 100,
};

static void run_line(struct shell *shell, char *line)
{
    if (strlen(line) >= LINE_BYTES_MAX) {
        printf("the line is longer than %d bytes: not run\n", LINE_BYTES_MAX - 1);
        return;
    }
    if (line[0] != '\0')
        linenoiseHistoryAdd(line);
    verb_run_line(shell, line);
    fflush(stdout);
}

int main(void)
{
    static struct shell shell;
    enum status s = terminal_open();

    if (s != STATUS_OK)
        log_die("no console: %s", status_text(s));
    linenoiseHistorySetMaxLen(HISTORY_LINES);
    completion_init(&shell);
    puts("Rotunda.  Type help for the verbs, Tab to complete.");
    for (;;) {
        char *line = terminal_line("rotunda> ");
        if (line != NULL)
            run_line(&shell, line);
        linenoiseFree(line);
    }
}
