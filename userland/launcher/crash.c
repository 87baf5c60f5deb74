/*
 * Crash: filling the record.
 */
#include "crash.h"

#include "crash_list.h"
#include "last_lines.h"
#include "places.h"
#include "report.h"
#include "voice.h"

#include "rt/syscall.h"

#include <string.h>

enum {
    SEARCH_BYTES = 16 * 1024, /* of the log's end: a bound on the time that a death takes */
    PIECE_BYTES = 256,        /* the kernel copies no more at a time */
};

#define LOG_AFTER_END (UINT64_MAX - 1)

/* The domain's last lines, as far as they stand near the log's end. */
static void last_lines_read(struct inspect_crash *crash, const char *name)
{
    static struct last_lines lines;
    char piece[PIECE_BYTES];
    struct log_chunk chunk;

    if (log_read(LOG_AFTER_END, piece, sizeof piece, &chunk) != STATUS_OK)
        return;
    const uint64_t end = chunk.next_cursor;
    uint64_t cursor = end > SEARCH_BYTES ? end - SEARCH_BYTES : 0;

    last_lines_init(&lines, name, cursor != 0);
    while (cursor < end && log_read(cursor, piece, sizeof piece, &chunk) == STATUS_OK
           && chunk.bytes != 0) {
        last_lines_feed(&lines, piece, chunk.bytes);
        cursor = chunk.next_cursor;
    }
    last_lines_take(&lines, crash->last_lines, sizeof crash->last_lines);
}

static struct inspect_crash *crash_begin(const struct child *child, enum inspect_cause cause,
                                         uint32_t code)
{
    struct inspect_crash *crash = crash_list_add(child->domain->name);

    crash->cause = cause;
    crash->code = code;
    crash->restarts = child->restarts;
    last_lines_read(crash, child->domain->name);
    return crash;
}

/* It is kept in any case; whoever dies all the time doesn't fill the log with it. */
static struct report report_begin(const struct child *child, struct inspect_crash *crash)
{
    const struct report report = {
        .text = crash->report,
        .room = sizeof crash->report,
        .is_unsaid = !voice_may_report(child->domain->name),
    };

    if (report.is_unsaid)
        voice_line(child->domain->name, "the report of its end stands in `crashes` only");
    return report;
}

static void crash_place(struct inspect_crash *crash, uint64_t pc)
{
    const struct place_text symbol = place_symbol(pc);

    crash->pc = pc;
    memcpy(crash->symbol, symbol.text, sizeof crash->symbol);
}

struct inspect_crash *crash_by_fault(const struct child *child, const struct fault_record *record)
{
    struct inspect_crash *crash = crash_begin(child, INSPECT_CAUSE_FAULT, record->reason);
    struct report report = report_begin(child, crash);

    crash_place(crash, record->pc);
    if (report_has_address(record->reason)) {
        crash->address = record->address;
        crash->owner = record->owner_address == 0
                           ? place_without_domain(record->address)
                           : place_owner_name(record->owner_address, record->owner_domain_id);
    }
    report_fault(child, record, &report);
    return crash;
}

struct inspect_crash *crash_by_silence(const struct child *child, enum heartbeat_pose pose,
                                       uint64_t pc, const struct fault_record *record)
{
    struct inspect_crash *crash =
        crash_begin(child, INSPECT_CAUSE_SILENCE, child->domain->heartbeat_ms);
    struct report report = report_begin(child, crash);

    crash_place(crash, pc);
    report_silence(child, pose, pc, record, &report);
    return crash;
}

struct inspect_crash *crash_by_storm(const struct child *child, const struct fault_record *record)
{
    struct inspect_crash *crash =
        crash_begin(child, INSPECT_CAUSE_STORM, (uint32_t)child->storm_per_second);
    struct report report = report_begin(child, crash);

    crash_place(crash, record != NULL ? record->pc : 0);
    report_storm(child, record, &report);
    return crash;
}

struct inspect_crash *crash_by_itself(const struct child *child, enum inspect_cause cause,
                                      uint32_t code)
{
    return crash_begin(child, cause, code);
}

void crash_decide(struct inspect_crash *crash, const struct policy_decision *decision,
                  enum inspect_state state)
{
    crash->failures = decision->failures;
    crash->delay_ms = decision->delay_ms;
    crash->state = state;
}
