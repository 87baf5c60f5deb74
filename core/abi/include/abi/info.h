/*
 * Records for looking inside: what SYS_DOMAIN_INFO and SYS_SYSTEM_INFO copy out.
 *
 * A record is a snapshot.  The index to ask for next is the call's result; 0 after the last, or
 * the next call answers NOT_FOUND.  WOULD_BLOCK: an interrupt came, or there was much to look at;
 * the same call with the index that is its result goes on (the runtime's wrappers do that).
 * Times are in nanoseconds, sizes in bytes unless the name says frames.
 */
#pragma once

#include "abi/fault.h"
#include "abi/syscall.h"

enum info {
    /* by domain */
    INFO_DOMAIN = 0,  /* struct info_domain; index 0 only */
    INFO_THREADS = 1, /* struct info_thread; index: thread id to start from, 0 at first */
    INFO_HANDLES = 2, /* struct info_handle; index: slot */
    INFO_VIEW = 3,    /* struct info_view; index: 2 MiB slot number to start from */
    INFO_FAULT = 4,   /* struct fault_record of the last stop; NOT_FOUND if none */
    /* of the system */
    INFO_MEMORY = 16,     /* struct info_memory */
    INFO_INTERRUPTS = 17, /* struct info_interrupt; index: interrupt number */
    INFO_MACHINE = 18,    /* struct info_machine */
    INFO_CPUS = 19,       /* struct info_cpu; index: CPU number */
};

enum domain_state {
    DOMAIN_STATE_CREATED = 0, /* no thread yet */
    DOMAIN_STATE_RUNNING = 1,
    DOMAIN_STATE_STOPPED = 2, /* by a fault or by domain_stop; memory still there */
    DOMAIN_STATE_DYING = 3,   /* being taken apart */
};

struct info_domain {
    uint32_t id;
    uint32_t state; /* enum domain_state */
    struct name name;
    uint32_t asid; /* 0: none at the moment */
    uint32_t thread_count;
    nsec_t cpu_time_ns;    /* what its own threads used, also inside portals of others */
    uint64_t switches;     /* dispatches of its threads, and portal calls that it took */
    uint64_t portal_calls; /* calls that its portals took */
    uint64_t faults;
    uint64_t denied_calls;
    uint64_t syscall_mask;
    struct quota limit;
    struct quota used;
    uint64_t table_frames; /* frames of its view's own tables, part of used.frames */
};

enum thread_state {
    THREAD_STATE_READY = 0,
    THREAD_STATE_RUNNING = 1,
    THREAD_STATE_WAITING_EVENT = 2,
    THREAD_STATE_WAITING_PORTAL = 3,
    THREAD_STATE_PARKED = 4,
    THREAD_STATE_SLEEPING = 5,
    THREAD_STATE_STOPPED = 6,
};

struct info_thread {
    uint32_t id;
    uint32_t state;    /* enum thread_state */
    uint32_t priority; /* that it runs at: 0 while its budget is used up, else at least its base */
    uint32_t depth;    /* portal calls that it is inside of */
    uint32_t home_domain_id;
    uint32_t current_domain_id; /* where it executes */
    nsec_t cpu_time_ns;
    uint64_t switches;
    uint64_t pc;               /* as last seen by the kernel */
    uint64_t affinity;         /* a bit for each CPU that it may run on */
    uint32_t cpu;              /* that it runs on, ran on last, or waits for */
    uint32_t callee_domain_id; /* a stack of whose portal it waits for; 0: for none */
    nsec_t budget_ns;          /* 0: it has none */
    nsec_t period_ns;
    uint32_t base_priority; /* that it was given */
    uint32_t has_used_budget;
};

struct info_handle {
    handle_t handle;
    uint64_t badge;
    uint32_t type; /* enum object_type */
    rights_t rights;
    uint32_t owner_domain_id; /* the object's domain; 0: none */
    uint32_t reserved;
    uint64_t detail; /* segment: address; interrupt: number; domain, thread: id; portal: entry */
};

struct info_view {
    uint64_t address;
    uint64_t length;
    rights_t rights;          /* of this view */
    rights_t widest;          /* of the segment */
    uint32_t owner_domain_id; /* who made it */
    uint32_t view_count;      /* views that show it */
    struct name label;
    uint32_t is_device;
    uint32_t reserved;
    uint64_t physical; /* of its first page */
};

struct info_memory {
    uint64_t total_frames; /* that the kernel found in the devicetree, less reserved ones */
    uint64_t free_frames;
    uint64_t kernel_frames; /* image, direct map and boot archive */
    uint64_t segment_frames;
    uint64_t table_frames;
    uint64_t object_frames;
    uint64_t image_bytes;
    uint64_t archive_bytes;
};

struct info_interrupt {
    uint32_t number;
    uint32_t owner_domain_id; /* whose event it is bound to; 0: the kernel */
    uint64_t count;
    uint32_t is_bound;
    uint32_t is_active; /* delivered and not yet acknowledged by its driver */
};

struct info_machine {
    char model[64];
    uint32_t cpu_count; /* in the devicetree */
    uint32_t cpu_online;
    uint32_t midr;
    uint32_t gic_version;
    uint32_t entry_el;
    uint32_t has_pmu;           /* PMEVCNTR0_EL0 counts instructions and EL0 may read it */
    uint32_t has_crypto;        /* bit 0 AES, bit 1 PMULL, bit 2 SHA-256 (ID_AA64ISAR0_EL1) */
    uint32_t counter_frequency; /* Hz */
    uint64_t boot_instructions; /* PMU count at the first user instruction, 0 without a PMU */
    nsec_t boot_time_ns;        /* counter at the first user instruction */
};

/*
 *     STARTING --arrives--> ONLINE --machine ends--> HALTED
 *        |--can't be used--> FAILED
 *        |--never comes----> ABANDONED
 */
enum cpu_state {
    CPU_STATE_STARTING = 0,
    CPU_STATE_ONLINE = 1,
    CPU_STATE_FAILED = 2,    /* not switched on, or switched on and unfit */
    CPU_STATE_ABANDONED = 3, /* it didn't come in time, and is to halt if it does */
    CPU_STATE_HALTED = 4,
};

struct info_cpu {
    uint32_t number;
    uint32_t state; /* enum cpu_state */
    uint64_t mpidr; /* affinity fields */
    uint32_t midr;
    uint32_t thread_id; /* what it runs; 0: nothing */
    uint32_t domain_id; /* where that executes */
    uint32_t ready;     /* threads that wait for it */
    nsec_t online_ns;   /* since it came */
    nsec_t idle_ns;     /* of these it had nothing to do */
    uint64_t kicks;     /* interrupts from other CPUs */
    char name[32];      /* of the processor, as the kernel knows it */
};
