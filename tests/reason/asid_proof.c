/*
 * ASIDs: one call from any state that the invariant allows leads to such a state again, however
 * many ASIDs the CPU has.  With the first proof this holds after any number of calls.
 *
 * The invariant is that of asid.c: who has an ASID is its owner, and what the TLB holds under an
 * ASID is its owner's.  The TLB here is watched at one ASID, any; a CPU fills it under the view
 * that it runs whenever it may, that is, at every call into what lies below.
 *
 * Bounds: 4 domains; up to 2 of them run on other CPUs.
 */
// proof: prove_init --unwind 5
// proof: prove_assign --unwind 5 --unwindset asid_assign.0:4
// proof: prove_release --unwind 5
#include "domains/asid.c"
#include "domains/variant/unchecked/audit.c"

#include "reason.h"

enum { DOMAINS = 4, PINNED_MAX = 2, NOBODY = DOMAINS };

static struct domain domains[DOMAINS];
static bool is_running_elsewhere[DOMAINS];
static uint32_t running; /* on the calling CPU; NOBODY: no view */

static asid_t watched;
static uint32_t filled_by; /* whose entries the TLB may hold under `watched` */

static uint32_t number_of(const struct domain *domain)
{
    for (uint32_t i = 0; i < DOMAINS; i++)
        if (domain == &domains[i])
            return i;
    return NOBODY;
}

static bool is_pinned(const struct domain *domain)
{
    const uint32_t i = number_of(domain);

    return i != NOBODY && is_running_elsewhere[i];
}

/* --- what lies below --- */

static uint64_t ttbr; /* of the calling CPU */

/* Table walks, wanted or not: under the view of this CPU, and those of the others. */
static void tlb_fill(void)
{
    const uint32_t i = any_below(DOMAINS);
    const bool runs = i == running || is_running_elsewhere[i];
    const uint64_t under = i == running ? ttbr : domains[i].cross.ttbr;

    if (!runs || under == 0 || under >> 48 != watched)
        return;
    CLAIM(filled_by == NOBODY || filled_by == i, "the TLB never mixes two domains");
    filled_by = i;
}

void tlb_invalidate_asid(asid_t asid)
{
    tlb_fill();
    if (asid == watched)
        filled_by = NOBODY;
    tlb_fill();
}

void mmu_leave(uint64_t value)
{
    tlb_fill();
    if (ttbr == value)
        ttbr = 0;
    tlb_fill();
}

/* --- any state --- */

static void any_start(void)
{
    uint32_t pinned_count = 0;

    asid_count = 2 + any_below(ASID_COUNT_MAX - 1);
    next = 1 + any_below(asid_count - 1);
    asids_set_pinned(is_pinned);
    running = NOBODY;
    ttbr = 0;
    watched = (asid_t)(1 + any_below(asid_count - 1));
    filled_by = NOBODY;
    for (uint32_t i = 0; i < DOMAINS; i++) {
        domains[i].root = (pte_t *)(uintptr_t)((i + 1) * UINT64_C(4096));
        domains[i].cross.ttbr = 0;
        is_running_elsewhere[i] = false;
    }
    for (uint32_t i = 0; i < DOMAINS; i++) {
        const uint32_t asid = any_below(asid_count);
        if (asid == 0)
            continue;
        ASSUME(owners[asid] == NULL);
        owners[asid] = &domains[i];
        domains[i].cross.ttbr = mmu_ttbr(direct_map_physical(domains[i].root), (asid_t)asid);
        is_running_elsewhere[i] = nondet_bool();
        pinned_count += is_running_elsewhere[i];
    }
    /* A CPU more than run something: there is an ASID that nobody runs under. */
    ASSUME(pinned_count <= PINNED_MAX && pinned_count < asid_count - 1);
    totals.in_use = 0;
    for (uint32_t i = 0; i < DOMAINS; i++)
        totals.in_use += domains[i].cross.ttbr != 0;
    if (nondet_bool()) {
        running = any_below(DOMAINS);
        ttbr = domains[running].cross.ttbr;
    }
    tlb_fill();
}

/* --- what is claimed after every call --- */

static void claim_invariant(void)
{
    const asid_t asid = (asid_t)any_below(asid_count);
    const uint32_t i = any_below(DOMAINS), j = any_below(DOMAINS);
    uint32_t in_use = 0;

    tlb_fill();
    for (uint32_t k = 0; k < DOMAINS; k++)
        in_use += asid_of(&domains[k]) != 0;
    CLAIM(i == j || asid_of(&domains[i]) == 0 || asid_of(&domains[i]) != asid_of(&domains[j]),
          "no two domains share an ASID");
    CLAIM(asid_of(&domains[i]) < asid_count, "an ASID is one that the CPU has");
    CLAIM(asid_of(&domains[i]) == 0 || owners[asid_of(&domains[i])] == &domains[i],
          "who has an ASID is its owner");
    CLAIM(owners[asid] == NULL || (asid != 0 && asid_of(owners[asid]) == asid),
          "who owns an ASID has it");
    CLAIM(filled_by == NOBODY || owners[watched] == &domains[filled_by],
          "the TLB holds only what is the owner's");
    CLAIM(ttbr == 0 || ttbr == domains[running].cross.ttbr, "no CPU runs under a lost ASID");
    CLAIM(totals.in_use == in_use, "the totals are right");
    CLAIM(next >= 1 && next < asid_count, "the next one is one that the CPU has");
}

static void claim_others_keep(const uint64_t *before, uint32_t but)
{
    for (uint32_t i = 0; i < DOMAINS; i++) {
        CLAIM(i == but || !is_running_elsewhere[i] || domains[i].cross.ttbr == before[i],
              "a running domain keeps its ASID");
        CLAIM(i == but || domains[i].cross.ttbr == before[i] || domains[i].cross.ttbr == 0,
              "a domain keeps its ASID or loses it");
    }
}

static void remember(uint64_t *before)
{
    for (uint32_t i = 0; i < DOMAINS; i++)
        before[i] = domains[i].cross.ttbr;
}

/* --- the proofs --- */

void prove_init(void)
{
    const uint32_t count = 2 + any_below(ASID_COUNT_MAX - 1);

    asids_init(count);
    running = NOBODY;
    filled_by = NOBODY;
    watched = (asid_t)(1 + any_below(count - 1));
    claim_invariant();
}

void prove_assign(void)
{
    uint64_t before[DOMAINS];

    any_start();
    remember(before);
    const uint32_t i = 0;
    asid_assign(&domains[i]);
    const asid_t asid = asid_of(&domains[i]);
    running = i; /* the CPU enters it */
    ttbr = domains[i].cross.ttbr;
    claim_invariant();
    claim_others_keep(before, i);
    CLAIM(asid != 0, "the domain has an ASID");
    CLAIM(domains[i].cross.ttbr == ((uintptr_t)domains[i].root | (uint64_t)asid << 48),
          "the TTBR value is its root and its ASID");
    CLAIM(before[i] == 0 || domains[i].cross.ttbr == before[i], "who has an ASID keeps it");
}

void prove_release(void)
{
    uint64_t before[DOMAINS];

    any_start();
    remember(before);
    const uint32_t i = 0;
    ASSUME(!is_running_elsewhere[i]);
    asid_release(&domains[i]);
    claim_invariant();
    claim_others_keep(before, i);
    CLAIM(domains[i].cross.ttbr == 0, "a released domain has no ASID");
}
