/*
 * Path decoding in two passes: percent-decode while refusing forbidden bytes,
 * then look at the decoded whole for segments and UTF-8.  The second pass sees
 * what a file system would see, so no encoding can hide anything from it.
 */

#include "path.h"

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

/* Decode the escape at `t[at]`, "%" included; -1 when it is malformed. */
static int escape_decode(struct text t, size_t at)
{
    if (t.size - at < 3)
        return -1;

    int high = hex_digit(t.data[at + 1]);
    int low = hex_digit(t.data[at + 2]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool bytes_decode(struct text encoded, struct path *path)
{
    for (size_t i = 0; i < encoded.size; i++) {
        int c = (unsigned char)encoded.data[i];

        if (path->size == PATH_LIMIT)
            return false;
        if (c == '%') {
            c = escape_decode(encoded, i);
            if (c == '/')
                return false;
            i += 2;
        }
        if (c < ' ' || c == 0x7f || c == '\\')
            return false;
        path->data[path->size++] = (char)c;
    }
    return true;
}

/* True when a segment is "." or "..". */
static bool has_dot_segment(struct text t)
{
    size_t start = 0;

    for (size_t i = 0; i <= t.size; i++) {
        if (i < t.size && t.data[i] != '/')
            continue;

        struct text segment = {t.data + start, i - start};

        if (text_equals(segment, text_of(".")) || text_equals(segment, text_of("..")))
            return true;
        start = i + 1;
    }
    return false;
}

/* How many bytes follow the lead byte `c`; -1 when none may begin a character. */
static int continuation_count(unsigned char c)
{
    if (c < 0x80)
        return 0;
    if (c >= 0xc2 && c <= 0xdf)
        return 1;
    if (c >= 0xe0 && c <= 0xef)
        return 2;
    return c >= 0xf0 && c <= 0xf4 ? 3 : -1;
}

/* The second byte is where overlong forms, surrogates and values past U+10FFFF show. */
static bool second_byte_is_valid(unsigned char lead, unsigned char second)
{
    unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

    return second >= least && second <= most;
}

static bool is_utf8(struct text t)
{
    for (size_t i = 0; i < t.size; i++) {
        unsigned char lead = (unsigned char)t.data[i];
        int count = continuation_count(lead);

        if (count < 0 || t.size - i <= (size_t)count)
            return false;
        if (count > 0 && !second_byte_is_valid(lead, (unsigned char)t.data[i + 1]))
            return false;
        for (; count > 0; count--) {
            i++;
            if (((unsigned char)t.data[i] & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}

static bool index_append(struct path *path)
{
    static const char index[] = "index.html";

    if (path->data[path->size - 1] != '/')
        return true;
    if (PATH_LIMIT - path->size < sizeof(index) - 1)
        return false;
    memcpy(path->data + path->size, index, sizeof(index) - 1);
    path->size += sizeof(index) - 1;
    return true;
}

bool path_decode(struct text encoded, struct path *path)
{
    path->size = 0;
    if (encoded.size == 0)
        encoded = text_of("/");
    if (encoded.data[0] != '/' || !bytes_decode(encoded, path))
        return false;
    if (has_dot_segment(path_text(path)) || !is_utf8(path_text(path)))
        return false;
    return index_append(path);
}
