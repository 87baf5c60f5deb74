/*
 * Startup: the launcher's own.
 *
 * Every other program is born with a struct startup, which the launcher wrote; the
 * launcher is born with the kernel's boot record.  The runtime asks startup_from() for
 * the one, and is given a record made from the other.
 */
#pragma once

#include "abi/boot.h"

/* The kernel's record; valid from before main(). */
const struct boot_record *startup_boot_record(void);
