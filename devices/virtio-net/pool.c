/*
 * Pools; see pool.h.
 */
#include "pool.h"

#include "rt/syscall.h"

enum status pool_open(struct net_pool *pool, handle_t segment)
{
    struct segment_info info;
    paddr_t physical;
    uint64_t contiguous;
    enum status s = segment_info(segment, &info);

    if (s == STATUS_OK)
        s = segment_dma_address(segment, 0, &physical, &contiguous);
    if (s != STATUS_OK)
        return s;
    if (contiguous < info.length_bytes)
        return STATUS_NOT_SUPPORTED;
    *pool = (struct net_pool){
        .segment = segment, .physical = physical, .length_bytes = info.length_bytes};
    return STATUS_OK;
}

void pool_close(struct net_pool *pool)
{
    if (pool->segment != 0)
        (void)!handle_close(pool->segment);
    *pool = (struct net_pool){.segment = 0};
}
