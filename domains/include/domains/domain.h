/*
 * Domain: who may touch what.
 *
 * A view of the shared space with its ASID, a table of handles, a mask of system calls and a
 * quota.  What executes in it, and how it ends, is core's business (core/lifecycle.h); this
 * structure carries the lists for that.
 *
 * Locking: the kernel lock; `cross` is read by the portal path without it.
 */
#pragma once

#include "abi/info.h"
#include "arch/crossing.h"
#include "arch/pagetable.h"
#include "base/line.h"
#include "base/list.h"
#include "domains/handle.h"
#include "domains/object.h"

/* What each of its threads has; see core/budget.h. */
struct domain_budget {
    nsec_t budget_ns; /* 0: no budget */
    nsec_t period_ns;
    uint64_t ended_left;   /* ticks: of threads that have ended, the least that one left unused */
    nsec_t ended_until_ns; /* when the last of their periods ends */
};

struct domain {
    struct cross_domain cross;
    struct object object; /* references: handles, mostly; uses: what needs the structure only */
    uint32_t id;          /* never reused */
    enum domain_state state;
    struct name name;
    uint32_t flags; /* enum domain_flag */
    uint32_t highest_priority;
    struct domain_budget budget;
    struct list_node node; /* in the list of all domains */

    /* What it may use up, and has. */
    struct quota limit;
    struct quota used; /* handles: see handles.used */

    /* The view. */
    pte_t *root;
    uint32_t home_gigabyte; /* where its segments are placed first */
    uint32_t table_frames;

    struct handle_table handles;

    /* What it made. */
    struct list segments;   /* struct segment, owner_node */
    struct list threads;    /* struct thread, home_node */
    struct list belongings; /* struct belonging, node: portals, events, interrupts, clocks */
    struct list watchers;   /* struct watch, node: told when it stops */
    struct line sleepers;   /* struct thread, sleeper: who is parked in it, by urgency */

    /* How it ends (core/lifecycle.c). */
    struct list_node stop_node; /* while it is being stopped */
    struct list_node orphan_node;
    uint32_t threads_left; /* still to be looked at, in the step that it is at */

    /* What happened in it. */
    nsec_t dead_threads_cpu_time_ns;
    uint64_t dead_threads_dispatches;
    uint64_t dead_portal_calls;
    uint64_t fault_count;
    uint64_t log_window; /* that used.log_bytes is of */
    uint64_t denied_calls;
    uint64_t denied_named;     /* bit N: that call N is denied to it stands in the log */
    struct object *stop_event; /* from its attributes; owns a reference, may be NULL */
    uint64_t stop_event_bits;
    struct fault_record *fault; /* the last one; NULL if none */

    /* Of the view.  Bit g: entry g of the root is valid, or there is none any more. */
    uint64_t root_used[TABLE_ENTRIES / 64 + 1]; /* last: whoever reads pairs reaches no further */
};

static inline struct domain *domain_of_cross(struct cross_domain *cross)
{
    return (struct domain *)cross; /* its first member */
}

static inline struct domain *domain_of_object(struct object *object)
{
    return LIST_ENTRY(object, struct domain, object);
}

/*
 * The domain's own threads and portals lead to it for as long as they are there, and need no more
 * of it than this structure: they don't keep it from being taken apart.
 */
static inline void domain_use(struct domain *domain)
{
    domain->object.uses++;
}

static inline void domain_unuse(struct domain *domain)
{
    ASSERT(domain->object.uses > 0);
    if (--domain->object.uses == 0 && domain->object.references == 0)
        domain->object.class->destroy(&domain->object);
}
