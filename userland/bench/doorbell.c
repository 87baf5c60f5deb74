#include "doorbell.h"

#include "rt/memory.h"

enum status doorbell_create(struct doorbell *out)
{
    struct memory memory;

    enum status s = memory_create(PAGE_BYTES, "bench doorbell", 0, &memory);
    if (s == STATUS_OK)
        s = event_create(memory.segment, 0, &out->event);
    if (s == STATUS_OK)
        s = handle_duplicate(out->event, RIGHT_SIGNAL | RIGHT_INSPECT | RIGHT_TRANSFER, 1,
                             &out->signal);
    out->pending = memory.address;
    return s;
}
