/*
 * Words of the firmware's text reach the domain that they name, and no other.
 */
// source: userland/launcher/boot_arguments.c
#include "userland/launcher/boot_arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void words_go_to_the_domain_in_front_of_the_dot(void **state)
{
    static const char text[] = "  quiet net.address=192.0.2.7/24 web.plain\tnet.dns=192.0.2.2 ";
    char argument[64] = "";

    (void)state;
    assert_int_equal(boot_arguments_add(text, "net", argument, sizeof argument), STATUS_OK);
    assert_string_equal(argument, "address=192.0.2.7/24 dns=192.0.2.2");
}

static void words_stand_behind_the_manifests(void **state)
{
    char argument[64] = "log";

    (void)state;
    assert_int_equal(boot_arguments_add("console.a console.b", "console", argument, 64), STATUS_OK);
    assert_string_equal(argument, "log a b");
}

static void others_words_change_nothing(void **state)
{
    static const char text[] = "web webb.x we.x .x web. x.web.y web";
    char argument[8] = "log";

    (void)state;
    assert_int_equal(boot_arguments_add(text, "web", argument, sizeof argument), STATUS_OK);
    assert_string_equal(argument, "log");
    assert_int_equal(boot_arguments_add("", "web", argument, sizeof argument), STATUS_OK);
    assert_string_equal(argument, "log");
}

static void words_that_do_not_fit_are_refused_together(void **state)
{
    char argument[8] = "log";

    (void)state;
    assert_int_equal(boot_arguments_add("w.ab w.c", "w", argument, 8), STATUS_OUT_OF_QUOTA);
    assert_string_equal(argument, "log");
    assert_int_equal(boot_arguments_add("w.abc", "w", argument, 8), STATUS_OK);
    assert_string_equal(argument, "log abc");
}

static void a_word_without_a_name_names_nobody(void **state)
{
    size_t size;
    const char *word = boot_arguments_word("  .x", &size);

    (void)state;
    assert_non_null(word);
    assert_int_equal(size, 2);
    assert_int_equal(boot_arguments_name(word, size), 0);
    assert_int_equal(boot_arguments_name("quiet", 5), 0);
    assert_int_equal(boot_arguments_name("web.x", 5), 3);
    assert_null(boot_arguments_word(" \t", &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_go_to_the_domain_in_front_of_the_dot),
        cmocka_unit_test(words_stand_behind_the_manifests),
        cmocka_unit_test(others_words_change_nothing),
        cmocka_unit_test(words_that_do_not_fit_are_refused_together),
        cmocka_unit_test(a_word_without_a_name_names_nobody),
    };

    return cmocka_run_group_tests_name("boot_arguments", tests, NULL, NULL);
}
