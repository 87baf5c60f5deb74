/*
 * Assertions: the one sentence that a failed claim becomes.
 */
#include "base/assert.h"

void assert_failed(const char *condition, const char *file, int line)
{
    panic("%s:%d: assertion failed: %s", file, line, condition);
}
