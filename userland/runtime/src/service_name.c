/*
 * Packing of names into portal words.
 */
#include "rt/service_name.h"

#include <string.h>

static bool byte_is_printable(char c)
{
    return c > ' ' && c <= '~';
}

bool service_name_pack(const char *text, struct service_name *out)
{
    size_t length = strlen(text);

    if (length == 0 || length >= SERVICE_NAME_BYTES)
        return false;
    *out = (struct service_name){{0}};
    memcpy(out->word, text, length);
    return true;
}

bool service_name_unpack(const uint64_t word[SERVICE_NAME_WORDS], char out[SERVICE_NAME_BYTES])
{
    char text[SERVICE_NAME_BYTES];
    size_t length = 0;

    memcpy(text, word, sizeof text);
    while (length < SERVICE_NAME_BYTES && byte_is_printable(text[length]))
        length++;
    if (length == 0 || length == SERVICE_NAME_BYTES)
        return false;
    for (size_t i = length; i < SERVICE_NAME_BYTES; i++)
        if (text[i] != '\0')
            return false;
    memcpy(out, text, sizeof text);
    return true;
}
