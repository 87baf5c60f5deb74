/*
 * CPU: identification, from the ID registers into plain words.
 *
 * Source: Arm ARM, "AArch64 System Registers", and the part numbers in each core's
 * Technical Reference Manual under MIDR_EL1.
 */
#include "arch/cpu.h"

#include "base/format.h"

#include <stddef.h>

enum { IMPLEMENTER_NONE = 0x00, IMPLEMENTER_ARM = 0x41 };

struct part_name {
    uint8_t implementer;
    uint16_t part;
    const char *name;
};

static const struct part_name part_names[] = {
    {IMPLEMENTER_ARM, 0xd04, "Cortex-A35"},    {IMPLEMENTER_ARM, 0xd03, "Cortex-A53"},
    {IMPLEMENTER_ARM, 0xd05, "Cortex-A55"},    {IMPLEMENTER_ARM, 0xd07, "Cortex-A57"},
    {IMPLEMENTER_ARM, 0xd08, "Cortex-A72"},    {IMPLEMENTER_ARM, 0xd09, "Cortex-A73"},
    {IMPLEMENTER_ARM, 0xd0a, "Cortex-A75"},    {IMPLEMENTER_ARM, 0xd0b, "Cortex-A76"},
    {IMPLEMENTER_ARM, 0xd0d, "Cortex-A77"},    {IMPLEMENTER_ARM, 0xd41, "Cortex-A78"},
    {IMPLEMENTER_ARM, 0xd47, "Cortex-A710"},   {IMPLEMENTER_ARM, 0xd0c, "Neoverse-N1"},
    {IMPLEMENTER_ARM, 0xd40, "Neoverse-V1"},   {IMPLEMENTER_ARM, 0xd49, "Neoverse-N2"},
    {IMPLEMENTER_NONE, 0x051, "QEMU maximum"},
};

/* A field of an ID register: four bits, 0 meaning absent. */
static unsigned id_field(uint64_t value, unsigned low)
{
    return (unsigned)bits_field(value, low, 4);
}

bool cpu_has_pmu(void)
{
    const unsigned version = id_field(SYSREG_READ(id_aa64dfr0_el1), 8);

    return version != 0 && version != 15; /* 15: something of the implementer's own */
}

struct cpu_features cpu_features_read(void)
{
    const uint64_t isar0 = SYSREG_READ(id_aa64isar0_el1);
    const uint64_t dczid = SYSREG_READ(dczid_el0);

    return (struct cpu_features){
        .midr = SYSREG_READ(midr_el1),
        .dc_zva_size = (dczid & BIT(4)) != 0 ? 0 : 4U << id_field(dczid, 0),
        .aes = id_field(isar0, 4) >= 1,
        .pmull = id_field(isar0, 4) >= 2,
        .sha256 = id_field(isar0, 12) >= 1,
    };
}

void cpu_name(uint64_t midr, char name[CPU_NAME_SIZE])
{
    const unsigned implementer = (unsigned)bits_field(midr, 24, 8);
    const unsigned part = (unsigned)bits_field(midr, 4, 12);
    const unsigned variant = (unsigned)bits_field(midr, 20, 4);
    const unsigned revision = (unsigned)bits_field(midr, 0, 4);

    for (size_t i = 0; i < sizeof(part_names) / sizeof(part_names[0]); i++) {
        if (part_names[i].implementer == implementer && part_names[i].part == part) {
            format_text(name, CPU_NAME_SIZE, "%s r%up%u", part_names[i].name, variant, revision);
            return;
        }
    }
    format_text(name, CPU_NAME_SIZE, "implementer %02x part %03x r%up%u", implementer, part,
                variant, revision);
}
