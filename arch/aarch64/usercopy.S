/*
 * The checked copy's loads and stores (arch/usercopy.h).
 *
 * Enters: kernel C, EL1, any view.  An abort whose ELR lies between usercopy_begin and usercopy_end
 * resumes at usercopy_failed (trap.c); nothing has been pushed, so returning from there is enough.
 *
 * Source: Arm ARM, "LDTR", "STTR".
 */
        .text
        .global usercopy_begin
        .global usercopy_end
        .global usercopy_failed
        .global usercopy_raw_from
        .global usercopy_raw_to
        .global usercopy_raw_load32
        .global usercopy_raw_load64
        .balign 16
usercopy_begin:

/* bool usercopy_raw_from(void *to, uaddr_t from, size_t size) */
usercopy_raw_from:
        subs    x2, x2, #8
        b.lo    2f
1:      ldtr    x3, [x1]
        str     x3, [x0], #8
        add     x1, x1, #8
        subs    x2, x2, #8
        b.hs    1b
2:      adds    x2, x2, #8
        b.eq    4f
3:      ldtrb   w3, [x1]
        strb    w3, [x0], #1
        add     x1, x1, #1
        subs    x2, x2, #1
        b.ne    3b
4:      mov     w0, #1
        ret

/* bool usercopy_raw_to(uaddr_t to, const void *from, size_t size) */
usercopy_raw_to:
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
4:      mov     w0, #1
        ret

/* bool usercopy_raw_load32(uint32_t *to, uaddr_t from) */
usercopy_raw_load32:
        ldtr    w3, [x1]
        str     w3, [x0]
        mov     w0, #1
        ret

/* bool usercopy_raw_load64(uint64_t *to, uaddr_t from) */
usercopy_raw_load64:
        ldtr    x3, [x1]
        str     x3, [x0]
        mov     w0, #1
        ret
usercopy_end:

usercopy_failed:
        mov     w0, #0
        ret
