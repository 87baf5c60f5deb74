/*
 * Factory: the right to make domains.
 *
 * There is one, for ever: the launcher gets it at boot, and no call makes, copies or passes it.
 */
#pragma once

#include "base/path.h"
#include "domains/object.h"

/* The factory, with one reference.  Context: boot, once. */
BOOT_ONLY struct object *factory_make(void);
