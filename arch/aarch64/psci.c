/*
 * PSCI: the calls, and what the firmware's answers mean here.
 *
 * Source: Arm DEN 0022; the register contract is DEN 0028's (SMC Calling Convention):
 * x0 to x3 carry arguments and results, x4 to x17 may be lost.
 */
#include "arch/psci.h"

enum {
    PSCI_RETURN_SUCCESS = 0,
    PSCI_RETURN_NOT_SUPPORTED = -1,
    PSCI_RETURN_INVALID_PARAMETERS = -2,
    PSCI_RETURN_DENIED = -3,
    PSCI_RETURN_ALREADY_ON = -4,
    PSCI_RETURN_ON_PENDING = -5,
    PSCI_RETURN_INVALID_ADDRESS = -9,
};

static const uint32_t PSCI_VERSION = 0x84000000;
static const uint32_t PSCI_SYSTEM_OFF = 0x84000008;
static const uint32_t PSCI_SYSTEM_RESET = 0x84000009;
static const uint32_t PSCI_CPU_ON_64 = 0xc4000003;

/* What psci_version() says of 0.1, which has no call for it. */
static const uint32_t PSCI_VERSION_0_1 = 1;

static struct psci_config psci; /* written once, before there is a second CPU */

#define PSCI_CLOBBERS                                                                           \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", \
        "memory"

static int32_t firmware_call(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    if (psci.conduit == PSCI_CONDUIT_SMC)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : PSCI_CLOBBERS);
    else if (psci.conduit == PSCI_CONDUIT_HVC)
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : PSCI_CLOBBERS);
    else
        return PSCI_RETURN_NOT_SUPPORTED;
    return (int32_t)x0;
}

void psci_init(const struct psci_config *config)
{
    psci = *config;
}

uint32_t psci_version(void)
{
    if (psci.conduit == PSCI_CONDUIT_NONE)
        return 0;
    if (!psci.standard_ids)
        return PSCI_VERSION_0_1;

    const int32_t version = firmware_call(PSCI_VERSION, 0, 0, 0);

    return version < 0 ? 0 : (uint32_t)version;
}

BOOT_ONLY static enum status status_of(int32_t answer)
{
    switch (answer) {
    case PSCI_RETURN_SUCCESS:
        return STATUS_OK;
    case PSCI_RETURN_NOT_SUPPORTED:
        return STATUS_NOT_SUPPORTED;
    case PSCI_RETURN_INVALID_PARAMETERS:
    case PSCI_RETURN_INVALID_ADDRESS:
        return STATUS_BAD_ARGUMENT;
    case PSCI_RETURN_ALREADY_ON:
    case PSCI_RETURN_ON_PENDING:
        return STATUS_BUSY;
    case PSCI_RETURN_DENIED:
    default:
        return STATUS_DENIED;
    }
}

enum status psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context)
{
    const uint32_t function = psci.standard_ids ? PSCI_CPU_ON_64 : psci.cpu_on_id;

    if (function == 0)
        return STATUS_NOT_SUPPORTED;
    return status_of(firmware_call(function, mpidr, entry, context));
}

void psci_system_off(void)
{
    if (psci.standard_ids)
        (void)firmware_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void psci_system_reset(void)
{
    if (psci.standard_ids)
        (void)firmware_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}
