#include "arch/usercopy.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "base/bits.h"

#include <stdbool.h>

/* usercopy.S */
enum status usercopy_raw_from(void *to, uaddr_t from, size_t size);
enum status usercopy_raw_to(uaddr_t to, const void *from, size_t size);

_Static_assert(STATUS_OK == 0 && STATUS_BAD_ADDRESS == 5, "usercopy.S returns these");

/* An address outside TTBR0's range would be tried with the kernel's tables: refuse it here. */
static bool is_shared(uaddr_t address, size_t size)
{
    const uint64_t limit = BIT(SHARED_SPACE_BITS);

    return address <= limit && size <= limit - address;
}

enum status usercopy_from(void *to, uaddr_t from, size_t size)
{
    return is_shared(from, size) ? usercopy_raw_from(to, from, size) : STATUS_BAD_ADDRESS;
}

enum status usercopy_to(uaddr_t to, const void *from, size_t size)
{
    return is_shared(to, size) ? usercopy_raw_to(to, from, size) : STATUS_BAD_ADDRESS;
}

static enum status load(uaddr_t from, void *out, size_t size)
{
    return is_aligned(from, size) ? usercopy_from(out, from, size) : STATUS_BAD_ADDRESS;
}

enum status usercopy_load32(uaddr_t from, uint32_t *out)
{
    return load(from, out, sizeof(*out));
}

enum status usercopy_load64(uaddr_t from, uint64_t *out)
{
    return load(from, out, sizeof(*out));
}
