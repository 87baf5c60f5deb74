/*
 * The checked copy's loads and stores (arch/usercopy.h).
 *
 * Enters: kernel C, EL1, any view.  An abort whose ELR lies between usercopy_begin and usercopy_end
 * resumes at usercopy_failed (vectors.S); nothing has been pushed, so returning from there is
 * enough.  It has overwritten the user's ELR_EL1 and SPSR_EL1, which a fast system call still has
 * only there: each copy keeps them in x4 and x5.
 *
 * Source: Arm ARM, "LDTR", "STTR".
 */
#define STATUS_BAD_ADDRESS_NUMBER 5     /* asserted in usercopy.c, as is that OK is 0 */

        .text
        .global usercopy_begin
        .global usercopy_end
        .global usercopy_failed
        .global usercopy_raw_from
        .global usercopy_raw_to

.macro keep_return_state
        mrs     x4, elr_el1
        mrs     x5, spsr_el1
.endm

usercopy_begin:

/*
 * enum status usercopy_raw_from(void *to, uaddr_t from, size_t size)
 *
 * Aligned words of 8 and 4 bytes are read at once.
 */
usercopy_raw_from:
        keep_return_state
        subs    x2, x2, #8
        b.lo    2f
1:      ldtr    x3, [x1]
        str     x3, [x0], #8
        add     x1, x1, #8
        subs    x2, x2, #8
        b.hs    1b
2:      tbz     x2, #2, 3f
        ldtr    w3, [x1]
        str     w3, [x0], #4
        add     x1, x1, #4
3:      ands    x2, x2, #3
        b.eq    5f
4:      ldtrb   w3, [x1]
        strb    w3, [x0], #1
        add     x1, x1, #1
        subs    x2, x2, #1
        b.ne    4b
5:      mov     w0, #0                  /* STATUS_OK */
        ret

/* enum status usercopy_raw_to(uaddr_t to, const void *from, size_t size) */
usercopy_raw_to:
        keep_return_state
        subs    x2, x2, #8
        b.lo    2f
1:      ldr     x3, [x1], #8
        sttr    x3, [x0]
        add     x0, x0, #8
        subs    x2, x2, #8
        b.hs    1b
2:      adds    x2, x2, #8
        b.eq    4f
3:      ldrb    w3, [x1], #1
        sttrb   w3, [x0]
        add     x0, x0, #1
        subs    x2, x2, #1
        b.ne    3b
4:      mov     w0, #0
        ret
usercopy_end:

usercopy_failed:
        msr     elr_el1, x4
        msr     spsr_el1, x5
        mov     w0, #STATUS_BAD_ADDRESS_NUMBER
        ret
