#include "attack.h"

void attack_read(const struct birth *birth)
{
    uint64_t value;

    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(birth->argument[0]) : "memory");
    birth->board->word[0] = value;
}

void attack_write(const struct birth *birth)
{
    __asm__ volatile("str xzr, [%0]" : : "r"(birth->argument[0]) : "memory");
}

void attack_execute(const struct birth *birth)
{
    __asm__ volatile("blr %0" : : "r"(birth->argument[0]) : "x30", "memory");
}

void attack_nothing(const struct birth *birth)
{
    (void)birth;
}

void attack_unaligned_pc(const struct birth *birth)
{
    __asm__ volatile("blr %0" : : "r"(birth->argument[0] | 2) : "x30", "memory");
}

void attack_unaligned_sp(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("mov x1, sp\n\t"
                     "sub x1, x1, #8\n\t"
                     "mov sp, x1\n\t"
                     "ldr x2, [sp]"
                     :
                     :
                     : "x1", "x2", "memory");
}

/* Across 16 bytes: FEAT_LSE2 allows what stays within. */
void attack_unaligned_exclusive(const struct birth *birth)
{
    __asm__ volatile("ldxr x1, [%0]" : : "r"((uintptr_t)birth->board + 9) : "x1", "memory");
}

void attack_undefined(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("udf #0");
}

void attack_breakpoint(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("brk #7");
}

void attack_wait_for_interrupt(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("wfi");
}

void attack_read_system_register(const struct birth *birth)
{
    uint64_t value;

    __asm__ volatile("mrs %0, ttbr0_el1" : "=r"(value));
    birth->board->word[0] = value;
}

void attack_mask_interrupts(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("msr daifset, #2");
}

void attack_hypervisor_call(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("hvc #0" : : : "x0", "x1", "x2", "x3", "memory");
}

void attack_portal_return(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("svc #1");
}

void attack_portal_return_with(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("svc #4");
}

void attack_unknown_svc(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("svc #77");
}

/* Deeper than any stack; the value that comes back is of no use to anybody. */
static uint64_t recursion(uint64_t depth, volatile uint64_t *above)
{
    volatile uint64_t here[64];

    here[0] = depth + *above;
    if (depth == UINT32_MAX)
        return here[0];
    return recursion(depth + 1, here) + here[1];
}

void attack_recursion(const struct birth *birth)
{
    volatile uint64_t start = birth->argument[0];

    birth->board->word[0] = recursion(0, &start);
}

void attack_null_call(const struct birth *birth)
{
    (void)birth;
    (void)system_null();
}

void attack_divide_by_zero(const struct birth *birth)
{
    uint64_t value;

    __asm__ volatile("udiv %0, %1, xzr" : "=r"(value) : "r"(birth->argument[0]));
    birth->board->word[0] = value + 1;
}

void attack_registers(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("mov x9, #0x909\n\t"
                     "mov x10, #0xa0a\n\t"
                     "mov x17, #0x1717\n\t"
                     "mov x28, #0x2828\n\t"
                     "udf #0"
                     :
                     :
                     : "x9", "x10", "x17", "x28");
}
