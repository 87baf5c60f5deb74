/*
 * The first words, before the MMU is on: whatever goes wrong from here on, there is a line on the
 * console.
 */
#include "arch/cpu.h"
#include "arch/early_uart.h"
#include "arch/pmu.h"
#include "base/bits.h"
#include "base/format.h"
#include "core/boot.h"

enum { GREETING_SIZE = 128 };

paddr_t boot_uart;

void boot_greet(paddr_t devicetree, uint64_t exception_level)
{
    struct machine_range uart;
    char text[GREETING_SIZE];

    pmu_cpu_init(); /* before anything that costs: what booting takes is counted from here */
    if (devicetree == 0 || !is_aligned(devicetree, 8)
        || machine_find_uart((const void *)devicetree, DEVICETREE_MAX, &uart) != STATUS_OK)
        return;
    boot_uart = uart.base;
    cache_discard(&boot_uart);
    early_uart_set_base(uart.base);
    const size_t length = format_text(text, sizeof(text), "\nRotunda: EL%lu, devicetree at 0x%lx\n",
                                      exception_level, devicetree);
    early_uart_write(text, length);
}
