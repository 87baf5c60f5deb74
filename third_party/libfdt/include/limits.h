/*
 * <limits.h> for libfdt inside the kernel, where there is no C library to complete the compiler's.
 */
#pragma once

#define INT_MAX  __INT_MAX__
#define INT_MIN  (-__INT_MAX__ - 1)
#define UINT_MAX (__INT_MAX__ * 2u + 1u)
