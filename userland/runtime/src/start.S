/*
 * The first instructions of a program.
 *
 * Entered at EL0 with x0 = address of struct startup, sp = top of the first thread's stack, all
 * other registers zero.  Text is mapped read-execute, data holds its link-time image.  Before any C
 * that uses a pointer constant may run, the R_AARCH64_RELATIVE relocations between __rela_start and
 * __rela_end (program.ld) get the load address added; they lie in writable data only, the linker
 * is told to refuse others (-z text).
 *
 * Source: ELF for the Arm 64-bit Architecture, "Dynamic relocations".
 */

/* _Noreturn void _start(const struct startup *startup); */
        .section .crt0, "ax", %progbits
        .global _start
        .type   _start, %function
_start:
        mov     x29, xzr                /* backtraces end here */
        mov     x30, xzr
        adrp    x1, __text_start        /* the load address */
        add     x1, x1, :lo12:__text_start
        adrp    x2, __rela_start
        add     x2, x2, :lo12:__rela_start
        adrp    x3, __rela_end
        add     x3, x3, :lo12:__rela_end
1:      cmp     x2, x3
        b.hs    2f
        ldp     x4, x5, [x2], #8        /* r_offset, r_info */
        ldr     x6, [x2, #8]            /* r_addend */
        add     x2, x2, #16
        cmp     w5, #1027               /* R_AARCH64_RELATIVE; R_AARCH64_NONE is passed over */
        b.ne    1b
        add     x6, x6, x1
        str     x6, [x1, x4]
        b       1b
2:      b       start_program
        .size   _start, . - _start

/* void thread_entry(struct thread_start *): the first instructions of a thread; see thread.c. */
        .text
        .global thread_entry
        .type   thread_entry, %function
thread_entry:
        mov     x29, xzr
        mov     x30, xzr
        b       thread_begin
        .size   thread_entry, . - thread_entry
