/*
 * app:Inspect, the protocol: looking at the whole system, and steering it.
 *
 * The launcher is the one place where names, policy and the kernel's records meet, so
 * it answers for all of them.  INSPECT_OPEN hands out a buffer segment that only the
 * launcher writes and the client reads; a listing fills it with as many records as fit
 * and says where to go on.  One connection serves one thread at a time: the next call
 * overwrites the buffer.
 *
 * A listing about a domain that isn't running is refused: BAD_STATE.
 *
 * Request:  word 0 enum inspect_op, words 1-2 a name (struct name) where the operation
 *           has one, word 3 its argument or cursor (0 at first), words 4-7 more text.
 * Reply:    word 0 enum status, word 1 number of records, word 2 bytes of one record,
 *           word 3 next cursor (0: that was all).
 *
 * A record may grow at its end: step by the size in the reply, not by sizeof.
 */
#pragma once

#include "abi/info.h"

#define INSPECT_SERVICE "app:Inspect"

enum {
    INSPECT_BUFFER_BYTES = 64 * 1024,
    INSPECT_SYMBOL_BYTES = 64,
    INSPECT_ACCESS_MAX = 32,     /* views that one address record lists */
    INSPECT_ARGUMENT_BYTES = 32, /* text that LAUNCH takes in words 4-7, zero-padded */
    INSPECT_KILL_MS_MAX = 24 * 60 * 60 * 1000,
};

enum inspect_op {
    INSPECT_OPEN = 1,       /* -> handle 0: the buffer, readable; word 1: its bytes */
    INSPECT_DOMAINS = 2,    /* struct inspect_domain, all of the manifest, the launcher first */
    INSPECT_SERVICES = 3,   /* struct inspect_service */
    INSPECT_THREADS = 4,    /* name (all zero: of every domain): struct inspect_thread */
    INSPECT_HANDLES = 5,    /* name: struct info_handle */
    INSPECT_VIEW = 6,       /* name: struct info_view */
    INSPECT_ADDRESS = 7,    /* word 3: address: one struct inspect_address */
    INSPECT_RINGS = 8,      /* struct inspect_ring */
    INSPECT_INTERRUPTS = 9, /* struct inspect_interrupt */
    INSPECT_MEMORY = 10,    /* one struct info_memory */
    INSPECT_MACHINE = 11,   /* one struct info_machine */
    INSPECT_SYMBOL = 12,    /* word 3: address: one struct inspect_symbol */
    INSPECT_FAULT = 13,     /* name: one struct fault_record, of its last stop by a fault */
    INSPECT_LAUNCH = 14,    /* name, words 4-7 argument (empty: the manifest's) */
    INSPECT_STOP = 15,      /* name: it stays down until launched again */
    INSPECT_RESTART = 16,   /* name: stop and start, and forget earlier failures */
    INSPECT_POWEROFF = 17,
    INSPECT_REBOOT = 18,
    INSPECT_MEASURE = 19, /* name, word 3: an address in its text: make a domain whose only thread
                             starts there, and unmake it: one struct inspect_measure.  The thread
                             leaves a reading of the counter 16 bytes below its stack's top */
    INSPECT_CPUS = 20,    /* struct inspect_cpu */

    /* Name, word 3: an address in its text, word 4: a number of domains, word 5: handles of each.
     * Make or unmake domains, a few at a time, whose only thread starts there and has no stack (0:
     * has no thread), until there are so many; -> word 3: how many there are. */
    INSPECT_POPULATE = 21,

    INSPECT_AUDIT = 22, /* struct inspect_decision, oldest first */
    INSPECT_WHY = 23,   /* name, words 4-7 a service or a domain: one struct inspect_why */

    INSPECT_CRASHES = 24, /* struct inspect_crash, oldest first */

    /* Name, words 4-7 how many milliseconds from now (empty: at once): stop it as a fault would;
     * its manifest entry says what follows. */
    INSPECT_KILL = 25,
};

enum {
    INSPECT_POPULATION_MAX = 10000,
    INSPECT_BURDEN_MAX = 1000, /* handles of each */
};

/*
 *   IDLE --launch--> RUNNING --fault--> BACKING_OFF --time--> RUNNING
 *                    |  |                    `--limit--> FAILED --restart--> RUNNING
 *                    |  `--last thread ends--> EXITED
 *                    `--stop--> STOPPED --launch--> RUNNING
 */
enum inspect_state {
    INSPECT_IDLE = 0, /* on demand, and nobody has demanded it yet */
    INSPECT_RUNNING = 1,
    INSPECT_BACKING_OFF = 2, /* stopped by a fault, to be started again at next_start_ns */
    INSPECT_FAILED = 3,      /* too many faults, or it could not be started; stays down */
    INSPECT_STOPPED = 4,     /* somebody asked for it */
    INSPECT_EXITED = 5,      /* ended in order */
    INSPECT_NO_DEVICE = 6,   /* the machine lacks a device that it claims */
};

struct inspect_domain {
    struct name name;           /* of its entry in the manifest */
    struct name program;        /* in the boot archive */
    uint32_t state;             /* enum inspect_state */
    uint32_t restarts;          /* since boot */
    uint32_t last_fault;        /* enum fault_reason of the last stop, FAULT_NONE: never */
    uint32_t priority;          /* of its main thread */
    nsec_t next_start_ns;       /* while backing off, else 0 */
    struct info_domain kernel;  /* all zero while no domain exists */
    uint32_t connections;       /* that it has, as its quota counts them */
    uint32_t quota_connections; /* UINT32_MAX: no limit */
    uint32_t denial_faults;     /* a system call outside its mask stops it */
    uint32_t reserved;
};

struct inspect_service {
    struct name name;
    struct name owner; /* domain that the manifest reserves it for */
    uint32_t is_up;
    uint32_t client_count; /* connections that are open now */
    uint32_t waiting;      /* clients to be told when it comes up */
    uint32_t owner_state;  /* enum inspect_state */
};

/* What domains ask the launcher for. */
enum inspect_request {
    INSPECT_ASKED_CONNECT = 1, /* to a service */
    INSPECT_ASKED_OFFER = 2,   /* to serve a name */
    INSPECT_ASKED_LAUNCH = 3,  /* another domain, or to stop or restart it */
    INSPECT_ASKED_POWER = 4,   /* the machine's end */
    INSPECT_ASKED_COPIES = 5,  /* domains with another one's program, for measuring */
};

enum { INSPECT_TARGET_BYTES = 32 };

/*
 * One decision, or several that were the same: each grant and each refusal is in one of them.  A
 * domain's oldest make room for its own newer ones, never for another's.
 */
struct inspect_decision {
    uint64_t number;                   /* of the latest, counted since boot */
    nsec_t time_ns;                    /* of the latest */
    struct name client;                /* who asked */
    uint32_t request;                  /* enum inspect_request */
    uint32_t status;                   /* enum status: OK is a grant, DENIED the manifest's no */
    uint32_t times;                    /* that it was asked and decided like this */
    uint32_t lost;                     /* older decisions about this client that have gone */
    char target[INSPECT_TARGET_BYTES]; /* the service's or the domain's name, ends with a zero */
};

enum {
    INSPECT_REPORT_BYTES = 3072, /* a report with all registers and the deepest backtrace */
    INSPECT_LAST_LINES_BYTES = 1024,
};

/* Why a life ended that nobody wished to end. */
enum inspect_cause {
    INSPECT_CAUSE_FAULT = 1,   /* the kernel stopped it */
    INSPECT_CAUSE_EXIT = 2,    /* it ended itself, with a code that isn't success */
    INSPECT_CAUSE_QUIT = 3,    /* it stopped itself without saying why */
    INSPECT_CAUSE_SILENCE = 4, /* it didn't answer: its loop didn't come round in time */
    INSPECT_CAUSE_KILLED = 5,  /* by somebody who may */
    INSPECT_CAUSE_STORM = 6,   /* it took more interrupts than its device can mean */
    INSPECT_CAUSE_DAMAGE = 7,  /* its text wasn't what it had been */
};

/*
 * One death, as it was told then: by now its addresses may be anybody's.  Older ones make room, but
 * the last death of each domain stays as long as another has two.
 */
struct inspect_crash {
    uint64_t number; /* counted since boot */
    nsec_t time_ns;
    struct name domain;
    uint32_t cause;                            /* enum inspect_cause */
    uint32_t code;                             /* enum fault_reason, exit code, ms, interrupts/s */
    uint32_t restarts;                         /* that it had behind it */
    uint32_t failures;                         /* in a row, this one included */
    uint32_t state;                            /* enum inspect_state: what became of it */
    uint32_t delay_ms;                         /* until it is started again, if it is */
    uint64_t address;                          /* that a fault was about */
    struct name owner;                         /* of it; "kernel", "nobody"; empty: no address */
    uint64_t pc;                               /* 0: not known */
    char symbol[INSPECT_SYMBOL_BYTES];         /* at that pc: "name+0x1c (program)", or empty */
    char report[INSPECT_REPORT_BYTES];         /* lines, each with its newline, then a zero */
    char last_lines[INSPECT_LAST_LINES_BYTES]; /* that it wrote to the log; likewise */
};

enum inspect_target_kind {
    INSPECT_TARGET_UNKNOWN = 0, /* nothing in the manifest is called so */
    INSPECT_TARGET_SERVICE = 1,
    INSPECT_TARGET_BUILTIN = 2, /* a service of the launcher's own */
    INSPECT_TARGET_DOMAIN = 3,
};

/* What the manifest lets a domain do with a service or another domain, and what that is. */
struct inspect_why {
    struct name owner;    /* the domain that serves it, or that it is */
    uint32_t target_kind; /* enum inspect_target_kind */
    uint32_t is_allowed;  /* to connect to the service; to launch and stop the domain */
    uint32_t is_own;      /* the name is one that the domain itself offers */
    uint32_t owner_state; /* enum inspect_state */
    uint32_t is_up;       /* the service is */
    uint32_t connections; /* that the domain has to the service now */
    uint32_t steers_all;  /* it may connect to app:Inspect, by which it may launch any domain */
    uint32_t quota;       /* of connections, if it gets no other to this service by it; else 0 */
};

struct inspect_thread {
    struct name home;    /* domain that the thread belongs to */
    struct name current; /* domain whose code it executes */
    struct info_thread kernel;
};

struct inspect_access {
    struct name domain;
    rights_t rights;
    uint32_t reserved;
};

struct inspect_address {
    uint64_t address; /* that was asked for */
    uint64_t segment; /* start of the segment that owns it; 0: nobody does */
    uint64_t length;
    struct name label;
    struct name owner; /* whom the segment serves; "a gone domain": it outlives its maker */
    rights_t widest;   /* that any view can have */
    uint32_t is_device;
    uint32_t view_count;               /* views that show it */
    uint32_t access_count;             /* of them listed below */
    uint64_t physical;                 /* of the segment's first page */
    char symbol[INSPECT_SYMBOL_BYTES]; /* "name+0x1c (program)", or empty */
    struct inspect_access access[INSPECT_ACCESS_MAX];
};

struct inspect_ring {
    struct name producer; /* domain that writes the messages */
    struct name consumer; /* other domain that sees them; empty: nobody yet */
    struct name label;    /* of the producer's segment */
    uint64_t address;     /* of that segment */
    uint32_t capacity;    /* messages */
    uint32_t fill;        /* written and not yet read */
    uint32_t message_bytes;
    uint32_t reserved;
    uint64_t produced; /* messages since the connection was opened */
    uint64_t wakeups;  /* doorbells that the producer rang */
    uint64_t stalls;   /* times that it found no room and had to wait; rings drop nothing */
};

struct inspect_interrupt {
    struct name owner; /* "kernel" where no domain has it */
    struct info_interrupt kernel;
};

struct inspect_cpu {
    struct name domain; /* whose code it executes; empty while it is idle */
    struct info_cpu kernel;
};

struct inspect_symbol {
    char text[INSPECT_SYMBOL_BYTES]; /* "name+0x1c (program)" or the bare number */
};

/*
 * For `bench`: only the launcher can make domains, so it is the one to read the counter.  In
 * instructions, or in ticks of the counter where the machine counts no instructions.
 */
struct inspect_measure {
    uint32_t create;  /* from nothing to the thread's first system call, which must end it */
    uint32_t destroy; /* until everything is given back */
};

_Static_assert(sizeof(struct inspect_domain) == 200, "protocol");
_Static_assert(sizeof(struct inspect_service) == 48, "protocol");
_Static_assert(sizeof(struct inspect_decision) == 80, "protocol");
_Static_assert(sizeof(struct inspect_why) == 48, "protocol");
_Static_assert(sizeof(struct inspect_crash) == 4248, "protocol");
_Static_assert(sizeof(struct inspect_access) == 24, "protocol");
_Static_assert(sizeof(struct inspect_ring) == 96, "protocol");
