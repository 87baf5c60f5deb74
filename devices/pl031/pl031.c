/*
 * PL031 real-time clock: seconds since 1970.
 *
 * The chip tells whole seconds.  To know where a second begins, the driver asks once
 * for an interrupt at the next one and notes the counter then; from that moment the
 * offset between counter and Unix time is good to the interrupt's delay.
 *
 * Source: Arm PrimeCell Real Time Clock (PL031) Technical Reference Manual, DDI 0224.
 */
#include <stdbool.h>
#include <stddef.h>

#include "rt/interrupt.h"
#include "rt/log.h"
#include "rt/service.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"
#include "rtc/clock.h"

struct pl031_registers {
    uint32_t RTCDR;   /* 0x00 now, in seconds */
    uint32_t RTCMR;   /* 0x04 interrupt when RTCDR gets this value */
    uint32_t RTCLR;   /* 0x08 */
    uint32_t RTCCR;   /* 0x0c control: 1 runs */
    uint32_t RTCIMSC; /* 0x10 1: interrupt on match */
    uint32_t RTCRIS;  /* 0x14 */
    uint32_t RTCMIS;  /* 0x18 */
    uint32_t RTCICR;  /* 0x1c 1 clears */
};
_Static_assert(offsetof(struct pl031_registers, RTCICR) == 0x1c, "DDI 0224, table 3-1");

static struct {
    volatile struct pl031_registers *registers;
    handle_t interrupt;
    uint64_t offset_ns; /* Unix time when the counter was 0 */
    bool is_precise;
    struct service service;
} rtc;

static void offset_measure(void)
{
    rtc.offset_ns = rtc.registers->RTCDR * NS_PER_S - time_now_ns();
}

static void on_interrupt(void *context)
{
    (void)context;
    offset_measure();
    rtc.is_precise = true;
    rtc.registers->RTCIMSC = 0;
    rtc.registers->RTCICR = 1;
    interrupt_done(rtc.interrupt);
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    (void)c;
    struct portal_message answer = {.word = {STATUS_BAD_CALL}};

    if (m->word[0] == CLOCK_READ) {
        uint64_t now_ns = time_now_ns() + rtc.offset_ns;

        answer = (struct portal_message){
            .word = {STATUS_OK, now_ns / NS_PER_S, rtc.offset_ns, rtc.is_precise}};
    }
    portal_answer(m, answer.word);
}

static void chip_start(void)
{
    offset_measure();
    rtc.registers->RTCCR = 1;
    rtc.registers->RTCICR = 1;
    rtc.registers->RTCMR = rtc.registers->RTCDR + 1;
    rtc.registers->RTCIMSC = 1;
}

int main(void)
{
    static const struct connection_ops ops = {.on_call = on_call};
    const struct startup_device *device = startup_device_find("arm,pl031", 0);
    unsigned bit;

    if (device == NULL || device->register_count < 1 || device->interrupt_count < 1)
        log_die("no arm,pl031 with registers and an interrupt was claimed");
    rtc.registers = (volatile struct pl031_registers *)(uintptr_t)device->registers[0].address;
    rtc.interrupt = device->interrupt[0].handle;
    /* Not interrupt_serve(): the callback at another moment wouldn't know where a second begins. */
    enum status s = loop_bit_allocate(on_interrupt, NULL, &bit);
    if (s == STATUS_OK)
        s = interrupt_bind(rtc.interrupt, loop_event(), UINT64_C(1) << bit);
    chip_start();
    if (s == STATUS_OK)
        s = service_offer(CLOCK_SERVICE, NULL, &ops, NULL, &rtc.service);
    if (s != STATUS_OK)
        log_die("%s can't start: %s", device->name, status_text(s));
    loop_run();
    return 0;
}
