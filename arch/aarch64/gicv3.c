/*
 * GICv3 (and v4): a distributor for shared interrupts, a redistributor per CPU for
 * its private ones, and the CPU interface as system registers.
 *
 * Redistributors lie one after the other in one or more regions, in an order that
 * says nothing: each names its CPU, and each CPU walks them until it finds its own.
 * Everything is group 1 of the state we run in.  LPIs are not used.
 * Source: Arm IHI 0069.
 */
#include "arch/cpu.h"
#include "base/assert.h"
#include "gic_registers.h"
#include "irqchip_ops.h"

enum {
    GICD_IGRPMODR = 0xd00, /* 1 bit each */
    GICD_IROUTER = 0x6000, /* 8 bytes each */
    GICD_SIZE_MIN = 0x10000,
    GICD_CTLR_ENABLE_GRP1A = 1U << 1,
    GICD_CTLR_ARE = 1U << 4,

    GICR_CTLR = 0x0000,
    GICR_TYPER = 0x0008,
    GICR_WAKER = 0x0014,
    GICR_SGI_FRAME = 0x10000,      /* from a redistributor's base to its registers for 0..31 */
    GICR_FRAMES_SIZE = 0x20000,    /* of a GICv3 redistributor */
    GICR_FRAMES_SIZE_V4 = 0x40000, /* with the two virtual LPI frames */
    GICR_CTLR_RWP = 1U << 3,
    GICR_WAKER_PROCESSOR_SLEEP = 1U << 1,
    GICR_WAKER_CHILDREN_ASLEEP = 1U << 2,

    ICC_SRE_SRE = 1U << 0,
    ICC_CTLR_EOIMODE = 1U << 1,
    ICC_IGRPEN1_ENABLE = 1U << 0,

    CPU_MAX = 64,
    WAIT_LIMIT = 1 << 20, /* reads; orders of magnitude above what any GIC takes */
};

#define GICD_CTLR_RWP    (UINT32_C(1) << 31)
#define GICR_TYPER_VLPIS BIT(1)
#define GICR_TYPER_LAST  BIT(4)

/* Names that the assembler knows on any -march. */
#define ICC_PMR_EL1     S3_0_C4_C6_0
#define ICC_DIR_EL1     S3_0_C12_C11_1
#define ICC_SGI1R_EL1   S3_0_C12_C11_5
#define ICC_IAR1_EL1    S3_0_C12_C12_0
#define ICC_EOIR1_EL1   S3_0_C12_C12_1
#define ICC_BPR1_EL1    S3_0_C12_C12_3
#define ICC_CTLR_EL1    S3_0_C12_C12_4
#define ICC_SRE_EL1     S3_0_C12_C12_5
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7

/*
 * Set by gicv3_init() before there is a second CPU; `cpus` only grows, each entry by
 * its own CPU after it has drawn a number from `cpu_count`.
 */
static struct {
    uintptr_t distributor;
    struct irqchip_window regions[IRQCHIP_REDIST_REGIONS_MAX];
    unsigned region_count;
    uint64_t stride; /* 0: as each redistributor's type says */
    unsigned cpu_count;
    struct {
        uint64_t mpidr;
        uintptr_t redistributor; /* 0 until the entry is complete */
    } cpus[CPU_MAX];
} gic;

static void wait_until_clear(uintptr_t reg, uint32_t bits)
{
    for (unsigned i = 0; i < WAIT_LIMIT; i++) {
        if ((mmio_read32(reg) & bits) == 0)
            return;
    }
    panic("GICv3: the register at 0x%016lx never clears 0x%x", reg, bits);
}

/* GICR_TYPER's and IROUTER's packing: Aff3 moves down beside the other three. */
BOOT_ONLY static uint32_t packed_affinity(uint64_t mpidr)
{
    return (uint32_t)(mpidr & BITS(23, 0)) | (mpidr_affinity(mpidr, 3) << 24);
}

/* The redistributor for `affinity` in one region, or 0. */
BOOT_ONLY static uintptr_t region_find(const struct irqchip_window *region, uint32_t affinity)
{
    uint64_t offset = 0;

    while (region->size >= GICR_FRAMES_SIZE && offset <= region->size - GICR_FRAMES_SIZE) {
        const uint64_t type = mmio_read64(region->base + offset + GICR_TYPER);
        const uint64_t own_size =
            (type & GICR_TYPER_VLPIS) != 0 ? GICR_FRAMES_SIZE_V4 : GICR_FRAMES_SIZE;

        if (type >> 32 == affinity)
            return region->base + offset;
        if ((type & GICR_TYPER_LAST) != 0)
            return 0;
        offset += gic.stride != 0 ? gic.stride : own_size;
    }
    return 0;
}

BOOT_ONLY static uintptr_t redistributor_find(uint64_t mpidr)
{
    const uint32_t affinity = packed_affinity(mpidr);

    for (unsigned i = 0; i < gic.region_count; i++) {
        const uintptr_t found = region_find(&gic.regions[i], affinity);

        if (found != 0)
            return found;
    }
    return 0;
}

/* The calling CPU's redistributor, from the table; it is up, so it is in there. */
static uintptr_t own_redistributor(void)
{
    const uint64_t mpidr = cpu_affinity();

    for (unsigned i = 0; i < CPU_MAX; i++) {
        const uintptr_t base = __atomic_load_n(&gic.cpus[i].redistributor, __ATOMIC_ACQUIRE);

        if (base != 0 && gic.cpus[i].mpidr == mpidr)
            return base;
    }
    panic("GICv3: CPU %lx was never initialised", mpidr);
}

BOOT_ONLY static void redistributor_wake(uintptr_t redistributor)
{
    const uintptr_t waker = redistributor + GICR_WAKER;

    mmio_write32(waker, mmio_read32(waker) & ~(uint32_t)GICR_WAKER_PROCESSOR_SLEEP);
    wait_until_clear(waker, GICR_WAKER_CHILDREN_ASLEEP);
}

BOOT_ONLY static void cpu_interface_init(void)
{
    SYSREG_WRITE(ICC_PMR_EL1, GIC_PRIORITY_MASK_OPEN);
    SYSREG_WRITE(ICC_BPR1_EL1, 0);
    SYSREG_WRITE(ICC_CTLR_EL1, ICC_CTLR_EOIMODE);
    SYSREG_WRITE(ICC_IGRPEN1_EL1, ICC_IGRPEN1_ENABLE);
    /* From the next instruction on, with the priorities above. */
    isb();
}

BOOT_ONLY static bool system_registers_enable(void)
{
    if (bits_field(SYSREG_READ(id_aa64pfr0_el1), 24, 4) == 0)
        return false;
    SYSREG_WRITE(ICC_SRE_EL1, SYSREG_READ(ICC_SRE_EL1) | ICC_SRE_SRE);
    /* The other ICC registers exist only after this has taken effect. */
    isb();
    return (SYSREG_READ(ICC_SRE_EL1) & ICC_SRE_SRE) != 0;
}

BOOT_ONLY static enum status gicv3_cpu_init(void)
{
    const uint64_t mpidr = cpu_affinity();
    const uintptr_t redistributor = redistributor_find(mpidr);

    if (redistributor == 0)
        return STATUS_NOT_FOUND;
    if (!system_registers_enable())
        return STATUS_NOT_SUPPORTED;

    const unsigned number = __atomic_fetch_add(&gic.cpu_count, 1, __ATOMIC_RELAXED);
    const uintptr_t frame = redistributor + GICR_SGI_FRAME;

    ASSERT(number < CPU_MAX);
    redistributor_wake(redistributor);
    mmio_write32(frame + GICD_IGROUPR, UINT32_MAX);
    mmio_write32(frame + GICD_IGRPMODR, 0);
    gic_quiesce(frame, 0, IRQ_SPI_FIRST);
    wait_until_clear(redistributor + GICR_CTLR, GICR_CTLR_RWP);
    cpu_interface_init();

    gic.cpus[number].mpidr = mpidr;
    /* Pairs with the acquire in own_redistributor(). */
    __atomic_store_n(&gic.cpus[number].redistributor, redistributor, __ATOMIC_RELEASE);
    return STATUS_OK;
}

static void router_write(uint32_t id, uint64_t mpidr)
{
    mmio_write64(gic.distributor + GICD_IROUTER + 8 * (uintptr_t)id, mpidr & MPIDR_AFFINITY_MASK);
}

BOOT_ONLY static void distributor_init(void)
{
    const uintptr_t control = gic.distributor + GICD_CTLR;

    mmio_write32(control, 0);
    wait_until_clear(control, GICD_CTLR_RWP);

    const uint32_t line_count = gic_line_count(gic.distributor);
    for (uint32_t id = IRQ_SPI_FIRST; id < line_count; id += 32) {
        mmio_write32(gic_bit_word(gic.distributor, GICD_IGROUPR, id), UINT32_MAX);
        mmio_write32(gic_bit_word(gic.distributor, GICD_IGRPMODR, id), 0);
    }
    gic_quiesce(gic.distributor, IRQ_SPI_FIRST, line_count);
    wait_until_clear(control, GICD_CTLR_RWP);

    /* Routing registers exist only while affinity routing is on. */
    mmio_write32(control, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GRP1A);
    wait_until_clear(control, GICD_CTLR_RWP);
    for (uint32_t id = IRQ_SPI_FIRST; id < line_count; id++)
        router_write(id, cpu_affinity());
}

BOOT_ONLY static enum status gicv3_init(const struct irqchip_config *config)
{
    if (config->distributor.size < GICD_SIZE_MIN)
        return STATUS_NOT_SUPPORTED;
    ASSERT(config->redistributor_count <= IRQCHIP_REDIST_REGIONS_MAX);

    gic.distributor = config->distributor.base;
    gic.region_count = config->redistributor_count;
    gic.stride = config->redistributor_stride;
    for (unsigned i = 0; i < gic.region_count; i++)
        gic.regions[i] = config->redistributors[i];
    distributor_init();
    return gicv3_cpu_init();
}

/* In the calling CPU's redistributor or the distributor. */
static uintptr_t gicv3_registers_of(uint32_t id)
{
    return id < IRQ_SPI_FIRST ? own_redistributor() + GICR_SGI_FRAME : gic.distributor;
}

static void gicv3_settle(uint32_t id)
{
    if (id < IRQ_SPI_FIRST)
        wait_until_clear(own_redistributor() + GICR_CTLR, GICR_CTLR_RWP);
    else
        wait_until_clear(gic.distributor + GICD_CTLR, GICD_CTLR_RWP);
}

static void gicv3_route(uint32_t id, uint64_t mpidr)
{
    router_write(id, mpidr);
}

static struct irq_ack gicv3_acknowledge(void)
{
    const uint32_t id = (uint32_t)SYSREG_READ(ICC_IAR1_EL1);

    /* The acknowledge has taken effect before the handler touches the device. */
    dsb_sy();
    return irq_ack_of(id);
}

static void gicv3_drop(struct irq_ack ack)
{
    SYSREG_WRITE(ICC_EOIR1_EL1, ack.raw);
    isb();
}

static void gicv3_deactivate(struct irq_ack ack)
{
    SYSREG_WRITE(ICC_DIR_EL1, ack.raw);
    isb();
}

static void gicv3_forget(uint32_t sgi)
{
    gic_bit_write(gicv3_registers_of(sgi), GICD_ICPENDR, sgi);
}

/* ICC_SGI1R_EL1: the target is Aff3.Aff2.Aff1 and a bit for Aff0 within its range of 16. */
static void gicv3_send(uint32_t sgi, uint64_t mpidr)
{
    const uint64_t aff0 = mpidr_affinity(mpidr, 0);
    const uint64_t aff1 = mpidr_affinity(mpidr, 1);
    const uint64_t aff2 = mpidr_affinity(mpidr, 2);
    const uint64_t aff3 = mpidr_affinity(mpidr, 3);

    /* What the message is about must be visible first; pairs with the receiver's acknowledge. */
    dsb_ishst();
    SYSREG_WRITE(ICC_SGI1R_EL1, (aff3 << 48) | ((aff0 / 16) << 44) | (aff2 << 32)
                                    | ((uint64_t)sgi << 24) | (aff1 << 16) | BIT(aff0 % 16));
    isb();
}

const struct irqchip_ops gicv3_ops = {
    .init = gicv3_init,
    .cpu_init = gicv3_cpu_init,
    .registers_of = gicv3_registers_of,
    .settle = gicv3_settle,
    .route = gicv3_route,
    .acknowledge = gicv3_acknowledge,
    .drop = gicv3_drop,
    .deactivate = gicv3_deactivate,
    .forget = gicv3_forget,
    .send = gicv3_send,
};
