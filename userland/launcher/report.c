/*
 * Report: the lines.
 */
#include "report.h"

#include "places.h"

#include "app/syscall_set.h"
#include "rt/log.h"
#include "rt/shown_text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const reasons[FAULT_REASON_COUNT] = {
    [FAULT_NONE] = "stopped without a reason",
    [FAULT_READ] = "read where it may not read",
    [FAULT_WRITE] = "wrote where it may not write",
    [FAULT_EXECUTE] = "jumped where it may not execute",
    [FAULT_ALIGNMENT] = "used an unaligned address",
    [FAULT_UNDEFINED] = "ran into an undefined or privileged instruction",
    [FAULT_BREAKPOINT] = "ran into a breakpoint",
    [FAULT_STACK_OVERFLOW] = "overflowed its stack into the guard page",
    [FAULT_DENIED_CALL] = "made a system call that its manifest entry doesn't allow",
    [FAULT_BAD_RETURN] = "returned from a portal call that it wasn't in",
    [FAULT_BUS] = "was refused by the bus",
};

const char *report_reason(uint32_t fault_reason)
{
    return reasons[fault_reason < FAULT_REASON_COUNT ? fault_reason : FAULT_NONE];
}

bool report_has_address(uint32_t fault_reason)
{
    switch (fault_reason) {
    case FAULT_READ:
    case FAULT_WRITE:
    case FAULT_EXECUTE:
    case FAULT_ALIGNMENT:
    case FAULT_STACK_OVERFLOW:
    case FAULT_BUS:
        return true;
    default:
        return false;
    }
}

__attribute__((format(printf, 2, 3))) static void report_line(struct report *report,
                                                              const char *format, ...)
{
    char text[LOG_LINE_BYTES];
    char line[LOG_LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    shown_text(line, sizeof line, text, sizeof text);
    if (!report->is_unsaid)
        log_line("%s", line);

    const size_t bytes = strlen(line);
    if (bytes + 2 > report->room)
        return;
    memcpy(report->text, line, bytes);
    memcpy(report->text + bytes, "\n", 2);
    report->text += bytes + 1;
    report->room -= bytes + 1;
}

/* "0x00000000001234 tcp_input+0x1c (net)" */
static void format_place(uint64_t address, char *out, size_t out_bytes)
{
    const struct place_text symbol = place_symbol(address);

    (void)snprintf(out, out_bytes, "0x%016llx%s%s", (unsigned long long)address,
                   symbol.text[0] == '\0' ? "" : " ", symbol.text);
}

static void report_address(const struct child *child, const struct fault_record *record,
                           struct report *report)
{
    const unsigned long long address = record->address;
    const char *name = child->domain->name;

    if (!report_has_address(record->reason))
        return;
    if (address < PAGE_BYTES) {
        report_line(report, "  address 0x%016llx: a null pointer, nobody owns it", address);
        return;
    }
    if (record->owner_address == 0) {
        report_line(report, "  address 0x%016llx: %s", address,
                    address >> 63 != 0 ? "the kernel's, no domain sees it" : "nobody owns it");
        return;
    }
    const struct name owner = place_owner_name(record->owner_address, record->owner_domain_id);
    report_line(
        report,
        "  address 0x%016llx: in \"%.16s\" of %.16s, 0x%llx bytes from its start; %s may %s "
        "there",
        address, record->owner_label.text, owner.text, address - record->owner_address, name,
        place_rights_text(record->owner_rights));
}

/* What its manifest entry would have to say; calls without a word are the launcher's alone. */
static void report_call(const struct fault_record *record, struct report *report)
{
    if (record->reason != FAULT_DENIED_CALL)
        return;
    const char *word = syscall_set_word(record->address);
    report_line(report, "  call %llu, %s", (unsigned long long)record->address,
                word == NULL ? "which only the launcher may make" : word);
}

static void report_registers(const struct fault_record *record, struct report *report)
{
    for (unsigned i = 0; i < 31; i += 3) {
        char line[96];
        size_t used = 0;
        for (unsigned j = i; j < i + 3 && j < 31; j++)
            used += (size_t)snprintf(line + used, sizeof line - used, "  x%-2u 0x%016llx", j,
                                     (unsigned long long)record->x[j]);
        report_line(report, "%s", line);
    }
    report_line(report, "  sp  0x%016llx  pc  0x%016llx  pstate 0x%llx  esr 0x%llx",
                (unsigned long long)record->sp, (unsigned long long)record->pc,
                (unsigned long long)record->pstate, (unsigned long long)record->esr);
}

static void report_backtrace(const struct fault_record *record, struct report *report)
{
    char place[96];

    for (uint32_t i = 0; i < record->backtrace_count && i < FAULT_BACKTRACE_DEPTH; i++) {
        format_place(record->backtrace[i], place, sizeof place);
        report_line(report, "  #%u %s", (unsigned)i, place);
    }
}

/* Where a thread was stopped, and how it came there. */
static void report_thread(const struct child *child, const struct fault_record *record,
                          struct report *report)
{
    char place[96];

    format_place(record->pc, place, sizeof place);
    report_line(report, "  at %s", place);
    /* Innermost functions have no frame record; who called one stands only in x30. */
    format_place(record->x[30], place, sizeof place);
    report_line(report, "  x30 is %s", place);
    if (record->home_domain_id == record->domain_id)
        report_line(report, "  thread %u", (unsigned)record->thread_id);
    else
        report_line(report, "  thread %u of %.16s, in a call to %s", (unsigned)record->thread_id,
                    place_domain_name(record->home_domain_id).text, child->domain->name);
    report_registers(record, report);
    report_backtrace(record, report);
}

void report_fault(const struct child *child, const struct fault_record *record,
                  struct report *report)
{
    report_line(report, "fault: %s %s", child->domain->name, report_reason(record->reason));
    report_address(child, record, report);
    report_call(record, report);
    report_thread(child, record, report);
}

void report_silence(const struct child *child, enum heartbeat_pose pose, uint64_t pc,
                    const struct fault_record *record, struct report *report)
{
    static const char *const poses[] = {
        [HEARTBEAT_SLEEPS] = "waited for an event that isn't its loop's",
        [HEARTBEAT_RUNS] = "was executing all the time",
        [HEARTBEAT_STUCK] = "waited in itself",
        [HEARTBEAT_AWAY] = "was in a call to another domain",
    };
    char place[96];

    report_line(report, "silence: %s didn't answer: it %s, and may be silent for %u ms",
                child->domain->name, poses[pose], (unsigned)child->domain->heartbeat_ms);
    if (record != NULL) {
        report_thread(child, record, report);
        return;
    }
    format_place(pc, place, sizeof place);
    report_line(report, "  at %s", place);
}

void report_storm(const struct child *child, const struct fault_record *record,
                  struct report *report)
{
    report_line(report, "storm: %s took %llu interrupts a second, and may take %u",
                child->domain->name, (unsigned long long)child->storm_per_second,
                (unsigned)child->domain->interrupts_per_second);
    if (record != NULL)
        report_thread(child, record, report);
}
