/*
 * Power-on to C.
 *
 * Enters at _head, the first CPU: EL1 or EL2, MMU and data cache off, x0 = physical address of the
 * devicetree, at any 2 MiB-aligned physical address (Linux' arm64 boot protocol,
 * Documentation/arch/arm64/booting).
 * Leaves: EL1, MMU on with the boot tables, kernel_start(devicetree, image, entry level) at the
 * linked address on the boot stack.
 *
 * Enters at secondary_entry, any other CPU: as above, but x0 = physical address of its struct
 * secondary_start (arch/secondary.h).
 * Leaves: EL1, MMU on with the kernel's tables, kernel_on_secondary(cpu) on a stack of its own.
 *
 * Invariants: nothing before the jump uses an absolute address; x19..x22 hold devicetree, image,
 * entry level, and nothing else, or kernel tables, stack and struct cpu.
 *
 * Source: Arm ARM, "Reset and initialization", "System register descriptions".
 */
#include "arch/layout.h"
#include "arch/secondary.h"

#define HCR_EL2_RW              (1 << 31)
#define CNTHCTL_EL2_EL1_COUNTER 3
#define CPTR_EL2_RES1           0x33ff
#define SPSR_EL1H_MASKED        0x3c5
#define ICC_SRE_EL2_ENABLE      0xf
#define CPACR_EL1_TRAP_EL0      0x100000

#define SCTLR_EL1_RES1   0x30500800
#define SCTLR_EL1_M      (1 << 0)
#define SCTLR_EL1_C      (1 << 2)
#define SCTLR_EL1_SA     (1 << 3)
#define SCTLR_EL1_SA0    (1 << 4)
#define SCTLR_EL1_I      (1 << 12)
#define SCTLR_EL1_DZE    (1 << 14)
#define SCTLR_EL1_UCT    (1 << 15)
#define SCTLR_EL1_SPAN   (1 << 23)
#define SCTLR_EL1_OFF    SCTLR_EL1_RES1
#define SCTLR_EL1_ON     (SCTLR_EL1_RES1 | SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_SA | \
                          SCTLR_EL1_SA0 | SCTLR_EL1_I | SCTLR_EL1_DZE | SCTLR_EL1_UCT)

/* T0SZ, T1SZ, 4 KiB granules, inner shareable write-back walks; IPS and AS come at run time. */
#define TCR_EL1_BASE     ((64 - SHARED_SPACE_BITS) | ((64 - KERNEL_SPACE_BITS) << 16) | \
                          (1 << 8) | (1 << 10) | (3 << 12) | \
                          (1 << 24) | (1 << 26) | (3 << 28) | (2 << 30))
#define TCR_EL1_AS_BIT   36
#define TCR_EL1_IPS_BIT  32

        .section .text.head, "ax"
        .global _head
_head:
        b       start
        .long   0
        .quad   0                       /* text offset: anywhere 2 MiB-aligned */
        .quad   __image_end - _head     /* tools/pack puts the whole file's size here */
        .quad   0xa                     /* little-endian, 4 KiB pages, any RAM */
        .quad   0
        .quad   0
        .quad   0
        .ascii  "ARM\x64"
        .long   0

        .section .text.boot, "ax"
start:
        msr     daifset, #15
        mov     x19, x0
        adrp    x20, _head
        mrs     x21, CurrentEL
        lsr     x21, x21, #2
        bl      el1_enter
        adrp    x0, boot_stack_top
        mov     sp, x0
        mov     x29, xzr
        mov     x30, xzr
        adr     x0, boot_vectors
        msr     vbar_el1, x0
        isb

        mov     x0, x19
        mov     x1, x21
        bl      boot_greet
        mov     x0, x20
        mov     x1, x19
        bl      boot_tables_fill
        adrp    x0, boot_table_kernel
        bl      mmu_enable
        ldr     x0, =kernel_entry
        br      x0

/* Before the kernel's own: when the tree names a console where nothing is, no word can be said. */
        .balign 2048
boot_vectors:
        .rept   16
        wfi
        b       . - 4
        .balign 128
        .endr

        .global secondary_entry
secondary_entry:
        msr     daifset, #15
        ldp     x19, x20, [x0, #SECONDARY_KERNEL_TABLE]
        ldr     x21, [x0, #SECONDARY_CPU]
        bl      el1_enter
        mov     x0, x19
        bl      mmu_enable
        ldr     x0, =secondary_continue
        br      x0

/* Return at EL1, with the MMU off. */
el1_enter:
        mrs     x0, CurrentEL
        cmp     x0, #(2 << 2)
        b.ne    at_el1

        /* EL2 lends EL1 everything and steps aside. */
        mov     x0, #HCR_EL2_RW
        msr     hcr_el2, x0
        mrs     x0, cnthctl_el2
        orr     x0, x0, #CNTHCTL_EL2_EL1_COUNTER
        msr     cnthctl_el2, x0
        msr     cntvoff_el2, xzr
        mov     x0, #CPTR_EL2_RES1
        msr     cptr_el2, x0
        msr     hstr_el2, xzr
        msr     vttbr_el2, xzr
        mrs     x0, midr_el1
        msr     vpidr_el2, x0
        mrs     x0, mpidr_el1
        msr     vmpidr_el2, x0
        mrs     x0, id_aa64dfr0_el1
        ubfx    x0, x0, #8, #4          /* PMUVer */
        cbz     x0, 1f
        mrs     x0, pmcr_el0
        ubfx    x0, x0, #11, #5         /* MDCR_EL2.HPMN: all counters to EL1 */
        msr     mdcr_el2, x0
1:      mrs     x0, id_aa64pfr0_el1
        ubfx    x0, x0, #24, #4         /* GIC system registers */
        cbz     x0, 2f
        mrs     x0, s3_4_c12_c9_5       /* ICC_SRE_EL2 */
        orr     x0, x0, #ICC_SRE_EL2_ENABLE
        msr     s3_4_c12_c9_5, x0
        isb
        msr     s3_4_c12_c11_0, xzr     /* ICH_HCR_EL2 */
2:      ldr     x0, =SCTLR_EL1_OFF
        msr     sctlr_el1, x0
        mov     x0, #SPSR_EL1H_MASKED
        msr     spsr_el2, x0
        adr     x0, at_el1
        msr     elr_el2, x0
        eret

at_el1:
        ldr     x0, =SCTLR_EL1_OFF
        msr     sctlr_el1, x0
        isb
        ret

/* Switch the MMU on with the identity map below and, above, the tables at x0; return there. */
mmu_enable:
        msr     ttbr1_el1, x0
        adrp    x0, boot_table_identity
        msr     ttbr0_el1, x0
        ldr     x0, =MAIR_VALUE
        msr     mair_el1, x0
        ldr     x0, =TCR_EL1_BASE
        mrs     x1, id_aa64mmfr0_el1
        and     x2, x1, #0xf            /* PARange; 6 and more mean over 48 bits, we use 48 */
        mov     x3, #5
        cmp     x2, x3
        csel    x2, x2, x3, lo
        orr     x0, x0, x2, lsl #TCR_EL1_IPS_BIT
        ubfx    x1, x1, #4, #4          /* ASIDBits: 2 means 16 */
        lsr     x1, x1, #1
        orr     x0, x0, x1, lsl #TCR_EL1_AS_BIT
        msr     tcr_el1, x0
        mov     x0, #CPACR_EL1_TRAP_EL0
        msr     cpacr_el1, x0
        msr     mdscr_el1, xzr
        isb
        tlbi    vmalle1
        ic      iallu
        dsb     nsh                     /* pairs with the two before it */
        isb
        ldr     x0, =SCTLR_EL1_ON
        mrs     x1, id_aa64mmfr1_el1
        ubfx    x1, x1, #20, #4         /* PAN: with it, every exception sets PSTATE.PAN */
        cbnz    x1, 3f
        orr     x0, x0, #SCTLR_EL1_SPAN
3:      msr     sctlr_el1, x0
        isb
        ret

kernel_entry:
        ldr     x0, =boot_stack_top
        mov     sp, x0
        ldr     x0, =exception_vectors
        msr     vbar_el1, x0
        isb
        mov     x0, x19
        mov     x1, x20
        mov     x2, x21
        bl      kernel_start
        b       .

secondary_continue:
        mov     sp, x20
        mov     x29, xzr
        mov     x30, xzr
        ldr     x0, =exception_vectors
        msr     vbar_el1, x0
        isb
        mov     x0, x21
        bl      kernel_on_secondary
        b       .

        .section .bss
        .balign 4096
        .global boot_stack_guard
boot_stack_guard:
        .skip   KERNEL_STACK_GUARD_BYTES
        .skip   KERNEL_STACK_BYTES
        .global boot_stack_top
boot_stack_top:
