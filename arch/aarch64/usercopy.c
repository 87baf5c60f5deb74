#include "arch/usercopy.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "base/bits.h"

#include <stdbool.h>

/* usercopy.S */
bool usercopy_raw_from(void *to, uaddr_t from, size_t size);
bool usercopy_raw_to(uaddr_t to, const void *from, size_t size);
bool usercopy_raw_load32(uint32_t *to, uaddr_t from);
bool usercopy_raw_load64(uint64_t *to, uaddr_t from);

/* An address outside TTBR0's range would be tried with the kernel's tables: refuse it here. */
static bool is_shared(uaddr_t address, size_t size)
{
    const uint64_t limit = BIT(SHARED_SPACE_BITS);

    return address <= limit && size <= limit - address;
}

/*
 * An abort inside the copy overwrites the user's ELR_EL1 and SPSR_EL1, which a fast system call
 * still has only there.
 */
struct return_state {
    uint64_t elr;
    uint64_t spsr;
};

static struct return_state return_state_keep(void)
{
    return (struct return_state){SYSREG_READ(elr_el1), SYSREG_READ(spsr_el1)};
}

static enum status copied(bool ok, struct return_state state)
{
    if (ok)
        return STATUS_OK;
    SYSREG_WRITE(elr_el1, state.elr);
    SYSREG_WRITE(spsr_el1, state.spsr);
    return STATUS_BAD_ADDRESS;
}

enum status usercopy_from(void *to, uaddr_t from, size_t size)
{
    const struct return_state state = return_state_keep();

    return copied(is_shared(from, size) && usercopy_raw_from(to, from, size), state);
}

enum status usercopy_to(uaddr_t to, const void *from, size_t size)
{
    const struct return_state state = return_state_keep();

    return copied(is_shared(to, size) && usercopy_raw_to(to, from, size), state);
}

enum status usercopy_load32(uaddr_t from, uint32_t *out)
{
    const struct return_state state = return_state_keep();

    return copied(is_shared(from, sizeof(*out)) && is_aligned(from, sizeof(*out))
                      && usercopy_raw_load32(out, from),
                  state);
}

enum status usercopy_load64(uaddr_t from, uint64_t *out)
{
    const struct return_state state = return_state_keep();

    return copied(is_shared(from, sizeof(*out)) && is_aligned(from, sizeof(*out))
                      && usercopy_raw_load64(out, from),
                  state);
}
