/*
 * The startup record, found once by crt0.
 */
#include "rt/startup.h"

#include <string.h>

#include "program.h"

static const struct startup *record; /* set before main(), then constant */

void startup_set(const struct startup *startup)
{
    record = startup;
}

const struct startup *startup_get(void)
{
    return record;
}

const struct startup_device *startup_device_find(const char *compatible, unsigned index)
{
    for (uint32_t i = 0; i < record->device_count && i < STARTUP_DEVICES; i++) {
        const struct startup_device *device = &record->device[i];

        if (strcmp(device->compatible, compatible) == 0 && index-- == 0)
            return device;
    }
    return NULL;
}
