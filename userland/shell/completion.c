/*
 * Completion of verbs, and of the names of domains.
 */
#include "completion.h"

#include "listing.h"
#include "record_text.h"

#include "linenoise.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 256 };

static struct shell *completion_shell;

/* Offer the line with its last word replaced by `word`, if that begins like it. */
static void offer(linenoiseCompletions *completions, const char *line, size_t word_start,
                  const char *word)
{
    char text[LINE_BYTES];
    const char *begun = line + word_start;

    if (strncmp(word, begun, strlen(begun)) != 0 || word_start + strlen(word) >= sizeof text)
        return;
    snprintf(text, sizeof text, "%.*s%s", (int)word_start, line, word);
    linenoiseAddCompletion(completions, text);
}

static void offer_verbs(linenoiseCompletions *completions, const char *line, size_t word_start)
{
    size_t count;
    const struct verb *verbs = verb_table(&count);

    for (size_t i = 0; i < count; i++)
        offer(completions, line, word_start, verbs[i].name);
}

static void offer_domains(linenoiseCompletions *completions, const char *line, size_t word_start)
{
    struct listing listing;

    listing_init(&listing, completion_shell, INSPECT_DOMAINS, NULL);
    for (const struct inspect_domain *domain; (domain = listing_next(&listing)) != NULL;)
        offer(completions, line, word_start, text_of_name(domain->name).text);
}

static void on_tab(const char *line, linenoiseCompletions *completions)
{
    const char *blank = strrchr(line, ' ');
    size_t word_start = blank == NULL ? 0 : (size_t)(blank - line) + 1;
    char name[LINE_BYTES];

    if (blank == NULL) {
        offer_verbs(completions, line, 0);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(line, " "), line);
    const struct verb *verb = verb_find(name);
    if (verb == NULL)
        return;
    if (verb->takes == VERB_TAKES_VERB)
        offer_verbs(completions, line, word_start);
    else if (verb->takes == VERB_TAKES_DOMAIN)
        offer_domains(completions, line, word_start);
}

void completion_init(struct shell *shell)
{
    completion_shell = shell;
    linenoiseSetCompletionCallback(on_tab);
}
