/*
 * <stdlib.h> for libfdt inside the kernel.  The files of libfdt that are built call nothing of it.
 */
#pragma once

#include <stddef.h>
