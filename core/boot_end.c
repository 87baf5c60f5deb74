#include "core/boot_end.h"

#include "arch/crossing.h"
#include "arch/mmu.h"
#include "arch/pmu.h"
#include "arch/timer.h"
#include "core/info.h"
#include "core/scheduler.h"
#include "domains/frame.h"

void boot_end(uint64_t given_bytes)
{
    if (given_bytes != 0) {
        mmu_unmap_image(__boot_start, __boot_end);
        frames_add_few(mmu_image_physical(__boot_start), given_bytes);
    }
    struct cross_thread *first = scheduler_leave(); /* drops the kernel lock */
    info_machine_record()->boot_instructions = pmu_instructions();
    info_machine_record()->boot_time_ns = timer_now_ns();
    crossing_resume(first);
}
