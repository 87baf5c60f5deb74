/*
 * Boot files: plain files that came along inside the boot image.
 *
 * They lie page-aligned in the boot archive, which the manifest lets this program read, and stay
 * where they are for as long as the machine runs: nothing is loaded, nothing is copied.
 */
#pragma once

#include "text.h"

/* The file with this name; size 0 and data NULL when there is none. */
struct text boot_file_find(const char *name);
