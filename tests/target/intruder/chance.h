/*
 * Chance, from a seed: the same steps again in the next run.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void chance_seed(uint64_t seed);

/* Any 64 bits. */
uint64_t chance_word(void);

/* 0 to `limit` - 1. */
uint64_t chance_below(uint64_t limit);

/* True once in so many times. */
bool chance_once_in(uint64_t times);

/* What numbers go wrong with: 0, 1, 2^31, 2^32 - 1, 2^63, 2^64 - 1 and their neighbours. */
uint64_t chance_edge(void);
