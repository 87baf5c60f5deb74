/*
 * What the groups of rows share: which rows are wanted, where results go, the peer.
 *
 * A row is measured by one function.  It reports exactly one result or one reason why it
 * could not be measured for each id that it stands for.
 */
#pragma once

#include "abi/status.h"
#include "samples.h"

struct bench {
    const char *wanted;     /* prefix of the ids to measure; empty: all */
    bool is_for_machines;   /* print lines for tools/bench instead of a table */
    handle_t peer;          /* bench:Peer */
    uint32_t priority;      /* of the thread that measures, but where a row says otherwise */
    handle_t peer_null;     /* portal in the peer that returns at once */
    handle_t peer_fault;    /* portal in the peer that skips the faulting instruction */
    handle_t peer_fp;       /* portal in the peer that uses the FP registers */
    handle_t peer_event;    /* event with an urgent thread of the peer waiting for it */
    unsigned row_count;     /* rows reported, one way or the other */
    unsigned failure_count; /* of them, that could not be measured */
    struct samples samples; /* of the row being measured */
};

/* Whether row `id` is to be measured. */
bool bench_wants(const struct bench *bench, const char *id);

/*
 * Start a row's samples, with `warm_up` rounds to throw away.  Gives up the FP registers, which the
 * C library has used for printing: a thread that uses them pays at every switch, and the rows
 * are about one that doesn't.
 */
void bench_begin(struct bench *bench, uint32_t warm_up);

/* The samples hold row `id`, `operations` operations in each. */
void bench_report(struct bench *bench, const char *id, uint32_t operations);

/* The same, of one operation each, unless `s` says that it went wrong. */
void bench_report_if(struct bench *bench, const char *id, enum status s);

/* As bench_report(), for a row whose aim depends on others. */
void bench_report_aimed(struct bench *bench, const char *id, uint32_t operations, uint64_t aim);

/* Row `id` is a single number. */
void bench_report_value(struct bench *bench, const char *id, uint64_t value);

/* Row `id` could not be measured. */
void bench_report_failure(struct bench *bench, const char *id, const char *reason);

/* What a status means for a row that needs much memory. */
const char *bench_reason(enum status s);

/* kernel_rows.c */
void rows_of_system_calls(struct bench *bench);
void rows_of_threads(struct bench *bench);
/* crossing_rows.c */
void rows_of_portals(struct bench *bench);
void rows_of_faults(struct bench *bench);
/* Measure portal_cross_0w as it is now into the samples. */
CHECK_RESULT enum status portal_rounds(struct bench *bench, handle_t portal);
/* event_rows.c */
void rows_of_events(struct bench *bench);
/* ring_rows.c */
void rows_of_rings(struct bench *bench);
/* list_rows.c */
void rows_of_lists(struct bench *bench);
/* segment_rows.c */
void rows_of_segments(struct bench *bench);
/* interrupt_rows.c */
void rows_of_interrupts(struct bench *bench);
/* wake_rows.c */
void rows_of_wakes(struct bench *bench);
/* domain_rows.c */
void rows_of_domains(struct bench *bench);
/* population_rows.c */
void rows_of_population(struct bench *bench);
/* boot_rows.c */
void rows_of_boot(struct bench *bench);
