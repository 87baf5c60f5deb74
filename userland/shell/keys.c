/*
 * The filter for typed bytes.
 */
#include "keys.h"

#include <stdint.h>

/* Ctrl-A B C D E F H, Tab, Ctrl-K L, Enter, Ctrl-N P T U W, Escape: what linenoise knows. */
static const uint32_t editing_keys = 1U << 1 | 1U << 2 | 1U << 3 | 1U << 4 | 1U << 5 | 1U << 6
                                     | 1U << 8 | 1U << 9 | 1U << 11 | 1U << 12 | 1U << 13 | 1U << 14
                                     | 1U << 16 | 1U << 20 | 1U << 21 | 1U << 23 | 1U << 27;

bool keys_accept(struct keys *keys, char c, char *out)
{
    unsigned char byte = (unsigned char)c;
    bool ends_pair = keys->after_return && byte == '\n';

    keys->after_return = byte == '\r';
    if (ends_pair || byte > 127)
        return false;
    if (byte == '\n')
        byte = KEY_ENTER;
    if (byte < ' ' && (editing_keys >> byte & 1) == 0)
        return false;
    *out = (char)byte;
    return true;
}
