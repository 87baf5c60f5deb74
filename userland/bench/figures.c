/*
 * Figures of other systems, measured in November 2026 with QEMU 10.0.2 (Debian 12
 * backports), `-M virt -cpu cortex-a72 -smp 1 -icount shift=0,sleep=off`, gcc 12.2, in
 * guest instructions, user and kernel together.
 *
 * seL4: 16.0.0-dev of August 2026, release build, fast path on, non-MCS, at EL1, own
 * minimal root task with hand-written user loops.
 * Linux: Debian's 6.12 arm64 cloud kernel booted with mitigations=off nokaslr
 * randomize_kstack_offset=off init_on_alloc=0 audit=0 apparmor=0 lsm= (the faster of two
 * setups; the default one where only that was measured, marked D), nginx 1.22 with
 * OpenSSL 3.0, TLS 1.3, AES-256-GCM, X25519, ECDSA P-256, virtio-net-pci, 512 MiB.
 *
 * What was compared, where it is not the same thing on each side:
 *   portal_cross_*      seL4 Call and ReplyRecv; Linux a byte through a pipe and back
 *   portal_cross_handle, handle_pass
 *                       Linux a descriptor passed over a unix socket and closed (D)
 *   list_sum_*          Linux 80,000 bytes through a pipe, one way: half a byte's round trip and
 *                       twenty times half of what 4 KiB add to one (D; derived, and too little:
 *                       only the first of the twenty wakes the reader)
 *   signal_wake_return, event_ping_pong
 *                       Linux an eventfd and back
 *   ring_msg_*          Linux half of a round trip of 64 bytes on a unix stream; seL4, for
 *                       ring_msg_b1, a signal to a waiter and back, without a message
 *   fault_roundtrip     seL4 a fault, the handler's reply, and the restart
 *   thread_create       Linux pthread_create and join (D)
 *   domain_create       seL4 with zeroed memory at hand; Linux posix_spawn of a tiny static
 *                       program, and waiting for it
 *   segment_*           seL4 a page of 4 KiB
 *   segment_cycle_4k    Linux mmap, touch and munmap of a page (D)
 *   boot_first_user     Linux to its first process; seL4 to its root task
 *
 * `aim` is what the project means to reach; one that depends on another row is given by the row
 * itself (bench_report_aimed()).
 */
#include "figures.h"

#include <string.h>

static const struct figure figures[] = {
    {"null_syscall", "system call that does nothing", 30, 96, 310},
    {"object_call", "smallest call on a kernel object", 90, 363, 0},
    {"portal_cross_0w", "portal call and return, other domain, 0 words", 96, 414, 11565},
    {"portal_cross_8w", "portal call and return, other domain, 8 words", 96, 1377, 11565},
    {"portal_cross_fp", "the same, FP registers in use on both sides", 150, 519, 0},
    {"portal_cross_handle", "the same, a handle passed", 220, 0, 7788},
    {"portal_cross_timeout", "the same, a timeout armed", 140, 0, 0},
    {"portal_same_0w", "portal call and return, same domain, 0 words", 0, 0, 0},
    {"portal_request", "request to a service in C, with its monitor", 0, 0, 11565},
    {"handle_pass", "request that passes a handle, closed there", 0, 0, 7788},
    {"portal_domains_10", "portal call with 10 more domains alive", 0, 414, 0},
    {"portal_domains_100", "portal call with 100 more domains alive", 0, 0, 0},
    {"portal_domains_1000", "portal call with 1,000 more domains alive", 0, 0, 0},
    {"portal_domains_10000", "portal call with 10,000 more domains alive", 0, 0, 0},
    {"list_sum_handover", "10,000-node list handed over, less its sum", 300, 0, 50774},
    {"list_sum_copy", "the same values copied by a ring, less the sum", 0, 0, 50774},
    {"signal_nobody", "event signal, nobody waits", 60, 338, 0},
    {"signal_wake_return", "event signal to an urgent waiter and back", 260, 889, 9543},
    {"event_ping_pong", "2 signals, 2 waits between equal threads", 450, 1907, 9543},
    {"ring_msg_b1", "ring message one way, reader asleep", 0, 889, 9066},
    {"ring_msg_b32", "ring message one way, 32 a wake-up", 0, 0, 0},
    {"ring_msg_running_b1", "ring message, both sides running", 60, 0, 9066},
    {"ring_msg_running_b32", "the same in batches of 32", 25, 0, 0},
    {"fault_roundtrip", "fault to a handler in another domain, back", 250, 1044, 0},
    {"thread_create", "thread created, to its first system call", 900, 4301, 38572},
    {"domain_create", "domain created, to its first system call", 5000, 17187, 208100},
    {"domain_destroy", "domain destroyed", 3000, 10260, 0},
    {"program_launch", "program launched, runs main(), ended", 0, 0, 208100},
    {"segment_create_4k", "4 KiB segment created, zeroed", 0, 0, 0},
    {"segment_create_2m", "2 MiB segment created, zeroed", 0, 0, 0},
    {"segment_create_1g", "1 GiB segment created, zeroed", 0, 0, 0},
    {"segment_grant_4k", "4 KiB segment granted to a view", 150, 553, 0},
    {"segment_grant_64k", "64 KiB segment granted to a view", 150, 0, 0},
    {"segment_grant_2m", "2 MiB segment granted to a view", 150, 0, 0},
    {"segment_grant_32m", "32 MiB segment granted to a view", 150, 0, 0},
    {"segment_grant_1g", "1 GiB segment granted to a view", 150, 0, 0},
    {"segment_revoke_4k", "4 KiB segment revoked from a view", 250, 503, 0},
    {"segment_revoke_64k", "64 KiB segment revoked from a view", 250, 0, 0},
    {"segment_revoke_2m", "2 MiB segment revoked from a view", 250, 0, 0},
    {"segment_revoke_32m", "32 MiB segment revoked from a view", 250, 0, 0},
    {"segment_revoke_1g", "1 GiB segment revoked from a view", 250, 0, 0},
    {"segment_cycle_4k", "page created, granted, touched, given back", 0, 0, 18241},
    {"irq_to_driver", "interrupt to first instruction of its driver", 250, 0, 0},
    {"irq_masked_max", "longest delay of an interrupt by teardown", 3000, 0, 0},
    {"irq_masked_worst", "longest delay by a domain that does its worst", 3000, 0, 0},
    {"wake_idle_p50", "deadline to woken thread, idle, median", 0, 0, 0},
    {"wake_idle_p99", "the same, 99 of 100 are no later", 0, 0, 0},
    {"wake_idle_max", "the same, the latest", 0, 0, 0},
    {"wake_loaded_p50", "deadline to woken thread, loaded, median", 0, 0, 0},
    {"wake_loaded_p99", "the same, 99 of 100 are no later", 0, 0, 0},
    {"wake_loaded_max", "the same, the latest", 0, 0, 0},
    {"wake_spinner_p50", "deadline to woken thread, urgent spinner, median", 0, 0, 0},
    {"wake_spinner_p99", "the same, 99 of 100 are no later", 0, 0, 0},
    {"wake_spinner_max", "the same, the latest", 0, 0, 0},
    {"boot_first_user", "kernel entry to first user instruction", 1000000, 2470000, 954000000},
    {"boot_first_https", "kernel entry to first HTTPS answer", 0, 0, 1297000000},
    {"https_keepalive_1k", "HTTPS request for 1 KiB, connection kept", 0, 0, 69000},
    {"https_handshake_full", "HTTPS request with a full handshake", 0, 0, 2500000},
    {"https_1m", "1 MiB over HTTPS", 0, 0, 12800000},
};

const struct figure *figure_table(size_t *count)
{
    *count = sizeof figures / sizeof figures[0];
    return figures;
}

const struct figure *figure_find(const char *id)
{
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (strcmp(figures[i].id, id) == 0)
            return &figures[i];
    }
    return NULL;
}
