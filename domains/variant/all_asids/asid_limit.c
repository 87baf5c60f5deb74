#include "domains/asid.h"

#include "base/bits.h"

uint32_t asid_limit(unsigned hardware_bits)
{
    return (uint32_t)BIT(hardware_bits);
}
