/*
 * GICv2: one distributor, and a CPU interface that every CPU sees at one address.
 *
 * CPUs are named by the number of their interface, 0 to 7, which only the CPU itself
 * can find out: it reads back which CPU its private interrupts target.  Each CPU
 * notes that here when it comes up.
 *
 * Interrupts stay in the group that the firmware put them in: in the non-secure view
 * all that we can see are group 1, without security extensions all are group 0, and
 * bit 0 of the two control registers enables the one that is ours.
 * Source: Arm IHI 0048B.
 */
#include "arch/cpu.h"
#include "gic_registers.h"
#include "irqchip_ops.h"

enum {
    GICD_ITARGETSR = 0x800, /* 1 byte each: a bit per CPU interface */
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10, /* 1 byte each: a bit per sender; writing 1 clears */
    GICD_SIZE_MIN = 0x1000,

    GICC_CTLR = 0x0000,
    GICC_PMR = 0x0004,
    GICC_BPR = 0x0008,
    GICC_IAR = 0x000c,
    GICC_EOIR = 0x0010,
    GICC_DIR = 0x1000,
    GICC_SIZE_MIN = 0x1004, /* some interfaces end before DIR: they cannot split EOI */

    ENABLE = 1U << 0,
    GICC_CTLR_EOIMODE_NS = 1U << 9,
    IAR_ID_MASK = 0x3ff,
    SGIR_TARGETS_SHIFT = 16,

    CPU_MAX = 8,
};

/*
 * Set by gicv2_init() before there is a second CPU; `cpus` only grows, each entry by
 * its own CPU, and an entry is complete before its `targets` becomes non-zero.
 */
static struct {
    uintptr_t distributor;
    uintptr_t cpu_interface;
    struct {
        uint64_t mpidr;
        uint8_t targets; /* this CPU's bit in ITARGETSR; 0 while it is down */
    } cpus[CPU_MAX];
} gic;

/* The calling CPU's bit in ITARGETSR.  A single-CPU GIC reads as 0: there is only one. */
BOOT_ONLY static uint8_t own_targets(void)
{
    for (uint32_t id = 0; id < IRQ_SPI_FIRST; id += 4) {
        const uint32_t word = mmio_read32(gic.distributor + GICD_ITARGETSR + id);

        for (unsigned byte = 0; byte < 4; byte++) {
            const uint8_t targets = (uint8_t)(word >> (8 * byte));

            if (targets != 0)
                return targets;
        }
    }
    return 1;
}

/* The interface bit of the CPU named `mpidr`; 0 if that CPU is not up. */
static uint8_t targets_of(uint64_t mpidr)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        const uint8_t targets = __atomic_load_n(&gic.cpus[i].targets, __ATOMIC_ACQUIRE);

        if (targets != 0 && gic.cpus[i].mpidr == mpidr)
            return targets;
    }
    return 0;
}

BOOT_ONLY static enum status gicv2_cpu_init(void)
{
    const uint8_t targets = own_targets();
    const unsigned number = bits_trailing_zeros(targets);

    gic_quiesce(gic.distributor, 0, IRQ_SPI_FIRST);
    mmio_write32(gic.cpu_interface + GICC_PMR, GIC_PRIORITY_MASK_OPEN);
    mmio_write32(gic.cpu_interface + GICC_BPR, 0);
    mmio_write32(gic.cpu_interface + GICC_CTLR, ENABLE | GICC_CTLR_EOIMODE_NS);

    gic.cpus[number].mpidr = cpu_affinity();
    /* Pairs with the acquire in targets_of(). */
    __atomic_store_n(&gic.cpus[number].targets, targets, __ATOMIC_RELEASE);
    return STATUS_OK;
}

BOOT_ONLY static enum status gicv2_init(const struct irqchip_config *config)
{
    if (config->distributor.size < GICD_SIZE_MIN || config->cpu_interface.size < GICC_SIZE_MIN)
        return STATUS_NOT_SUPPORTED;

    gic.distributor = config->distributor.base;
    gic.cpu_interface = config->cpu_interface.base;
    mmio_write32(gic.distributor + GICD_CTLR, 0);

    const uint32_t line_count = gic_line_count(gic.distributor);
    gic_quiesce(gic.distributor, IRQ_SPI_FIRST, line_count);

    const uint32_t targets = own_targets() * UINT32_C(0x01010101);

    for (uint32_t id = IRQ_SPI_FIRST; id < line_count; id += 4)
        mmio_write32(gic.distributor + GICD_ITARGETSR + id, targets);
    mmio_write32(gic.distributor + GICD_CTLR, ENABLE);
    return gicv2_cpu_init();
}

static uintptr_t gicv2_registers_of(uint32_t id)
{
    (void)id;
    return gic.distributor;
}

/* Reading makes sure that what was written has arrived: device accesses stay in order. */
static void gicv2_settle(uint32_t id)
{
    (void)id;
    (void)mmio_read32(gic.distributor + GICD_CTLR);
}

static void gicv2_route(uint32_t id, uint64_t mpidr)
{
    const uint8_t targets = targets_of(mpidr);

    if (targets != 0)
        mmio_write8(gic.distributor + GICD_ITARGETSR + id, targets);
}

static struct irq_ack gicv2_acknowledge(void)
{
    const uint32_t raw = mmio_read32(gic.cpu_interface + GICC_IAR);

    return (struct irq_ack){.id = raw & IAR_ID_MASK, .raw = raw};
}

static void gicv2_drop(struct irq_ack ack)
{
    mmio_write32(gic.cpu_interface + GICC_EOIR, ack.raw);
}

/* Not every GICC_DIR finds an SPI that another CPU's interface has acknowledged; this does. */
static void gicv2_deactivate(struct irq_ack ack)
{
    if (ack.id >= IRQ_SPI_FIRST)
        gic_bit_write(gic.distributor, GICD_ICACTIVER, ack.id);
    else
        mmio_write32(gic.cpu_interface + GICC_DIR, ack.raw);
}

/* A byte for each message, a bit in it for each sender. */
static void gicv2_forget(uint32_t sgi)
{
    mmio_write8(gic.distributor + GICD_CPENDSGIR + sgi, UINT8_MAX);
}

static void gicv2_send(uint32_t sgi, uint64_t mpidr)
{
    /* What the message is about must be visible first; pairs with the receiver's acknowledge. */
    dsb_ishst();
    mmio_write32(gic.distributor + GICD_SGIR,
                 ((uint32_t)targets_of(mpidr) << SGIR_TARGETS_SHIFT) | sgi);
}

const struct irqchip_ops gicv2_ops = {
    .init = gicv2_init,
    .cpu_init = gicv2_cpu_init,
    .registers_of = gicv2_registers_of,
    .settle = gicv2_settle,
    .route = gicv2_route,
    .acknowledge = gicv2_acknowledge,
    .drop = gicv2_drop,
    .deactivate = gicv2_deactivate,
    .forget = gicv2_forget,
    .send = gicv2_send,
};
