/*
 * Voice: counting what was said.
 */
#include "voice.h"

#include "rt/log.h"
#include "rt/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct voice {
    const char *domain; /* NULL: nobody's yet */
    uint64_t window;    /* that `bytes` is of */
    size_t bytes;
    unsigned reports;
    unsigned left_out; /* lines since the last that was written */
};

static struct voice voices[VOICES_MAX];

/* There are fewer domains than places. */
static struct voice *voice_of(const char *domain)
{
    for (unsigned i = 0; i < VOICES_MAX; i++) {
        if (voices[i].domain == NULL)
            voices[i].domain = domain;
        if (strcmp(voices[i].domain, domain) == 0)
            return &voices[i];
    }
    return NULL;
}

static void voice_look_at_clock(struct voice *voice)
{
    const uint64_t window = time_now_ns() / LOG_WINDOW_NS;

    if (voice->window == window)
        return;
    voice->window = window;
    voice->bytes = 0;
    voice->reports = 0;
}

void voice_line(const char *domain, const char *what, ...)
{
    struct voice *voice = voice_of(domain);
    char line[LOG_LINE_BYTES];
    va_list arguments;

    va_start(arguments, what);
    const int length = vsnprintf(line, sizeof line, what, arguments);
    va_end(arguments);
    if (voice == NULL || length < 0)
        return;

    const size_t bytes = strlen(domain) + strlen(": \n") + strlen(line);
    voice_look_at_clock(voice);
    if (voice->bytes + bytes > VOICE_BYTES) {
        voice->left_out++;
        return;
    }
    if (voice->left_out != 0)
        log_line("%s: %u lines about it were left out", domain, voice->left_out);
    voice->left_out = 0;
    voice->bytes += bytes;
    log_line("%s: %s", domain, line);
}

bool voice_may_report(const char *domain)
{
    struct voice *voice = voice_of(domain);

    if (voice == NULL)
        return false;
    voice_look_at_clock(voice);
    return voice->reports++ < VOICE_REPORTS;
}

void voice_refresh(const char *domain)
{
    struct voice *voice = voice_of(domain);

    if (voice != NULL)
        voice->bytes = voice->reports = 0;
}
