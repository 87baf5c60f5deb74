/*
 * Verbs that change something: domains started and stopped, the machine switched off.
 */
#include "terminal.h"
#include "unit.h"
#include "verb.h"
#include "words.h"

#include "listing.h"
#include "record_text.h"

#include "console/tty.h"
#include "rt/counter.h"
#include "rt/startup.h"
#include "rt/time.h"
#include "uart/port.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Say what `s` means for the domain `name`; true if it is an error. */
static bool control_failed(enum status s, const char *verb, const char *name)
{
    switch (s) {
    case STATUS_OK:
        return false;
    case STATUS_NOT_FOUND:
        printf("no domain \"%s\" in the manifest: domains lists them\n", name);
        return true;
    case STATUS_BUSY:
        printf("%s runs already: restart starts it again\n", name);
        return true;
    case STATUS_BAD_STATE:
        printf("%s isn't running: domains says how it is\n", name);
        return true;
    case STATUS_DENIED:
        if (strcmp(name, VERB_LAUNCHER) == 0)
            printf("%s starts and stops all others, and nobody it: reboot starts the machine "
                   "again\n",
                   name);
        else
            printf("the manifest doesn't let the shell %s %s\n", verb, name);
        return true;
    default:
        printf("cannot %s %s: %s; the log may say more\n", verb, name, status_text(s));
        return true;
    }
}

/* Whether a domain can be launched with that argument; says why not.  NULL: without one. */
static bool argument_fits(const char *argument)
{
    const size_t length = argument == NULL ? 0 : strlen(argument);

    if (length > INSPECT_ARGUMENT_BYTES)
        printf("the argument has %zu characters: %d at most\n", length, INSPECT_ARGUMENT_BYTES);
    return length <= INSPECT_ARGUMENT_BYTES;
}

void verb_launch(struct shell *shell, int count, char **arguments)
{
    const char *argument = count > 1 ? arguments[1] : NULL;
    struct inspect *inspect = verb_inspect(shell);

    if (inspect == NULL || !argument_fits(argument))
        return;
    enum status s = inspect_launch(inspect, arguments[0], argument);
    if (!control_failed(s, "launch", arguments[0]))
        printf("%s runs\n", arguments[0]);
}

/* Whether the domain `name` carries what is typed here; without it nobody could launch it again. */
static bool domain_carries_terminal(struct shell *shell, const char *name)
{
    struct listing listing;

    if (strcmp(name, startup_get()->program) == 0)
        return true;
    listing_init(&listing, shell, INSPECT_SERVICES, NULL);
    for (const struct inspect_service *service; (service = listing_next(&listing)) != NULL;) {
        const struct name_text text = text_of_name(service->name);
        if ((strcmp(text.text, TTY_SERVICE) == 0 || strcmp(text.text, UART_SERVICE) == 0)
            && strcmp(text_of_name(service->owner).text, name) == 0)
            return true;
    }
    return false;
}

void verb_stop(struct shell *shell, int count, char **arguments)
{
    struct inspect *inspect = verb_inspect(shell);

    (void)count;
    if (domain_carries_terminal(shell, arguments[0])) {
        printf("%s carries this conversation: restart it instead\n", arguments[0]);
        return;
    }
    if (inspect != NULL
        && !control_failed(inspect_stop(inspect, arguments[0]), "stop", arguments[0]))
        printf("%s is stopped\n", arguments[0]);
}

void verb_restart(struct shell *shell, int count, char **arguments)
{
    struct inspect *inspect = verb_inspect(shell);

    (void)count;
    if (inspect != NULL
        && !control_failed(inspect_restart(inspect, arguments[0]), "restart", arguments[0]))
        printf("%s is restarted\n", arguments[0]);
}

void verb_kill(struct shell *shell, int count, char **arguments)
{
    struct inspect *inspect = verb_inspect(shell);
    uint64_t after_ms = 0;
    char text[24];

    if (count > 1 && (!words_number(arguments[1], &after_ms) || after_ms > INSPECT_KILL_MS_MAX)) {
        printf("\"%s\" is no time to wait: 0 to %d ms, which is a day\n", arguments[1],
               INSPECT_KILL_MS_MAX);
        return;
    }
    snprintf(text, sizeof text, "%" PRIu64, after_ms);
    if (inspect == NULL
        || control_failed(inspect_kill(inspect, arguments[0], text), "kill", arguments[0]))
        return;
    if (after_ms == 0)
        printf("%s is killed\n", arguments[0]);
    else
        printf("%s will be killed in %" PRIu64 " ms\n", arguments[0], after_ms);
}

/* Whether the domain `name` is running now. */
static bool domain_runs(struct shell *shell, const char *name)
{
    const struct inspect_domain *domain = listing_find_domain(shell, name);

    return domain != NULL && domain->state == INSPECT_RUNNING;
}

/* For tools/bench: what the whole machine has executed, to be subtracted from a later reading. */
static void print_counter(void)
{
    if (startup_get()->has_pmu == 0)
        puts("this machine counts no instructions: start QEMU with -icount shift=0");
    else
        printf("instruction counter %" PRIu32 " (32 bits, wraps around)\n",
               (uint32_t)counter_instructions());
}

static void bench_run(struct shell *shell, struct inspect *inspect, const char *argument)
{
    enum { LOOK_MS = 250 };

    if (control_failed(inspect_launch(inspect, "bench", argument), "launch", "bench"))
        return;
    while (domain_runs(shell, "bench")) {
        if (terminal_wait_quit(time_after_ns(LOOK_MS * NS_PER_MS))) {
            (void)!inspect_stop(inspect, "bench");
            puts("stopped");
            return;
        }
    }
}

void verb_bench(struct shell *shell, int count, char **arguments)
{
    /* The device whose interrupt is measured has a driver, which makes way meanwhile. */
    static const char device_driver[] = "pl061";
    struct inspect *inspect = verb_inspect(shell);

    if (inspect == NULL || (count > 0 && !argument_fits(arguments[0])))
        return;
    if (count > 0 && strcmp(arguments[0], "counter") == 0) {
        print_counter();
        return;
    }
    bool has_made_way =
        domain_runs(shell, device_driver) && inspect_stop(inspect, device_driver) == STATUS_OK;
    bench_run(shell, inspect, count > 0 ? arguments[0] : NULL);
    if (has_made_way)
        (void)verb_failed(inspect_launch(inspect, device_driver, NULL),
                          "cannot start the power button's driver again");
}

void verb_reboot(struct shell *shell, int count, char **arguments)
{
    struct inspect *inspect = verb_inspect(shell);

    (void)count;
    (void)arguments;
    if (inspect != NULL)
        (void)verb_failed(inspect_reboot(inspect), "cannot reboot");
}

void verb_poweroff(struct shell *shell, int count, char **arguments)
{
    struct inspect *inspect = verb_inspect(shell);

    (void)count;
    (void)arguments;
    if (inspect != NULL)
        (void)verb_failed(inspect_poweroff(inspect), "cannot switch the machine off");
}
