#include "frame_rights.h"

#include "base/bits.h"

/* What lies higher than this is no machine's RAM that a checked kernel runs on. */
#define MEMORY_END (UINT64_C(8) << 30)

enum {
    CHUNK_WORDS = 8, /* the frames of 2 MiB, a bit each */
    CHUNKS = MEMORY_END >> SLOT_SHIFT,
};

static uint64_t written[CHUNKS][CHUNK_WORDS];
static uint64_t executed[CHUNKS][CHUNK_WORDS];
static uint64_t touched[CHUNKS / 64]; /* chunks with a bit in either */

void frame_rights_clear(void)
{
    for (unsigned word = 0; word < CHUNKS / 64; word++)
        for (; touched[word] != 0; touched[word] &= touched[word] - 1) {
            const unsigned chunk = word * 64 + bits_trailing_zeros(touched[word]);
            for (unsigned i = 0; i < CHUNK_WORDS; i++)
                written[chunk][i] = executed[chunk][i] = 0;
        }
}

bool frame_rights_add(paddr_t base, uint64_t bytes, rights_t rights)
{
    for (paddr_t at = base; at < base + bytes && at < MEMORY_END; at += PAGE_BYTES) {
        const uint64_t chunk = at >> SLOT_SHIFT;
        const uint64_t word = at / PAGE_BYTES / 64 % CHUNK_WORDS;
        const uint64_t bit = BIT(at / PAGE_BYTES % 64);
        touched[chunk / 64] |= BIT(chunk % 64);
        written[chunk][word] |= (rights & RIGHT_WRITE) != 0 ? bit : 0;
        executed[chunk][word] |= (rights & RIGHT_EXECUTE) != 0 ? bit : 0;
        if ((written[chunk][word] & executed[chunk][word] & bit) != 0)
            return false;
    }
    return true;
}
