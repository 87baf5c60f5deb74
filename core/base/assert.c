/*
 * Assertions: the one sentence that a failed claim becomes.
 */
#include "base/assert.h"

void assert_failed(const char *claim)
{
    panic("assertion failed: %s", claim);
}
