/*
 * The manifest is read strictly: what is right arrives whole, and what is wrong is
 * refused with the node and the property that are to blame.
 *
 * Manifests are written as source and compiled by dtc, as in the build.
 */
// source: userland/launcher/manifest.c
// source: userland/launcher/property.c
// source: userland/launcher/syscall_set.c
// source: core/abi/syscall.c
#define _GNU_SOURCE /* memmem, mkstemp, popen */
#include "userland/launcher/manifest.h"

#include "app/syscall_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TREE_BYTES_MAX = 64 * 1024 };

struct tree {
    _Alignas(8) uint8_t bytes[TREE_BYTES_MAX];
    size_t length;
};

/* Compile what stands between the braces of `domains`. */
static void compile(const char *domains, struct tree *out)
{
    char path[] = "/tmp/manifest-test-XXXXXX";
    char command[128];
    const int file = mkstemp(path);
    FILE *source;

    assert_true(file >= 0);
    source = fdopen(file, "w");
    assert_non_null(source);
    (void)fprintf(source, "/dts-v1/;\n/ { compatible = \"rotunda,manifest\"; domains { %s }; };\n",
                  domains);
    (void)fclose(source);
    (void)snprintf(command, sizeof command, "dtc -q -I dts -O dtb %s", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    out->length = fread(out->bytes, 1, sizeof out->bytes, pipe);
    assert_int_equal(pclose(pipe), 0);
    (void)unlink(path);
}

static struct tree tree;
static struct manifest manifest;
static struct property_error error;

static enum status read_manifest(const char *domains)
{
    compile(domains, &tree);
    memset(&manifest, 0xa5, sizeof manifest);
    memset(&error, 0, sizeof error);
    return manifest_read(tree.bytes, tree.length, &manifest, &error);
}

static void assert_refused(const char *domains, const char *sentence)
{
    assert_int_equal(read_manifest(domains), STATUS_BAD_DATA);
    if (strcmp(error.text, sentence) != 0)
        fail_msg("said \"%s\", not \"%s\"", error.text, sentence);
}

static const char good[] =
    "pl011 { start = \"boot\"; priority = <48 49>; budget-us = <2000 10000>; system-calls = "
    "\"driver\";"
    "  offers = \"console:Tty\"; restart = \"on-fault\"; restart-delay-ms = <50>;"
    "  restart-limit = <3>; heartbeat-ms = <600>; takes-log; quota-frames = <128>; quota-handles = "
    "<40>;"
    "  quota-threads = <2>; quota-objects = <20>; quota-log-bytes = <900>; quota-connections = "
    "<7>; heap-bytes = <0x20000>;"
    "  stack-bytes = <0x4000>; denied-call = \"fault\";"
    "  claims { uart { compatible = \"arm,pl011\"; }; };"
    "};"
    "net { program = \"net-stack\"; argument = \"dhcp\"; system-calls = \"service\", \"log_read\";"
    "  offers = \"net:Tcp\", \"net:Udp\"; connects = \"console:Tty\", \"app:Inspect\";"
    "  launches = \"pl011\"; sees-archive;"
    "  claims { nic { compatible = \"virtio,mmio\"; virtio-device-id = <1>; optional; }; };"
    "};"
    "bench { start = \"on-demand\"; system-calls = \"application\"; };";

static void a_full_manifest_arrives_whole(void **state)
{
    (void)state;
    if (read_manifest(good) != STATUS_OK)
        fail_msg("%s", error.text);
    assert_int_equal(manifest.domain_count, 3);

    const struct manifest_domain *uart = manifest_find(&manifest, "pl011");
    assert_non_null(uart);
    assert_string_equal(uart->program, "pl011");
    assert_int_equal(uart->start, MANIFEST_START_BOOT);
    assert_int_equal(uart->priority, 48);
    assert_int_equal(uart->highest_priority, 49);
    assert_int_equal(uart->budget_us, 2000);
    assert_int_equal(uart->period_us, 10000);
    assert_int_equal(uart->restart, MANIFEST_RESTART_ON_FAULT);
    assert_int_equal(uart->restart_delay_ms, 50);
    assert_int_equal(uart->restart_limit, 3);
    assert_int_equal(uart->heartbeat_ms, 600);
    assert_true(uart->takes_log);
    assert_true(uart->denial_faults);
    assert_false(uart->sees_archive);
    assert_int_equal(uart->quota.frames, 128);
    assert_int_equal(uart->quota.handles, 40);
    assert_int_equal(uart->quota.threads, 2);
    assert_int_equal(uart->quota.objects, 20);
    assert_int_equal(uart->quota_connections, 7);
    assert_int_equal(uart->heap_bytes, 0x20000);
    assert_int_equal(uart->stack_bytes, 0x4000);
    assert_int_equal(uart->claim_count, 1);
    assert_string_equal(uart->claims[0].name, "uart");
    assert_string_equal(uart->claims[0].compatible, "arm,pl011");
    assert_false(uart->claims[0].has_virtio_id);
    assert_false(uart->claims[0].is_optional);
    assert_true(uart->syscall_mask & UINT64_C(1) << SYS_INTERRUPT_BIND);

    const struct manifest_domain *net = manifest_find(&manifest, "net");
    assert_non_null(net);
    assert_string_equal(net->program, "net-stack");
    assert_string_equal(net->argument, "dhcp");
    assert_int_equal(net->offer_count, 2);
    assert_int_equal(net->connect_count, 2);
    assert_true(net->sees_archive);
    assert_true(net->claims[0].has_virtio_id);
    assert_int_equal(net->claims[0].virtio_id, 1);
    assert_true(net->claims[0].is_optional);
    assert_true(net->syscall_mask & UINT64_C(1) << SYS_LOG_READ);
    assert_false(net->syscall_mask & UINT64_C(1) << SYS_INTERRUPT_BIND);

    const struct manifest_domain *bench = manifest_find(&manifest, "bench");
    assert_non_null(bench);
    assert_int_equal(bench->start, MANIFEST_START_ON_DEMAND);
    assert_int_equal(bench->restart, MANIFEST_RESTART_NEVER);
    assert_int_equal(bench->quota_connections, 32);
    assert_false(bench->syscall_mask & UINT64_C(1) << SYS_PORTAL_CREATE);
}

static void policy_is_what_stands_there_and_no_more(void **state)
{
    (void)state;
    assert_int_equal(read_manifest(good), STATUS_OK);
    const struct manifest_domain *net = manifest_find(&manifest, "net");
    const struct manifest_domain *bench = manifest_find(&manifest, "bench");

    assert_true(manifest_may_offer(net, "net:Tcp"));
    assert_false(manifest_may_offer(net, "console:Tty"));
    assert_true(manifest_may_connect(net, "console:Tty"));
    assert_true(manifest_may_connect(net, "app:Inspect"));
    assert_false(manifest_may_connect(net, "net:Tcp"));
    assert_false(manifest_may_connect(bench, "console:Tty"));
    assert_true(manifest_may_launch(net, "pl011"));
    assert_false(manifest_may_launch(net, "bench"));
    assert_ptr_equal(manifest_owner(&manifest, "net:Udp"), net);
    assert_null(manifest_owner(&manifest, "net:Raw"));
    assert_null(manifest_find(&manifest, "ne"));
    assert_true(manifest_is_builtin("app:App"));
    assert_false(manifest_is_builtin("app:Apps"));
}

static void calls_are_named_as_the_manifest_names_them(void **state)
{
    uint64_t mask = 0;

    (void)state;
    for (uint64_t number = 0; number < 64; number++) {
        const char *word = syscall_set_word(number);
        if (word == NULL)
            continue;
        assert_int_equal(syscall_set_find(word, &mask), STATUS_OK);
        assert_true(mask == UINT64_C(1) << number);
    }
    assert_string_equal(syscall_set_word(SYS_LOG_READ), "log_read");
    assert_null(syscall_set_word(SYS_DOMAIN_CREATE));
    assert_null(syscall_set_word(UINT64_MAX));
}

static void assert_words(uint64_t mask, const char *wanted)
{
    char said[1024] = "";

    for (const char *word; (word = syscall_set_take(&mask)) != NULL;) {
        strcat(said, word);
        strcat(said, " ");
    }
    assert_string_equal(said, wanted);
}

/* As few as there are, so an entry's mask is said in the entry's own words. */
static void a_mask_is_said_in_few_words(void **state)
{
    uint64_t driver = 0, service = 0, log_read = 0, revoke = 0;

    (void)state;
    assert_int_equal(syscall_set_find("driver", &driver), STATUS_OK);
    assert_int_equal(syscall_set_find("service", &service), STATUS_OK);
    assert_int_equal(syscall_set_find("log_read", &log_read), STATUS_OK);
    assert_int_equal(syscall_set_find("handle_revoke", &revoke), STATUS_OK);
    assert_words(driver, "driver ");
    assert_words(service | log_read | revoke, "service handle_revoke log_read ");
    assert_words(log_read | UINT64_C(1) << SYS_DOMAIN_CREATE, "log_read ");
    assert_words(0, "");

    /* One call less, and it is that set no more. */
    driver &= ~(UINT64_C(1) << SYS_INTERRUPT_ACK);
    assert_words(driver, "service segment_dma_address interrupt_bind ");
    service &= ~(UINT64_C(1) << SYS_NULL);
    uint64_t left = service;
    unsigned words = 0;
    while (syscall_set_take(&left) != NULL)
        words++;
    assert_int_equal(left, 0);
    assert_int_equal(words, __builtin_popcountll(service));
}

static void no_set_holds_what_only_the_launcher_may(void **state)
{
    static const int forbidden[] = {
        SYS_SEGMENT_CREATE_DEVICE, SYS_SEGMENT_CREATE_ALIAS, SYS_SEGMENT_CREATE_BEHIND,
        SYS_SEGMENT_OPEN,          SYS_DOMAIN_CREATE,        SYS_DOMAIN_GIVE,
        SYS_DOMAIN_STOP,           SYS_DOMAIN_DESTROY,       SYS_INTERRUPT_CREATE,
        SYS_SYSTEM_CONTROL,
    };

    (void)state;
    assert_int_equal(read_manifest(good), STATUS_OK);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        assert_false(manifest.domains[0].syscall_mask & UINT64_C(1) << forbidden[i]);
}

/* With it a client takes memory back that a driver's device still writes to. */
static void revoking_has_its_own_word_only(void **state)
{
    static const char *const sets[] = {"application", "service", "driver"};
    uint64_t mask = 0;

    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        assert_int_equal(syscall_set_find(sets[i], &mask), STATUS_OK);
        assert_false(mask & UINT64_C(1) << SYS_HANDLE_REVOKE);
    }
    assert_int_equal(syscall_set_find("handle_revoke", &mask), STATUS_OK);
    assert_true(mask == UINT64_C(1) << SYS_HANDLE_REVOKE);
}

#define CALLS "system-calls = \"service\"; "

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_refused("a { " CALLS "stack-bytes = <4096>; };",
                   "a: stack-bytes: 4096 is not between 8192 and 1048576");
    assert_refused("a { " CALLS "heap-bytes = <0x1001>; };",
                   "a: heap-bytes: 4097 is not a multiple of the page size");
    assert_refused("a { " CALLS "quota-frames = <1 2>; };",
                   "a: quota-frames: takes 1 numbers, has 8 bytes");
    assert_refused("a { " CALLS "quota-connections = <65537>; };",
                   "a: quota-connections: 65537 is not between 0 and 65536");
    assert_refused("a { " CALLS "quota-handles = <0>; };",
                   "a: quota-handles: 0 is not between 1 and 65536");
    assert_refused("a { " CALLS "priority = <10 64>; };",
                   "a: priority: <10 64>: main thread, then highest, at most 63");
    assert_refused("a { " CALLS "priority = <11 10>; };",
                   "a: priority: <11 10>: main thread, then highest, at most 63");
    assert_refused("a { " CALLS "budget-us = <49 1000>; };",
                   "a: budget-us: <49 1000>: CPU time, at least 50, in each period, at most "
                   "60000000");
    assert_refused("a { " CALLS "budget-us = <1001 1000>; };",
                   "a: budget-us: <1001 1000>: CPU time, at least 50, in each period, at most "
                   "60000000");
    assert_refused("a { " CALLS "budget-us = <0 1000>; };",
                   "a: budget-us: <0 1000>: CPU time, at least 50, in each period, at most "
                   "60000000");
    assert_refused("a { " CALLS "budget-us = <1000 60000001>; };",
                   "a: budget-us: <1000 60000001>: CPU time, at least 50, in each period, at most "
                   "60000000");
    assert_refused("a { " CALLS "heartbeat-ms = <149>; };",
                   "a: heartbeat-ms: 149 is not between 150 and 60000");
    assert_refused("a { " CALLS "heartbeat-ms = <600>; priority = <8 56>; };",
                   "a: heartbeat-ms: needs a priority below the launcher's, 56");
    assert_refused("a { " CALLS "interrupts-per-second = <50000>; };",
                   "a: interrupts-per-second: needs `heartbeat-ms`");
    assert_refused("a { system-calls = \"event_wait\"; heartbeat-ms = <600>; };",
                   "a: heartbeat-ms: needs event_signal and handle_duplicate in `system-calls`");
    assert_refused("a { " CALLS "restart-limit = <0>; };",
                   "a: restart-limit: 0 is not between 1 and 1000");
}

static void words_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    assert_refused("a { " CALLS "restart = \"sometimes\"; };",
                   "a: restart: 'sometimes' is not a word that it knows");
    assert_refused("a { " CALLS "start = <0x61626364>; };", "a: start: is not text");
    assert_refused("a { system-calls = \"segment_craete\"; };",
                   "a: system-calls: 'segment_craete' is neither a set nor a call");
    assert_refused("a { system-calls = \"domain_create\"; };",
                   "a: system-calls: 'domain_create' is neither a set nor a call");
    assert_refused("a { };", "a: system-calls: is missing");
    assert_refused("a { " CALLS "quota-frame = <1>; };",
                   "a: quota-frame: is not a property that the manifest knows");
    assert_refused("a { " CALLS "claim { }; };", "a: claim: is not a node that the manifest knows");
    assert_refused("a { " CALLS "takes-log = \"yes\"; };", "a: takes-log: takes no value");
}

static void names_are_checked(void **state)
{
    (void)state;
    assert_refused("A { " CALLS "};", "A: a domain's name is at most 15 of a-z, 0-9 and -");
    assert_refused("abcdefghijklmnop { " CALLS "};",
                   "abcdefghijklmnop: a domain's name is at most 15 of a-z, 0-9 and -");
    assert_refused("launcher { " CALLS "};", "launcher: this name is taken");
    assert_refused("a { " CALLS "program = \"\"; };", "a: program: '' is not a name");
    assert_refused("a { " CALLS "offers = \"Tcp\"; };",
                   "a: offers: 'Tcp' is not of the form 'net:Tcp'");
    assert_refused("a { " CALLS "offers = \"net:\"; };",
                   "a: offers: 'net:' is not of the form 'net:Tcp'");
    assert_refused("a { " CALLS "offers = \"net:Tcp\", \"net:Tcp\"; };",
                   "a: offers: 'net:Tcp' stands there twice");
    assert_refused("a { " CALLS "offers = \"network:Transmission\"; };",
                   "a: offers: 'network:Transmission' is longer than 15 characters");
    assert_refused("a { " CALLS "offers = \"\"; };", "a: offers: has an empty name");
}

static void domains_must_fit_together(void **state)
{
    (void)state;
    assert_refused("a { " CALLS "connects = \"net:Tcp\"; };",
                   "a: connects: nobody offers 'net:Tcp'");
    assert_refused("a { " CALLS "offers = \"net:Tcp\"; }; b { " CALLS "offers = \"net:Tcp\"; };",
                   "b: offers: 'net:Tcp' is already offered by a");
    assert_refused("a { " CALLS "offers = \"app:App\"; };",
                   "a: offers: 'app:App' is the launcher's");
    assert_refused("a { " CALLS "launches = \"b\"; };", "a: launches: there is no domain 'b'");
    assert_refused("", "domains: is empty");
}

static void claims_are_checked(void **state)
{
    (void)state;
    assert_refused("a { " CALLS "claims { x { }; }; };", "x: compatible: is missing");
    assert_refused("a { " CALLS "claims { x { compatible = \"arm,pl011\";"
                   " virtio-device-id = <1>; }; }; };",
                   "x: virtio-device-id: only goes with compatible = \"virtio,mmio\"");
    assert_refused("a { " CALLS "claims { x { compatible = \"virtio,mmio\";"
                   " virtio-device-id = <0>; }; }; };",
                   "x: virtio-device-id: 0 is not between 1 and 63");
    assert_refused("a { " CALLS "claims { x { compatible = \"a\"; irq = <1>; }; }; };",
                   "x: irq: is not a property that the manifest knows");
    assert_refused("a { " CALLS "claims { a { compatible = \"a\"; }; b { compatible = \"a\"; };"
                   " c { compatible = \"a\"; }; d { compatible = \"a\"; };"
                   " e { compatible = \"a\"; }; }; };",
                   "a: claims: has more than 4 devices");
}

static void too_many_domains_are_refused(void **state)
{
    static char source[8192];
    char *end = source;

    (void)state;
    for (int i = 0; i <= MANIFEST_DOMAINS_MAX; i++)
        end += snprintf(end, (size_t)(source + sizeof source - end), "d%d { " CALLS "};\n", i);
    assert_refused(source, "d48: is one domain too many: 48 are the limit");
}

static void what_is_no_manifest_is_refused(void **state)
{
    static const uint64_t zeroes[16];

    (void)state;
    assert_int_equal(manifest_read(zeroes, sizeof zeroes, &manifest, &error), STATUS_BAD_DATA);
    assert_non_null(strstr(error.text, "manifest: is no compiled devicetree"));

    compile("a { " CALLS "};", &tree);
    char *compatible = memmem(tree.bytes, tree.length, "rotunda,", 8);
    assert_non_null(compatible);
    compatible[0] = 'x';
    assert_int_equal(manifest_read(tree.bytes, tree.length, &manifest, &error), STATUS_BAD_DATA);
    assert_string_equal(error.text, "manifest: compatible: is not \"rotunda,manifest\"");
}

/* The one that the image is built with, found beside this file. */
static void the_system_manifest_is_good(void **state)
{
    char command[512];
    const char *name = strrchr(__FILE__, '/');

    (void)state;
    assert_non_null(name);
    (void)snprintf(command, sizeof command,
                   "dtc -q -I dts -O dtb %.*s/../../userland/launcher/manifest.dts",
                   (int)(name - __FILE__), __FILE__);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    tree.length = fread(tree.bytes, 1, sizeof tree.bytes, pipe);
    assert_int_equal(pclose(pipe), 0);
    if (manifest_read(tree.bytes, tree.length, &manifest, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    assert_non_null(manifest_owner(&manifest, "net:Tcp"));
}

/* Every prefix, and every single byte changed: an answer, and no access outside the tree. */
static void damaged_manifests_never_hurt(void **state)
{
    (void)state;
    compile(good, &tree);
    for (size_t length = 0; length < tree.length; length += 3) {
        uint8_t *exact = malloc(length + 1);
        memcpy(exact, tree.bytes, length);
        assert_int_equal(manifest_read(exact, length, &manifest, &error), STATUS_BAD_DATA);
        free(exact);
    }
    uint8_t *copy = malloc(tree.length);
    for (size_t i = 0; i < tree.length; i++) {
        memcpy(copy, tree.bytes, tree.length);
        copy[i] ^= (uint8_t)(1U << i % 8);
        assert_in_range(manifest_read(copy, tree.length, &manifest, &error), 0, STATUS_COUNT - 1);
        copy[i] = 0xff;
        assert_in_range(manifest_read(copy, tree.length, &manifest, &error), 0, STATUS_COUNT - 1);
    }
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_manifest_arrives_whole),
        cmocka_unit_test(policy_is_what_stands_there_and_no_more),
        cmocka_unit_test(calls_are_named_as_the_manifest_names_them),
        cmocka_unit_test(a_mask_is_said_in_few_words),
        cmocka_unit_test(no_set_holds_what_only_the_launcher_may),
        cmocka_unit_test(revoking_has_its_own_word_only),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(words_that_mean_nothing_are_refused),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(domains_must_fit_together),
        cmocka_unit_test(claims_are_checked),
        cmocka_unit_test(too_many_domains_are_refused),
        cmocka_unit_test(what_is_no_manifest_is_refused),
        cmocka_unit_test(the_system_manifest_is_good),
        cmocka_unit_test(damaged_manifests_never_hurt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
