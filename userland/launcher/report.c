/*
 * Report: the lines.
 */
#include "report.h"

#include "places.h"
#include "syscall_set.h"

#include "rt/log.h"

#include <stdbool.h>
#include <stdio.h>

/* What happened, as the end of a sentence that starts with the domain's name. */
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

static bool has_address(const struct fault_record *record)
{
    switch (record->reason) {
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

/* "0x00000000001234 tcp_input+0x1c (net)" */
static void format_place(uint64_t address, char *out, size_t out_bytes)
{
    const struct place_text symbol = place_symbol(address);

    (void)snprintf(out, out_bytes, "0x%016llx%s%s", (unsigned long long)address,
                   symbol.text[0] == '\0' ? "" : " ", symbol.text);
}

static void report_address(const struct child *child, const struct fault_record *record)
{
    const unsigned long long address = record->address;
    const char *name = child->domain->name;

    if (!has_address(record))
        return;
    if (address < PAGE_BYTES) {
        log_line("  address 0x%016llx: a null pointer, nobody owns it", address);
        return;
    }
    if (record->owner_address == 0) {
        log_line("  address 0x%016llx: %s", address,
                 address >> 63 != 0 ? "the kernel's, no domain sees it" : "nobody owns it");
        return;
    }
    const struct name owner = place_owner_name(record->owner_address, record->owner_domain_id);
    log_line("  address 0x%016llx: in \"%.16s\" of %.16s, 0x%llx bytes from its start; %s may %s "
             "there",
             address, record->owner_label.text, owner.text, address - record->owner_address, name,
             place_rights_text(record->owner_rights));
}

/* What its manifest entry would have to say; calls without a word are the launcher's alone. */
static void report_call(const struct fault_record *record)
{
    if (record->reason != FAULT_DENIED_CALL)
        return;
    const char *word = syscall_set_word(record->address);
    log_line("  call %llu, %s", (unsigned long long)record->address,
             word == NULL ? "which only the launcher may make" : word);
}

static void report_registers(const struct fault_record *record)
{
    for (unsigned i = 0; i < 31; i += 3) {
        char line[96];
        size_t used = 0;
        for (unsigned j = i; j < i + 3 && j < 31; j++)
            used += (size_t)snprintf(line + used, sizeof line - used, "  x%-2u 0x%016llx", j,
                                     (unsigned long long)record->x[j]);
        log_line("%s", line);
    }
    log_line("  sp  0x%016llx  pc  0x%016llx  pstate 0x%llx  esr 0x%llx",
             (unsigned long long)record->sp, (unsigned long long)record->pc,
             (unsigned long long)record->pstate, (unsigned long long)record->esr);
}

static void report_backtrace(const struct fault_record *record)
{
    char place[96];

    for (uint32_t i = 0; i < record->backtrace_count && i < FAULT_BACKTRACE_DEPTH; i++) {
        format_place(record->backtrace[i], place, sizeof place);
        log_line("  #%u %s", (unsigned)i, place);
    }
}

void report_fault(const struct child *child, const struct fault_record *record)
{
    const uint32_t reason = record->reason < FAULT_REASON_COUNT ? record->reason : FAULT_NONE;
    char place[96];

    log_line("fault: %s %s", child->domain->name, reasons[reason]);
    report_address(child, record);
    report_call(record);
    format_place(record->pc, place, sizeof place);
    log_line("  at %s", place);
    /* Innermost functions have no frame record; who called one stands only in x30. */
    format_place(record->x[30], place, sizeof place);
    log_line("  x30 is %s", place);
    if (record->home_domain_id == record->domain_id)
        log_line("  thread %u", (unsigned)record->thread_id);
    else
        log_line("  thread %u of %.16s, in a call to %s", (unsigned)record->thread_id,
                 place_domain_name(record->home_domain_id).text, child->domain->name);
    report_registers(record);
    report_backtrace(record);
}
