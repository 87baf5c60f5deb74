/*
 * The rows of the benchmark, what they are meant to come to, and what seL4 and Linux take for the
 * same.
 *
 * This table is the only place with aims and with figures of other systems; tools/bench reads it,
 * one line a row.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct figure {
    const char *id;
    const char *what;  /* for the table */
    uint64_t aim;      /* instructions at most, 0: none is set */
    uint64_t sel4;     /* instructions, 0: not measured */
    uint64_t linux_os; /* instructions, 0: not measured */
};

const struct figure *figure_table(size_t *count);
const struct figure *figure_find(const char *id);
