/*
 * Shown text: byte by byte.
 */
#include "rt/shown_text.h"

#include <string.h>

/* How many bytes of `out` the byte takes. */
static size_t byte_show(char out[SHOWN_BYTE_MAX], unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";

    if (byte >= ' ' && byte <= '~') {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return SHOWN_BYTE_MAX;
}

void shown_text(char *out, size_t out_bytes, const char *text, size_t text_bytes)
{
    char shown[SHOWN_BYTE_MAX];
    size_t used = 0;

    for (size_t i = 0; i < text_bytes && text[i] != '\0'; i++) {
        const size_t length = byte_show(shown, (unsigned char)text[i]);
        if (length >= out_bytes - used)
            break;
        memcpy(out + used, shown, length);
        used += length;
    }
    out[used] = '\0';
}
