/*
 * Addresses as text, both ways: dotted decimal, and the IPv6 form of RFC 4291 and RFC 5952.
 */
#include "net/address.h"

#include <string.h>

enum { GROUPS = 8, NONSENSE = 17 };

static char *put_number(char *at, unsigned value, unsigned base)
{
    char digits[8];
    size_t count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

static char *put_v4(char *at, const uint8_t bytes[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at = put_number(at, bytes[i], 10);
    }
    return at;
}

static unsigned group(const struct net_address *address, unsigned i)
{
    return (unsigned)address->bytes[2 * i] << 8 | address->bytes[2 * i + 1];
}

/* The longest run of zero groups, at least two of them: where it starts and how long it is. */
static unsigned longest_zeros(const struct net_address *address, unsigned *length)
{
    unsigned best = GROUPS, best_length = 1;

    for (unsigned start = 0; start < GROUPS; start++) {
        unsigned end = start;
        while (end < GROUPS && group(address, end) == 0)
            end++;
        if (end - start > best_length) {
            best = start;
            best_length = end - start;
        }
    }
    *length = best == GROUPS ? 0 : best_length;
    return best;
}

static char *put_v6(char *at, const struct net_address *address)
{
    unsigned length;
    unsigned zeros = longest_zeros(address, &length);

    for (unsigned i = 0; i < GROUPS;) {
        if (i == zeros) {
            *at++ = ':';
            *at++ = ':';
            i += length;
            continue;
        }
        if (i > 0 && i != zeros + length)
            *at++ = ':';
        at = put_number(at, group(address, i), 16);
        i++;
    }
    return at;
}

void net_address_format(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES])
{
    char *end =
        net_address_is_v4(address) ? put_v4(out, address->bytes + 12) : put_v6(out, address);
    *end = '\0';
}

static bool parse_v4(const char *text, uint8_t out[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;

        for (; *text >= '0' && *text <= '9' && digits < 4; text++, digits++)
            value = value * 10 + (unsigned)(*text - '0');
        if (digits == 0 || digits > 3 || value > 255)
            return false;
        out[i] = (uint8_t)value;
        if (*text != (i == 3 ? '\0' : '.'))
            return false;
        text++;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One group of up to four hex digits; NULL: there is none. */
static const char *parse_group(const char *text, uint8_t out[2])
{
    unsigned value = 0, digits = 0;

    for (int digit; digits < 4 && (digit = hex_digit(*text)) >= 0; text++, digits++)
        value = value << 4 | (unsigned)digit;
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return digits > 0 ? text : NULL;
}

/* Groups up to the end of the text or a "::"; returns how many bytes, NONSENSE for nonsense. */
static unsigned parse_groups(const char **text, uint8_t out[16])
{
    unsigned used = 0;

    while (**text != '\0') {
        if (used == 16)
            return NONSENSE;
        if (used <= 12 && parse_v4(*text, out + used)) {
            *text += strlen(*text);
            return used + 4;
        }
        const char *end = parse_group(*text, out + used);
        if (end == NULL)
            return NONSENSE;
        used += 2;
        *text = end;
        if (*end == '\0' || (end[0] == ':' && end[1] == ':'))
            return used;
        if (end[0] != ':' || end[1] == '\0')
            return NONSENSE;
        *text = end + 1;
    }
    return used;
}

static bool parse_v6(const char *text, uint8_t out[16])
{
    uint8_t head[16] = {0}, tail[16] = {0};
    unsigned head_bytes = 0;

    if (!(text[0] == ':' && text[1] == ':'))
        head_bytes = parse_groups(&text, head);
    if (head_bytes == NONSENSE)
        return false;
    memcpy(out, head, 16);
    if (*text == '\0')
        return head_bytes == 16;

    text += 2; /* the "::" that parse_groups stopped at */
    unsigned tail_bytes = parse_groups(&text, tail);
    if (tail_bytes == NONSENSE || head_bytes + tail_bytes > 14 || *text != '\0')
        return false;
    memset(out + head_bytes, 0, 16 - head_bytes);
    memcpy(out + 16 - tail_bytes, tail, tail_bytes);
    return true;
}

bool net_address_parse(const char *text, struct net_address *out)
{
    struct net_address address = net_address_v4(0, 0, 0, 0);

    if (!parse_v4(text, address.bytes + 12) && !parse_v6(text, address.bytes))
        return false;
    *out = address;
    return true;
}
