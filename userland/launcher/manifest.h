/*
 * Manifest: what each domain is made of, and what it may do.
 *
 * Devicetree source, compiled into the image (docs/launcher.md has the schema).  It is
 * the system's whole policy: what it doesn't grant does not exist for a domain.  So it
 * is read strictly: an unknown property, a name that nobody offers, a number out of
 * range is an error that names node and property, never a guess.
 *
 * Pure: reads the tree, keeps pointers into it, calls nobody.
 */
#pragma once

#include "property.h"

#include "abi/status.h"
#include "abi/syscall.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MANIFEST_DOMAINS_MAX = 48,
    MANIFEST_OFFERS_MAX = 8,
    MANIFEST_CONNECTS_MAX = 16,
    MANIFEST_LAUNCHES_MAX = 8,
    MANIFEST_CLAIMS_MAX = 4,
    MANIFEST_QUOTA_MAX = 1 << 16,       /* of handles, threads, objects, connections */
    MANIFEST_NAME_MAX = NAME_BYTES - 1, /* characters of a domain's or service's name */
    MANIFEST_ARGUMENT_MAX = 127,
    MANIFEST_LAUNCHER_PRIORITY = 56,
};

enum manifest_start {
    MANIFEST_START_BOOT,      /* as soon as the launcher runs */
    MANIFEST_START_ON_DEMAND, /* at the first connect to what it offers, or by a launch */
};

enum manifest_restart {
    MANIFEST_RESTART_NEVER,
    MANIFEST_RESTART_ON_FAULT,
    MANIFEST_RESTART_ALWAYS, /* also after it ended in order */
};

/* A device that the domain needs, found in the machine's devicetree. */
struct manifest_claim {
    const char *name;       /* under which the program finds it */
    const char *compatible; /* string of the machine's devicetree */
    bool has_virtio_id;     /* only a virtio transport with this device behind it */
    uint32_t virtio_id;
    bool is_optional; /* the domain can do without */
};

struct manifest_domain {
    const char *name;
    const char *program; /* in the boot archive */
    const char *argument;
    enum manifest_start start;
    uint32_t priority;         /* of the main thread */
    uint32_t cpus;             /* a bit for each that its threads start on; 0: all */
    uint32_t highest_priority; /* that any of its threads may have */
    uint32_t budget_us;        /* of each of its threads, in each period; 0: no budget */
    uint32_t period_us;
    struct quota quota;
    uint32_t quota_connections; /* that it may have open at a time; the launcher sees to it */
    uint32_t heap_bytes;
    uint32_t stack_bytes;
    uint64_t syscall_mask;
    bool denial_faults; /* a call outside the mask stops the domain */
    bool sees_archive;  /* it gets the boot archive, readable */
    bool may_power_off;
    bool takes_log; /* once it offers its first service, the kernel's own console is silent */

    enum manifest_restart restart;
    uint32_t restart_delay_ms;      /* before the first restart; doubles each time */
    uint32_t restart_limit;         /* faults in a row before it is given up */
    uint32_t heartbeat_ms;          /* that its loop may take to come round; 0: nobody asks */
    uint32_t interrupts_per_second; /* that its devices may mean; looked at with the heartbeat */

    const char *offers[MANIFEST_OFFERS_MAX];
    uint32_t offer_count;
    const char *connects[MANIFEST_CONNECTS_MAX];
    uint32_t connect_count;
    const char *launches[MANIFEST_LAUNCHES_MAX]; /* names of domains */
    uint32_t launch_count;
    struct manifest_claim claims[MANIFEST_CLAIMS_MAX];
    uint32_t claim_count;
};

struct manifest {
    struct manifest_domain domains[MANIFEST_DOMAINS_MAX];
    uint32_t domain_count;
};

/*
 * Read the compiled manifest at `tree`, 8-byte aligned and `tree_bytes` long.
 * Ownership: `*out` keeps pointers into the tree.
 * Errors: BAD_DATA, and `error` says which node and property; `*out` is not to be used.
 */
CHECK_RESULT enum status manifest_read(const void *tree, size_t tree_bytes, struct manifest *out,
                                       struct property_error *error);

/* The domain of that name; NULL if there is none. */
const struct manifest_domain *manifest_find(const struct manifest *manifest, const char *name);

/* The domain that the service name is reserved for; NULL if there is none. */
const struct manifest_domain *manifest_owner(const struct manifest *manifest, const char *service);

bool manifest_may_offer(const struct manifest_domain *domain, const char *service);
bool manifest_may_connect(const struct manifest_domain *domain, const char *service);
bool manifest_may_launch(const struct manifest_domain *domain, const char *other);

/* Whether `service` is one that the launcher itself offers. */
bool manifest_is_builtin(const char *service);
