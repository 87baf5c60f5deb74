/*
 * Startup: from boot record to startup record.
 *
 * Everything that the launcher keeps has a place of its own, so it can't run out of
 * memory for its own affairs; the heap is for the C library, which hardly needs one.
 */
#include "startup_from.h"

#include "manifest.h"

#include "rt/startup.h"
#include "rt/syscall.h"

enum { HEAP_BYTES = 16 * 1024 };

static _Alignas(16) unsigned char heap[HEAP_BYTES];
static struct boot_record boot;
static struct startup startup;

extern const unsigned char data_start[] __asm__("__data_start");

const struct boot_record *startup_boot_record(void)
{
    return &boot;
}

/* What the runtime needs to know of the machine, above all to tell the time. */
static void machine_describe(void)
{
    struct info_machine machine;
    uint64_t next = 0;

    if (system_info(INFO_MACHINE, 0, &machine, sizeof machine, &next) != STATUS_OK)
        return;
    startup.counter_frequency_hz = machine.counter_frequency;
    startup.crypto = machine.has_crypto;
    startup.has_pmu = machine.has_pmu;
    startup.cpu_count = machine.cpu_online;
}

const struct startup *startup_from(uaddr_t argument)
{
    boot = *(const struct boot_record *)(uintptr_t)argument;
    startup = (struct startup){
        .magic = STARTUP_MAGIC,
        .version = STARTUP_VERSION,
        .bytes = sizeof startup,
        .own_domain = boot.own_domain,
        .data = {.handle = boot.own_data, .address = (uaddr_t)(uintptr_t)data_start},
        .stack = {.handle = boot.own_stack},
        .heap_start = (uaddr_t)(uintptr_t)heap,
        .heap_end = (uaddr_t)(uintptr_t)(heap + HEAP_BYTES),
        .program = "launcher",
        .priority = MANIFEST_LAUNCHER_PRIORITY,
        .highest_priority = MANIFEST_LAUNCHER_PRIORITY,
    };
    struct info_machine machine;
    uint64_t next;
    if (system_info(INFO_MACHINE, 0, &machine, sizeof machine, &next) == STATUS_OK)
        startup.counter_frequency_hz = machine.counter_frequency;
    for (unsigned i = 0; i < 4; i++)
        startup.random[i] = boot.random[i];
    machine_describe();
    return &startup;
}
