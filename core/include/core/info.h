/*
 * Info: the kernel's records for those who look inside (abi/info.h).
 */
#pragma once

#include "abi/info.h"
#include "base/path.h"
#include "domains/domain.h"

union info_record {
    struct info_domain domain;
    struct info_thread thread;
    struct info_handle handle;
    struct info_view view;
    struct fault_record fault;
    struct info_memory memory;
    struct info_interrupt interrupt;
    struct info_machine machine;
    struct info_cpu cpu;
};

/* What boot found out, to be told later. */
BOOT_ONLY void info_set_machine(const struct info_machine *machine);
BOOT_ONLY void info_set_memory(uint64_t kernel_frames, uint64_t image_bytes,
                               uint64_t archive_bytes);
struct info_machine *info_machine_record(void);

/*
 * The record for `index`; `*size` is its size, `*next` the index of the next, 0 after the last.
 * Errors: BAD_ARGUMENT (no such kind of record), NOT_FOUND (none at or after the index).
 */
CHECK_RESULT enum status info_of_domain(struct domain *domain, uint64_t what, uint64_t index,
                                        union info_record *out, size_t *size, uint64_t *next);
CHECK_RESULT enum status info_of_system(uint64_t what, uint64_t index, union info_record *out,
                                        size_t *size, uint64_t *next);
