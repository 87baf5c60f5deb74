/*
 * Origin: what the launcher was born with.
 *
 * The kernel's boot record, and what was found by reading the archive, the manifest
 * and the machine's devicetree that came with it.  Written once by origin_read(),
 * before anything else of the launcher runs, and never again.
 */
#pragma once

#include "archive.h"
#include "manifest.h"
#include "tree_index.h"

#include "abi/boot.h"
#include "abi/info.h"

struct origin {
    struct boot_record boot;
    struct archive archive;
    struct tree_index machine_tree;
    struct manifest manifest;
    struct info_machine machine;
    const char *boot_arguments; /* /chosen/bootargs; empty if the firmware has none */
};

const struct origin *origin_get(void);

/* Read it all.  Errors: BAD_DATA; `error` says what is wrong. */
CHECK_RESULT enum status origin_read(const struct boot_record *boot, struct property_error *error);

/* 64 bits that nobody outside can guess; not for keys. */
uint64_t origin_random(void);

/* Where the launcher's own text starts. */
uaddr_t origin_text_address(void);
