/*
 * Walk: a view's tables from the root down, as the hardware reads them.
 *
 * It starts with the physical address in TTBR0_EL1's place and believes nothing but descriptors.
 * Hierarchical attributes add up on the way down and are handed on with each table.
 *
 * A root entry with attributes leads to tables of a segment's own, shared by all views (a segment
 * of a gigabyte and more).  Of their 512 slots the first and two others, by chance, are visited.
 */
#pragma once

#include "arch/pagetable.h"
#include "domains/domain.h"

/* A valid entry of level 1 or 2. */
struct walk_step {
    const struct domain *domain;
    uaddr_t address; /* the first that it translates */
    unsigned level;
    bool is_shared;     /* level 2: the table that holds it is a segment's */
    pte_t entry;        /* what the hardware reads of it, without bits that it ignores */
    pte_t limits;       /* the attributes (PTE_*_TABLE) of this entry and those above */
    const pte_t *below; /* the table it leads to; NULL: it is a block */
};

typedef void walk_step_fn(const struct walk_step *step, void *context);

void walk_view(const struct domain *domain, walk_step_fn *on_step, void *context);

/* Any number below `bound`, another each time: what is not looked at now is looked at later. */
unsigned walk_chance(unsigned bound);

/* What EL0 may do by a leaf (page or block) below `limits`. */
rights_t walk_rights(pte_t limits, pte_t leaf);

/* Which of a table's entries are valid, a bit each. */
struct walk_valid {
    uint64_t bits[TABLE_ENTRIES / 64];
};
void walk_find_valid(const pte_t *table, struct walk_valid *out);
