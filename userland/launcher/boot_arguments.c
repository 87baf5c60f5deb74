/*
 * Boot arguments: words between blanks, names in front of dots.
 */
#include "boot_arguments.h"

#include <string.h>

const char *boot_arguments_word(const char *text, size_t *size)
{
    text += strspn(text, " \t\n");
    *size = strcspn(text, " \t\n");
    return *size == 0 ? NULL : text;
}

size_t boot_arguments_name(const char *word, size_t size)
{
    const char *dot = memchr(word, '.', size);

    return dot == NULL ? 0 : (size_t)(dot - word);
}

/* What the word says to the domain `name`; its length goes to `*rest`.  NULL: it is for another. */
static const char *word_for(const char *word, size_t size, const char *name, size_t *rest)
{
    const size_t front = boot_arguments_name(word, size);

    if (front == 0 || strlen(name) != front || memcmp(word, name, front) != 0 || front + 1 == size)
        return NULL;
    *rest = size - front - 1;
    return word + front + 1;
}

enum status boot_arguments_add(const char *text, const char *name, char *argument, size_t room)
{
    const size_t before = strlen(argument);
    size_t end = before;
    size_t size;

    for (const char *word; (word = boot_arguments_word(text, &size)) != NULL; text = word + size) {
        size_t rest = 0;
        const char *said = word_for(word, size, name, &rest);
        const size_t blank = end != 0;
        if (said == NULL)
            continue;
        if (end + blank + rest >= room) {
            argument[before] = '\0';
            return STATUS_OUT_OF_QUOTA;
        }
        if (blank != 0)
            argument[end++] = ' ';
        memcpy(argument + end, said, rest);
        end += rest;
        argument[end] = '\0';
    }
    return STATUS_OK;
}
