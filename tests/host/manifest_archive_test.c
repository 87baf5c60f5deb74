/*
 * The boot archive is checked before anything in it is believed, and addresses in it
 * get the names of their functions.
 */
// source: userland/launcher/archive.c
#include "userland/launcher/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES = 16 * 1024, NAMES = 1024, PROGRAMS = 256, SYMBOLS = 2048, TEXT = 4096 };

static _Alignas(4096) uint8_t bytes[BYTES];
static struct archive archive;
static const char *why;

static struct archive_header *header(void)
{
    return (struct archive_header *)(void *)bytes;
}

static struct archive_program *program(unsigned i)
{
    return (struct archive_program *)(void *)(bytes + PROGRAMS) + i;
}

static struct archive_symbol *symbol(unsigned i)
{
    return (struct archive_symbol *)(void *)(bytes + SYMBOLS) + i;
}

/* "kernel" without symbols and "net" with two functions. */
static void build(void)
{
    static const char names[] = "\0main\0loop";

    memset(bytes, 0, sizeof bytes);
    *header() = (struct archive_header){
        .magic = ARCHIVE_MAGIC,
        .version = ARCHIVE_VERSION,
        .program_count = 2,
        .total_bytes = BYTES,
        .programs_offset = PROGRAMS,
        .files_offset = PROGRAMS + 2 * sizeof(struct archive_program),
        .manifest_offset = 3000 & ~7,
        .manifest_bytes = 8,
        .strings_offset = NAMES,
        .strings_bytes = sizeof names,
    };
    memcpy(bytes + NAMES, names, sizeof names);
    strcpy(program(0)->name, "kernel");
    *program(1) = (struct archive_program){
        .name = "net",
        .text_offset = TEXT,
        .text_bytes = 4096,
        .rodata_bytes = 4096,
        .data_offset = 12288,
        .data_file_bytes = 64,
        .data_memory_bytes = 128,
        .data_address_offset = 0x200000,
        .entry_offset = 16,
        .symbols_offset = SYMBOLS,
        .symbol_count = 2,
    };
    *symbol(0) = (struct archive_symbol){.address_offset = 16, .name_offset = 1};
    *symbol(1) = (struct archive_symbol){.address_offset = 64, .name_offset = 6};
}

static void open_good(void)
{
    build();
    if (archive_open(bytes, sizeof bytes, &archive, &why) != STATUS_OK)
        fail_msg("%s", why);
}

static void assert_refused(const char *sentence)
{
    why = NULL;
    assert_int_equal(archive_open(bytes, sizeof bytes, &archive, &why), STATUS_BAD_DATA);
    assert_string_equal(why, sentence);
    build();
}

static void programs_are_found_by_name(void **state)
{
    (void)state;
    open_good();
    assert_ptr_equal(archive_find(&archive, "net"), program(1));
    assert_null(archive_find(&archive, "ne"));
    assert_null(archive_find(&archive, "nett"));
}

static void addresses_get_the_function_they_are_in(void **state)
{
    struct archive_place place;

    (void)state;
    open_good();
    assert_int_equal(archive_symbolise(&archive, program(1), 15, &place), STATUS_NOT_FOUND);
    assert_int_equal(archive_symbolise(&archive, program(1), 16, &place), STATUS_OK);
    assert_string_equal(place.function, "main");
    assert_int_equal(place.offset, 0);
    assert_int_equal(archive_symbolise(&archive, program(1), 63, &place), STATUS_OK);
    assert_string_equal(place.function, "main");
    assert_int_equal(place.offset, 47);
    assert_int_equal(archive_symbolise(&archive, program(1), 4000, &place), STATUS_OK);
    assert_string_equal(place.function, "loop");
    assert_int_equal(archive_symbolise(&archive, program(0), 0, &place), STATUS_NOT_FOUND);
}

/* Any one bit of either copy, and then a bit of both. */
static void damaged_text_is_found_and_has_a_spare(void **state)
{
    enum { TEXTS = 8192, BOTH = 4096 + 8192 };
    static _Alignas(4096) uint8_t both[BOTH + TEXTS];
    uint64_t offset;

    (void)state;
    open_good();
    memcpy(both, bytes, sizeof bytes < BOTH ? sizeof bytes : BOTH);
    const struct archive twice = {.start = both, .header = archive.header};
    struct archive_program *text = program(1);
    text->spare_offset = BOTH;
    text->checksum = ARCHIVE_CHECKSUM_START;
    for (size_t i = 0; i < TEXTS / 8; i++) {
        const uint64_t word = i * UINT64_C(0x123456789abcdef);
        memcpy(both + TEXT + 8 * i, &word, 8);
        memcpy(both + BOTH + 8 * i, &word, 8);
        text->checksum = archive_checksum_add(text->checksum, word);
    }
    for (size_t bit = 0; bit < TEXTS * 8; bit += 61) {
        both[BOTH + bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(archive_sound_text(&twice, text, &offset), STATUS_OK);
        assert_int_equal(offset, TEXT);
        both[TEXT + bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(archive_sound_text(&twice, text, &offset), STATUS_BAD_DATA);
        assert_int_equal(offset, TEXT);
        both[BOTH + bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(archive_sound_text(&twice, text, &offset), STATUS_OK);
        assert_int_equal(offset, BOTH);
        both[TEXT + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    text->spare_offset = 0;
    both[TEXT] ^= 1;
    assert_int_equal(archive_sound_text(&twice, text, &offset), STATUS_OK);
    assert_int_equal(offset, TEXT);
}

static void a_broken_archive_is_refused(void **state)
{
    (void)state;
    build();
    header()->magic++;
    assert_refused("it has no archive header");
    header()->version = 2;
    assert_refused("it has another version");
    header()->total_bytes = BYTES + 4096;
    assert_refused("it is cut off");
    header()->program_count = UINT32_MAX;
    assert_refused("its list of programs lies outside");
    header()->files_offset = UINT64_MAX - 7;
    assert_refused("its list of files lies outside");
    header()->manifest_bytes = UINT64_MAX;
    assert_refused("its manifest lies outside");
    header()->strings_bytes = 0;
    assert_refused("its names lie outside");
    header()->strings_bytes--;
    assert_refused("its last name does not end");
}

static void a_broken_program_is_refused(void **state)
{
    (void)state;
    build();
    memset(program(1)->name, 'x', sizeof program(1)->name);
    assert_refused("the name of a program is broken");
    program(1)->text_bytes = UINT64_MAX - 4095;
    assert_refused("the text of a program lies outside");
    program(1)->rodata_bytes = 2 * BYTES;
    assert_refused("the text of a program lies outside");
    program(1)->text_offset += 8;
    assert_refused("the text of a program is not made of pages");
    program(1)->spare_offset = BYTES - 4096;
    assert_refused("the spare text of a program lies outside");
    program(1)->spare_offset = TEXT + 8;
    assert_refused("the spare text of a program lies outside");
    program(1)->data_file_bytes = 256;
    assert_refused("the data of a program lies outside");
    program(1)->data_address_offset = 0x1000;
    assert_refused("the data of a program has no slot of its own");
    program(1)->data_address_offset = 0;
    assert_refused("the data of a program has no slot of its own");
    program(1)->entry_offset = 4096;
    assert_refused("the entry of a program is outside its text");
    program(1)->symbol_count = UINT64_MAX / 4;
    assert_refused("the symbols of a program lie outside");
    symbol(1)->name_offset = 4096;
    assert_refused("the name of a symbol lies outside");
    symbol(1)->address_offset = 8;
    assert_refused("the symbols of a program are out of order");
}

/* Any one byte of the tables changed: an answer, and nothing read outside. */
static void damage_never_hurts(void **state)
{
    uint8_t *copy = aligned_alloc(4096, BYTES);

    (void)state;
    build();
    for (size_t i = 0; i < SYMBOLS + 16; i++) {
        memcpy(copy, bytes, BYTES);
        copy[i] = 0xff;
        if (archive_open(copy, BYTES, &archive, &why) == STATUS_OK)
            (void)archive_find(&archive, "nobody");
    }
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_found_by_name),
        cmocka_unit_test(addresses_get_the_function_they_are_in),
        cmocka_unit_test(damaged_text_is_found_and_has_a_spare),
        cmocka_unit_test(a_broken_archive_is_refused),
        cmocka_unit_test(a_broken_program_is_refused),
        cmocka_unit_test(damage_never_hurts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
