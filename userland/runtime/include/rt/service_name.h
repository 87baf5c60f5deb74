/*
 * Names of services and programs ("net:Tcp") as they travel in portal words.
 *
 * Up to 31 bytes, zero-padded to four words, byte 0 in the lowest byte of the first word.
 * The last byte is always zero, so an unpacked name is always a string.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SERVICE_NAME_WORDS = 4, SERVICE_NAME_BYTES = 32 };

struct service_name {
    uint64_t word[SERVICE_NAME_WORDS];
};

/* Pack `text`; false (and `*out` untouched) if it is empty or longer than 31 bytes. */
bool service_name_pack(const char *text, struct service_name *out);

/* Unpack words that came from anybody; false if they hold no name: an empty one, bytes behind the
 * terminator, no terminator, or a byte that isn't printable ASCII. */
bool service_name_unpack(const uint64_t word[SERVICE_NAME_WORDS], char out[SERVICE_NAME_BYTES]);
