/*
 * Descriptors: what a view's narrowed entry lets EL0 do, for every word that a table may hold and
 * every set of rights.
 *
 * The hardware's walk is written here from the manual by bit numbers; nothing in it uses the
 * names that the kernel gives them.
 *
 * Bounds: none.  Inputs are 64-bit words and 32-bit sets of rights, all of them.
 *
 * Source: Arm ARM, "VMSAv8-64 translation table format descriptors", "Hierarchical control of data
 * access permissions".
 */
// proof: prove_narrow
// proof: prove_leaf
// proof: prove_rights
#include "arch/pagetable.h"

#include "reason.h"

enum { MAY_READ = 1, MAY_WRITE = 2, MAY_EXECUTE = 4, KERNEL_MAY_EXECUTE = 8 };

static const rights_t W_AND_X = RIGHT_WRITE | RIGHT_EXECUTE;
static const uint64_t FRAMES = UINT64_C(0x0000fffffffff000); /* 48 bits of addresses, by 4 KiB */
static const uint64_t BLOCKS = UINT64_C(0x0000ffffffe00000); /* and by 2 MiB */
static const uint64_t PERMISSIONS =
    UINT64_C(3) << 6 | UINT64_C(3) << 53 | UINT64_C(15) << 59; /* of a leaf, of a table */

static bool bit(uint64_t word, unsigned n)
{
    return (word >> n & 1) != 0;
}

/* What the hardware allows below `above`, an entry of level 1 or 2, if it leads to `leaf`. */
static unsigned walk(uint64_t above, uint64_t leaf, bool is_leaf_a_page)
{
    bool el0 = true, write = true, execute = true, kernel_execute = true;
    unsigned allowed = 0;

    if (!bit(above, 0))
        return 0;
    if (bit(above, 1)) { /* a table: it takes away from what is below */
        el0 = !bit(above, 61);
        write = !bit(above, 62);
        execute = !bit(above, 60);
        kernel_execute = !bit(above, 59);
        if (bit(leaf, 1) != is_leaf_a_page)
            return 0; /* at level 3 a reserved word, at level 2 no leaf */
    } else {
        leaf = above;
    }
    if (!bit(leaf, 0))
        return 0;
    if (el0 && bit(leaf, 6)) {
        allowed |= MAY_READ;
        if (write && !bit(leaf, 7))
            allowed |= MAY_WRITE;
    }
    if (execute && !bit(leaf, 54))
        allowed |= MAY_EXECUTE;
    if (kernel_execute && !bit(leaf, 53))
        allowed |= KERNEL_MAY_EXECUTE;
    return allowed;
}

static unsigned allowed_by(rights_t rights)
{
    unsigned allowed = 0;

    allowed |= (rights & RIGHT_READ) != 0 ? MAY_READ : 0;
    allowed |= (rights & RIGHT_WRITE) != 0 ? MAY_WRITE : 0;
    allowed |= (rights & RIGHT_EXECUTE) != 0 ? MAY_EXECUTE : 0;
    return allowed;
}

/* Whatever stands in the tables. */
void prove_narrow(void)
{
    const pte_t entry = nondet_u64(), leaf = nondet_u64();
    const rights_t rights = nondet_u32(), more = nondet_u32();
    const bool is_page = nondet_bool();
    const pte_t narrowed = pte_narrow(entry, rights);
    const unsigned before = walk(entry, leaf, is_page), after = walk(narrowed, leaf, is_page);

    CLAIM((after & ~before) == 0, "narrowing adds nothing");
    CLAIM((after & ~allowed_by(rights) & ~(unsigned)KERNEL_MAY_EXECUTE) == 0,
          "a view has no more than its rights");
    CLAIM((rights & RIGHT_READ) != 0 || narrowed == 0, "without READ there is no access at all");
    CLAIM(narrowed == 0 || ((narrowed ^ entry) & ~PERMISSIONS) == 0,
          "narrowing changes permissions only");
    CLAIM(narrowed == 0 || pte_address(narrowed) == pte_address(entry),
          "a narrowed entry leads to the same place");
    CLAIM(pte_narrow(narrowed, more) == pte_narrow(entry, rights & more),
          "narrowing twice is narrowing to both");
    CLAIM(!pte_is_table(narrowed) || (after & KERNEL_MAY_EXECUTE) == 0,
          "the kernel executes nothing below a view's table");
}

/* What the kernel writes: leaves as segments make them, narrowed by views. */
void prove_leaf(void)
{
    const paddr_t address = nondet_u64(), table = nondet_u64();
    const rights_t widest = nondet_u32(), rights = nondet_u32();
    const bool is_device = nondet_bool(), is_page = nondet_bool(), is_below_table = nondet_bool();

    ASSUME((address & ~FRAMES) == 0 && (table & ~FRAMES) == 0);
    ASSUME(is_page ? is_below_table : (address & ~BLOCKS) == 0);
    ASSUME((widest & RIGHT_READ) != 0 && (widest & W_AND_X) != W_AND_X); /* segment_create() */
    const pte_t leaf = pte_leaf(address, widest, is_device, is_page ? 3 : 2);
    const pte_t above = pte_narrow(is_below_table ? pte_table(table) : leaf, rights);
    const unsigned allowed = walk(above, leaf, is_page);
    const rights_t both = (rights & RIGHT_READ) != 0 ? widest & rights & RIGHTS_MEMORY : 0;

    CLAIM(allowed == allowed_by(both), "a view has what the segment and its rights have in common");
    CLAIM(pte_rights(above, leaf) == both, "encoding and decoding agree");
    CLAIM((allowed & (MAY_WRITE | MAY_EXECUTE)) != (MAY_WRITE | MAY_EXECUTE),
          "nothing is writable and executable");
    CLAIM((allowed & KERNEL_MAY_EXECUTE) == 0, "the kernel never executes a segment");
    CLAIM(pte_address(leaf) == address, "a leaf leads to its address");
    CLAIM(bit(leaf, 11), "a leaf is tagged with the ASID");
    CLAIM(bit(leaf, 10) && !bit(leaf, 51), "hardware changes no leaf");
    CLAIM((leaf >> 2 & 7) == (is_device ? 1 : 0), "memory is memory and registers are registers");
}

/* What view_rights_at() says is what the hardware does, whatever stands in the tables. */
void prove_rights(void)
{
    const pte_t above = nondet_u64(), leaf = nondet_u64();
    const bool is_page = nondet_bool();

    ASSUME(pte_is_table(above) || leaf == above); /* view_rights_at(): a block is its own leaf */
    const unsigned allowed = walk(above, leaf, is_page);
    const rights_t rights = pte_rights(above, leaf);

    CLAIM((allowed & ~(unsigned)KERNEL_MAY_EXECUTE & ~allowed_by(rights)) == 0,
          "decoding overlooks no access");
    CLAIM(allowed == 0 || (allowed & ~(unsigned)KERNEL_MAY_EXECUTE) == allowed_by(rights),
          "decoding imagines no access");
}
