/*
 * Boot arguments: what the machine's owner says to a domain without building anew.
 *
 * Firmware passes one text in /chosen/bootargs (QEMU: -append).  A word of the form
 * "web.https-port=8443" goes to the domain in front of the dot, behind what its manifest entry
 * already says.  They can't give a domain any permission; they are only read by its program.
 *
 * Pure: reads text, calls nobody.
 */
#pragma once

#include "abi/status.h"

#include <stddef.h>

/*
 * Add the words of `text` that are for the domain `name` to `argument`, a text in `room` bytes.
 * Errors: OUT_OF_QUOTA (they don't fit; `argument` is as it was).
 */
CHECK_RESULT enum status boot_arguments_add(const char *text, const char *name, char *argument,
                                            size_t room);

/* The next word in `text`, whose length goes to `*size`; NULL: none. */
const char *boot_arguments_word(const char *text, size_t *size);

/* How many bytes of the word name a domain: those in front of the first dot; 0: none do. */
size_t boot_arguments_name(const char *word, size_t size);
