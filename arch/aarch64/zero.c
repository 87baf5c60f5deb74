#include "arch/zero.h"

#include "arch/cpu.h"
#include "base/path.h"

#include <stdbool.h>

static bool has_zva64; /* DC ZVA is allowed and zeroes 64 bytes; written once at boot */

void zero_init(void)
{
    has_zva64 = cpu_features_read().dc_zva_size == 64;
}

OUT_OF_LINE void zero_page(void *page)
{
    uint64_t *word = page;
    const uint64_t *end = word + PAGE_BYTES / sizeof(*word);

    if (has_zva64) {
        /* Two instructions for 64 bytes, sixteen times between tests of the end. */
        do {
            __asm__ volatile(".rept 16\n\t"
                             "dc zva, %0\n\t"
                             "add %0, %0, #64\n\t"
                             ".endr"
                             : "+r"(word)
                             :
                             : "memory");
        } while (word != end);
        return;
    }
    for (; word != end; word += 2)
        __asm__ volatile("stp xzr, xzr, [%0]" : : "r"(word) : "memory");
}
