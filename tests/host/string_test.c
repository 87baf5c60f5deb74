/*
 * The kernel's memory and string functions, against the C library's as the oracle.
 * The file is included under other names, since the sanitizers own the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define memcpy  kernel_memcpy
#define memmove kernel_memmove
#define memset  kernel_memset
#define memcmp  kernel_memcmp
#define memchr  kernel_memchr
#define strlen  kernel_strlen
#define strnlen kernel_strnlen
#define strcmp  kernel_strcmp
#define strncmp kernel_strncmp
#define strchr  kernel_strchr
#define strrchr kernel_strrchr
#include "core/base/memset.c"
#include "core/base/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr

enum { ROOM = 300, LONGEST = 200 };

static void fill(unsigned char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        memory[i] = (unsigned char)(i * 7 + 1);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void copy_takes_exactly_the_bytes_asked_for(void **state)
{
    (void)state;
    for (size_t size = 0; size <= LONGEST; size++) {
        for (size_t offset = 0; offset < 16; offset++) {
            unsigned char from[ROOM], to[ROOM], expected[ROOM];

            fill(from, sizeof(from));
            memset(to, 0xee, sizeof(to));
            memset(expected, 0xee, sizeof(expected));
            memcpy(expected + 3, from + offset, size);
            assert_ptr_equal(kernel_memcpy(to + 3, from + offset, size), to + 3);
            assert_memory_equal(to, expected, sizeof(to));
        }
    }
}

static void move_survives_every_overlap(void **state)
{
    (void)state;
    for (size_t size = 0; size <= LONGEST; size += 3) {
        for (size_t distance = 0; distance < 80; distance++) {
            unsigned char a[ROOM], b[ROOM];

            fill(a, sizeof(a));
            fill(b, sizeof(b));
            kernel_memmove(a + distance, a, size);
            memmove(b + distance, b, size);
            assert_memory_equal(a, b, sizeof(a));
            kernel_memmove(a, a + distance, size);
            memmove(b, b + distance, size);
            assert_memory_equal(a, b, sizeof(a));
        }
    }
}

static void set_writes_exactly_the_bytes_asked_for(void **state)
{
    (void)state;
    for (size_t size = 0; size <= LONGEST; size++) {
        unsigned char a[ROOM], b[ROOM];

        fill(a, sizeof(a));
        fill(b, sizeof(b));
        assert_ptr_equal(kernel_memset(a + 5, 0x1a5, size), a + 5);
        memset(b + 5, 0xa5, size);
        assert_memory_equal(a, b, sizeof(a));
    }
}

static void compare_orders_by_the_first_difference(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 64; size++) {
        unsigned char a[64], b[64];

        fill(a, sizeof(a));
        fill(b, sizeof(b));
        assert_int_equal(kernel_memcmp(a, b, size), 0);
        for (size_t at = 0; at < size; at++) {
            b[at] = 0xff;
            assert_int_equal(sign(kernel_memcmp(a, b, size)), sign(memcmp(a, b, size)));
            assert_int_equal(sign(kernel_memcmp(b, a, size)), sign(memcmp(b, a, size)));
            b[at] = a[at];
        }
    }
}

static void strings_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "ab", "abc", "abd", "ab\xff", "abcabc", "/a/b/c"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *const x = texts[i];

        assert_int_equal(kernel_strlen(x), strlen(x));
        assert_int_equal(kernel_strnlen(x, 2), strlen(x) < 2 ? strlen(x) : 2);
        for (int c = 0; c < 128; c++) {
            assert_ptr_equal(kernel_strchr(x, c), strchr(x, c));
            assert_ptr_equal(kernel_strrchr(x, c), strrchr(x, c));
            assert_ptr_equal(kernel_memchr(x, c, strlen(x)), memchr(x, c, strlen(x)));
        }
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            assert_int_equal(sign(kernel_strcmp(x, texts[j])), sign(strcmp(x, texts[j])));
            for (size_t limit = 0; limit < 8; limit++)
                assert_int_equal(sign(kernel_strncmp(x, texts[j], limit)),
                                 sign(strncmp(x, texts[j], limit)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_takes_exactly_the_bytes_asked_for),
        cmocka_unit_test(move_survives_every_overlap),
        cmocka_unit_test(set_writes_exactly_the_bytes_asked_for),
        cmocka_unit_test(compare_orders_by_the_first_difference),
        cmocka_unit_test(strings_agree_with_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
