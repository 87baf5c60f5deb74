#include "arch/zero.h"

#include "arch/cpu.h"

#include <stdbool.h>

static bool has_zva64; /* DC ZVA is allowed and zeroes 64 bytes; written once at boot */

void zero_init(void)
{
    has_zva64 = cpu_features_read().dc_zva_size == 64;
}

void zero_page(void *page)
{
    uint64_t *word = page;
    const uint64_t *end = word + PAGE_BYTES / sizeof(*word);

    if (has_zva64) {
        for (; word != end; word += 32)
            __asm__ volatile("dc zva, %0\n\tdc zva, %1\n\tdc zva, %2\n\tdc zva, %3"
                             :
                             : "r"(word), "r"(word + 8), "r"(word + 16), "r"(word + 24)
                             : "memory");
        return;
    }
    for (; word != end; word += 2)
        __asm__ volatile("stp xzr, xzr, [%0]" : : "r"(word) : "memory");
}
