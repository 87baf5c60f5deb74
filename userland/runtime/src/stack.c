/*
 * Making stacks.  In use they are never given back: portals and threads live as long as their
 * domain.
 */
#include "stack.h"

#include "rt/syscall.h"

#include "tls.h"

static uint64_t pages_round_up(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

enum status stacks_create(size_t bytes, unsigned count, const char *label, struct stacks *out)
{
    uint64_t stride = PAGE_BYTES + pages_round_up(bytes + tls_bytes());
    handle_t segment;
    uaddr_t address;

    if (bytes == 0 || bytes > UINT32_MAX || count == 0 || count > UINT16_MAX)
        return STATUS_BAD_ARGUMENT;

    enum status s = segment_create(stride * count, RIGHT_READ | RIGHT_WRITE, 0, stride,
                                   name_from(label), &segment, &address);
    if (s != STATUS_OK)
        return s;
    s = segment_grant(segment, 0, RIGHT_READ | RIGHT_WRITE);
    if (s != STATUS_OK) {
        (void)handle_close(segment);
        return s;
    }

    *out = (struct stacks){.segment = segment,
                           .first_top = address + stride - tls_bytes(),
                           .stride_bytes = stride,
                           .count = count};
    for (unsigned i = 0; i < count; i++)
        tls_init((void *)(uintptr_t)(out->first_top + i * stride));
    return STATUS_OK;
}

void stacks_give_back(struct stacks *stacks)
{
    /* Both are our own, so neither fails. */
    enum status s = segment_revoke(stacks->segment, 0);

    s = handle_close(stacks->segment);
    (void)s;
    *stacks = (struct stacks){0};
}
