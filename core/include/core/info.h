/*
 * Info: the kernel's records for those who look inside (abi/info.h).
 */
#pragma once

#include "abi/info.h"
#include "base/path.h"
#include "domains/domain.h"

/* What boot found out, to be told later. */
BOOT_ONLY void info_set_machine(const struct info_machine *machine);
BOOT_ONLY void info_set_memory(uint64_t kernel_frames, uint64_t image_bytes,
                               uint64_t archive_bytes);
struct info_machine *info_machine_record(void);

/*
 * Copy to `out` the record of kind `what` for `index`; `*next` is the index of the next, 0 after
 * the last.  `domain` is whose, NULL for the system's.
 * Errors: BAD_ARGUMENT (no such kind of record, or no room for it), NOT_FOUND (none at or after the
 * index), BAD_ADDRESS.
 */
CHECK_RESULT enum status info_copy(struct domain *domain, uint64_t what, uint64_t index,
                                   uaddr_t out, uint64_t out_bytes, uint64_t *next);
