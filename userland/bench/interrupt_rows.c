/*
 * Row about interrupts: from a device's line going up to the first instruction of its driver.
 *
 * The device is the PL061, whose lines this program can raise itself: with a level-sensitive
 * low input, unmasking a pin interrupts at once.  The store that does so runs in the peer's
 * domain, between a reading of the counter and nothing; the driver is an urgent thread of
 * this domain that waits for the event.  So the row contains the interrupt's entry, the
 * controller's acknowledge, the event's bits, the switch to the driver's domain and the
 * return from its wait.  Source: PrimeCell GPIO (PL061) TRM, "Programmers Model".
 */
#include "bench.h"
#include "doorbell.h"
#include "peer_client.h"

#include "rt/portal.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/thread.h"

enum {
    PL061_DIR = 0x400, /* direction: 0 input */
    PL061_IS = 0x404,  /* sense: 1 level */
    PL061_IBE = 0x408, /* both edges */
    PL061_IEV = 0x40c, /* event: 0 low level */
    PL061_IE = 0x410,  /* mask: 1 interrupts */
    PIN = 1U << 0,     /* nothing on the board drives it */
    DRIVER_STACK_BYTES = 8192,
    AROUND_THE_LINE = 4, /* peer: isb, str; driver: isb, mrs */
};

struct driver {
    uintptr_t registers;
    handle_t interrupt;
    struct doorbell doorbell;
    volatile uint32_t first_reading; /* by the driver, on its first instruction */
};

static void register_write(const struct driver *driver, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(driver->registers + offset) = value;
}

static void driver_run(void *context)
{
    struct driver *driver = context;

    for (;;) {
        enum status s = event_wait(driver->doorbell.event, DEADLINE_NEVER);
        driver->first_reading = meter_read();
        if (s != STATUS_OK)
            return;
        atomic_exchange(driver->doorbell.pending, 0);
        register_write(driver, PL061_IE, 0);
        if (interrupt_ack(driver->interrupt) != STATUS_OK)
            return;
    }
}

static enum status driver_start(struct driver *driver, const struct startup_device *device)
{
    driver->registers = device->registers[0].address;
    driver->interrupt = device->interrupt[0].handle;
    register_write(driver, PL061_IE, 0);
    register_write(driver, PL061_DIR, 0);
    register_write(driver, PL061_IBE, 0);
    register_write(driver, PL061_IEV, 0);
    register_write(driver, PL061_IS, PIN);

    enum status s = doorbell_create(&driver->doorbell);
    if (s == STATUS_OK)
        s = interrupt_bind(driver->interrupt, driver->doorbell.event, 1);
    return s == STATUS_OK ? thread_start(driver_run, driver, DRIVER_STACK_BYTES,
                                         startup_get()->highest_priority, NULL)
                          : s;
}

static enum status trigger_rounds(struct bench *bench, struct driver *driver, handle_t trigger)
{
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL); i++) {
        struct portal_message message = {{driver->registers + PL061_IE, PIN}, {0}};
        driver->first_reading = 0;
        enum status s = portal_call(trigger, &message);
        if (s != STATUS_OK)
            return s;
        if (driver->first_reading == 0)
            return STATUS_TIMED_OUT;
        samples_add_value(&bench->samples,
                          driver->first_reading - (uint32_t)message.word[0] - AROUND_THE_LINE);
    }
    return STATUS_OK;
}

void rows_of_interrupts(struct bench *bench)
{
    static struct driver driver;
    const struct startup_device *device = startup_device_find("arm,pl061", 0);
    handle_t trigger;

    if (!bench_wants(bench, "irq_to_driver"))
        return;
    if (device == NULL || device->interrupt_count == 0) {
        bench_report_failure(bench, "irq_to_driver", "this machine has no free PL061");
        return;
    }
    if (!meter.counts_instructions) {
        bench_report_failure(bench, "irq_to_driver", "needs an instruction counter");
        return;
    }
    enum status s = peer_device(bench->peer, device->registers[0].handle, &trigger);
    if (s == STATUS_OK)
        s = driver_start(&driver, device);
    if (s == STATUS_OK)
        s = trigger_rounds(bench, &driver, trigger);
    bench_report_if(bench, "irq_to_driver", s);
}
