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

/* ID_AA64MMFR0_EL1.PARange as a number of bits; newer sizes are at least the last of these. */
static unsigned physical_bits(unsigned range)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52};

    return range < sizeof(bits) ? bits[range] : bits[sizeof(bits) - 1];
}

static void read_instructions(struct cpu_features *features)
{
    const uint64_t isar0 = SYSREG_READ(id_aa64isar0_el1);

    features->aes = id_field(isar0, 4) >= 1;
    features->pmull = id_field(isar0, 4) >= 2;
    features->sha1 = id_field(isar0, 8) >= 1;
    features->sha256 = id_field(isar0, 12) >= 1;
    features->crc32 = id_field(isar0, 16) >= 1;
    features->atomics = id_field(isar0, 20) >= 2;
    features->random = id_field(isar0, 60) >= 1;
}

static void read_caches(struct cpu_features *features)
{
    const uint64_t ctr = SYSREG_READ(ctr_el0);
    const uint64_t dczid = SYSREG_READ(dczid_el0);

    features->dcache_line = 4U << id_field(ctr, 16);
    features->icache_line = 4U << id_field(ctr, 0);
    features->dc_zva_size = (dczid & BIT(4)) != 0 ? 0 : 4U << id_field(dczid, 0);
}

bool cpu_has_pmu(void)
{
    const unsigned version = id_field(SYSREG_READ(id_aa64dfr0_el1), 8);

    return version != 0 && version != 15; /* 15: something of the implementer's own */
}

struct cpu_features cpu_features_read(void)
{
    const uint64_t mmfr0 = SYSREG_READ(id_aa64mmfr0_el1);
    struct cpu_features features = {
        .midr = SYSREG_READ(midr_el1),
        .affinity = cpu_affinity(),
        .physical_bits = physical_bits(id_field(mmfr0, 0)),
        .asid_bits = id_field(mmfr0, 4) == 2 ? 16 : 8,
        .pan = id_field(SYSREG_READ(id_aa64mmfr1_el1), 20) >= 1,
        .gic_registers = id_field(SYSREG_READ(id_aa64pfr0_el1), 24) >= 1,
        .pmu = cpu_has_pmu(),
    };

    read_instructions(&features);
    read_caches(&features);
    return features;
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
