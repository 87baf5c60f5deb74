/*
 * A machine for the kernel's logic: RAM in the direct map, and a TLB that writes down what it
 * is told to forget.
 *
 * Files of domains/ and core/ are compiled as they ship, with tests/host/fake_arch before the
 * other include folders; arch/tlb.h, arch/zero.h and the switch
 * of views are implemented here.
 */
#pragma once

#include "abi/types.h"

#include <stdbool.h>

/* RAM at physical [low, high), zeroed, whatever was there before; costs only what is touched. */
void fake_ram_map(paddr_t low, paddr_t high);

enum fake_tlb_kind {
    FAKE_TLB_PUBLISH,
    FAKE_TLB_PAGES,
    FAKE_TLB_ASID,
};

struct fake_tlb_event {
    enum fake_tlb_kind kind;
    asid_t asid;
    uaddr_t address;
    uint64_t pages;
};

enum { FAKE_TLB_EVENTS_MAX = 256 };

/* What the TLB was told since fake_tlb_reset(), oldest first. */
struct fake_tlb {
    struct fake_tlb_event events[FAKE_TLB_EVENTS_MAX];
    unsigned count;
    /* Called at each event, unless NULL: to see what the tables say at that moment. */
    void (*on_event)(const struct fake_tlb_event *event);
};

extern struct fake_tlb fake_tlb;

void fake_tlb_reset(void);

/* TTBR0_EL1 of the machine's one CPU, as mmu_switch() and mmu_leave() left it; 0: no view. */
extern uint64_t fake_ttbr;
