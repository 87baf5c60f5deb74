/*
 * Supervisor: the domains of the manifest, and what becomes of them.
 *
 * One `struct child` for each entry, for ever: a domain that is down keeps its name, its
 * counters and the claim to its services.  States and their changes are those of enum
 * inspect_state (app/inspect.h).  Child 0 is the launcher itself, which nobody starts
 * or stops.
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "heartbeat.h"
#include "loader.h"
#include "manifest.h"
#include "storm.h"

#include "app/inspect.h"
#include "rt/loop.h"

enum { CHILDREN_MAX = MANIFEST_DOMAINS_MAX + 1 };

/* What connections to one service a client has been given. */
struct granted {
    uint32_t count;       /* numbers, from 1 */
    uint32_t latest;      /* number */
    uint32_t spare_first; /* number that bit 0 of `spare` means */
    uint64_t spare;       /* a bit for each that was found closed, and hasn't been given since */
};

struct child {
    const struct manifest_domain *domain; /* its entry */
    enum inspect_state state;
    uint32_t index;
    uint32_t starts;     /* since boot; tells this life from earlier ones */
    uint32_t restarts;   /* by policy or on request; a launch is none */
    uint32_t failures;   /* in a row */
    uint32_t last_fault; /* enum fault_reason */
    nsec_t started_ns;
    nsec_t died_ns;          /* while it is to come back and doesn't serve yet, else 0 */
    nsec_t next_start_ns;    /* while BACKING_OFF, else 0 */
    struct loaded loaded;    /* while RUNNING */
    struct loop_timer timer; /* BACKING_OFF: its next start; RUNNING: it is to be killed */
    char argument[MANIFEST_ARGUMENT_MAX + 1]; /* of this life and those that follow by policy */
    struct heartbeat heartbeat;               /* while RUNNING */
    handle_t heart;                           /* event to ask it by; 0: it hasn't registered any */
    bool is_silent;                           /* it didn't answer: about to be stopped for that */
    bool is_killed;                           /* somebody wanted it dead: its stop will be told */
    struct storm storm;                       /* while RUNNING */
    uint64_t storm_per_second; /* about to be stopped for so many interrupts; 0: it isn't */
    struct granted granted[MANIFEST_CONNECTS_MAX]; /* to each of its `connects`; see grants.h */
    uint32_t connections;                          /* at least as many as it has */
    nsec_t counted_ns; /* up to when looking for them has been paid for */
    handle_t on_end;   /* event to be signalled when this life ends; 0: nobody asked */
    bool has_record;   /* `record` is that of the last stop by a fault */
    struct fault_record record;
};

/* Make the table from the manifest.  `app_portal` is what each domain gets a duplicate of. */
CHECK_RESULT enum status supervisor_init(handle_t app_portal);

/* Start everything whose manifest says "boot", in its order. */
void supervisor_boot(void);

unsigned supervisor_count(void);
struct child *supervisor_child(unsigned index);
struct child *supervisor_find(const char *name);

/* The badge of its handles of app:App and app:Inspect in this life. */
uint64_t supervisor_badge(const struct child *child);

/* The index of the child that a badge was made for, whether or not that life is over. */
uint32_t supervisor_badge_index(uint64_t badge);

/* The running child that a badge of app:App belongs to; NULL if that life is over. */
struct child *supervisor_by_badge(uint64_t badge);

/* The running child with this domain id; NULL if there is none. */
struct child *supervisor_by_id(uint32_t domain_id);

/*
 * Start it.  `argument` NULL: the manifest's.  `on_end` (0: none) is signalled when it ends.
 * Ownership: takes over `on_end` on success.
 * Errors: BUSY (it runs); DENIED (the launcher itself); those of loader_load().
 */
CHECK_RESULT enum status supervisor_launch(struct child *child, const char *argument,
                                           handle_t on_end);

/* Stop it; it stays down until it is launched.  Errors: BAD_STATE (it is down), DENIED. */
CHECK_RESULT enum status supervisor_stop(struct child *child);

/* Stop it if it runs, forget earlier failures, start it with the argument that it had.
 * Errors: as launch. */
CHECK_RESULT enum status supervisor_restart(struct child *child);

/*
 * Have the kernel stop it wherever it is `delay_ms` from now, as a fault would: it says no goodbye,
 * and the manifest decides what follows.  Errors: BAD_STATE (it is down), DENIED (the launcher).
 */
CHECK_RESULT enum status supervisor_kill(struct child *child, uint64_t delay_ms);

/* All that it offers is there. */
void supervisor_on_service(struct child *child);

/* It answers, but its text isn't what it was, so what it does may be wrong. */
void supervisor_on_damage(struct child *child);

/* It didn't answer in time; `pc` is where its thread was.  Called again until it is stopped. */
void supervisor_on_silence(struct child *child, enum heartbeat_pose pose, uint64_t pc);

/* It took so many interrupts; as above, and where its thread is doesn't matter. */
void supervisor_on_storm(struct child *child, uint64_t per_second);

/* It asked to end, with this code (0: success). */
void supervisor_exit(struct child *child, uint64_t code);
