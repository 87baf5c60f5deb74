/*
 * Numbers as people read them: a value, a space and its unit.
 *
 * Rounding is to the nearest shown digit, and a value that needs no rounding shows no
 * decimals, so "4 KiB" means exactly that many bytes and "4.0 KiB" means about.
 */
#pragma once

#include <stdint.h>

struct unit_text {
    char text[32];
};

/* "512 B", "4 KiB", "1.5 MiB" */
struct unit_text unit_bytes(uint64_t bytes);

/* "1,234,567" */
struct unit_text unit_count(uint64_t count);

/* A span of processor time: "0 s", "850 ns", "12.3 us", "4.56 ms", "7.89 s" */
struct unit_text unit_span(uint64_t ns);

/* How long something has been going on: "12.345 s", "00:04:05", "3 d 04:05:06" */
struct unit_text unit_age(uint64_t ns);

/* How long it is yet until `when_ns`: "in 350 ms"; "now" when that has come */
struct unit_text unit_until(uint64_t when_ns, uint64_t now_ns);

/* `part` of `whole` in percent with one decimal: "12.3 %"; "-" when whole is 0 */
struct unit_text unit_share(uint64_t part, uint64_t whole);
