/*
 * Rows about handing over a linked structure: what one address space buys.
 *
 * A list of 10,000 nodes, each elsewhere than its neighbours, is built in a segment that the peer
 * may read.
 *   list_sum_handover  a portal call with the address of its head, the peer's sum of the list where
 *                      it lies, and the answer; less the sum itself, by the same loop, done here
 *   list_sum_copy      the same values through a ring, four in a message and 32 messages a bell, to
 *                      an urgent reader that adds them up as they come; less the sum itself.  A
 *                      ring can't carry the structure, so this is the least that copying costs
 */
#include "bench.h"
#include "entry.h"
#include "peer_client.h"
#include "ring_end.h"

#include "bench/peer.h"

#include "rt/memory.h"
#include "rt/portal.h"
#include "rt/syscall.h"

enum {
    NODES = 10000,
    STRIDE = 3847, /* shares no factor with NODES: walking by it meets every node once */
    ROUNDS = 64,
    BATCH = 32,
};

struct list {
    struct memory memory;
    const struct list_node *head;
    uint64_t sum;
    uint64_t sum_cost; /* of adding it up here */
};

static enum status list_build(struct list *list)
{
    const enum status s =
        memory_create(NODES * sizeof(struct list_node), "bench list", 0, &list->memory);

    if (s != STATUS_OK)
        return s;
    struct list_node *nodes = list->memory.address;
    list->sum = 0;
    for (unsigned i = 0; i < NODES; i++) {
        struct list_node *node = &nodes[i * STRIDE % NODES];
        node->value = i;
        node->next = i + 1 < NODES ? &nodes[(i + 1) * STRIDE % NODES] : NULL;
        list->sum += i;
    }
    list->head = nodes;
    return STATUS_OK;
}

static enum status sum_here(struct bench *bench, struct list *list)
{
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(ROUNDS); i++) {
        uint32_t begin = meter_read();
        uint64_t sum = entry_list_sum(list->head);
        samples_add(&bench->samples, begin, meter_read());
        if (sum != list->sum)
            return STATUS_BAD_DATA;
    }
    list->sum_cost = samples_percentile(&bench->samples, 50);
    return STATUS_OK;
}

/* What a sample cost more than the sum. */
static void add_more(struct bench *bench, const struct list *list, uint32_t begin, uint32_t end)
{
    uint64_t cost = meter_passed(begin, end);

    samples_add_value(&bench->samples, cost > list->sum_cost ? cost - list->sum_cost : 0);
}

static enum status sum_there(struct bench *bench, const struct list *list)
{
    handle_t shared, portal;

    enum status s = memory_share(&list->memory, RIGHT_READ, &shared);
    if (s == STATUS_OK)
        s = peer_list(bench->peer, shared, &portal);
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(ROUNDS) && s == STATUS_OK; i++) {
        struct portal_message message = {{(uintptr_t)list->head}, {0}};
        uint32_t begin = meter_read();
        s = portal_call(portal, &message);
        add_more(bench, list, begin, meter_read());
        if (s == STATUS_OK && message.word[0] != list->sum)
            s = STATUS_BAD_DATA;
    }
    return s;
}

/* Four values a message; the last one is filled up with zeroes. */
static enum status send_list(struct ring_end *end, const struct list_node *node)
{
    enum status s = STATUS_OK;

    while (node != NULL && s == STATUS_OK) {
        for (unsigned i = 0; i < BATCH && node != NULL; i++) {
            struct ring_message message = {{0}};
            for (unsigned word = 0; word < 4 && node != NULL; word++, node = node->next)
                message.word[word] = node->value;
            if (!ring_put(&end->producer, &message))
                return STATUS_WOULD_BLOCK;
        }
        if (ring_publish(&end->producer))
            s = event_signal(end->bell, UINT64_MAX);
    }
    return s;
}

static enum status sum_by_copy(struct bench *bench, const struct list *list)
{
    static struct ring_end end;
    uint64_t before = 0, after = 0;

    enum status s = ring_end_open(bench->peer, false, &end);
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(ROUNDS) && s == STATUS_OK; i++) {
        before = after;
        uint32_t begin = meter_read();
        s = send_list(&end, list->head);
        add_more(bench, list, begin, meter_read());
        if (s == STATUS_OK)
            s = peer_sum(bench->peer, end.number, &after);
        if (s == STATUS_OK && after - before != list->sum)
            s = STATUS_BAD_DATA;
    }
    return s;
}

void rows_of_lists(struct bench *bench)
{
    static struct list list;

    if (!bench_wants(bench, "list_sum_handover") && !bench_wants(bench, "list_sum_copy"))
        return;
    enum status s = list_build(&list);
    if (s == STATUS_OK)
        s = sum_here(bench, &list);
    if (s != STATUS_OK) {
        bench_report_failure(bench, "list_sum_handover", status_text(s));
        bench_report_failure(bench, "list_sum_copy", status_text(s));
        return;
    }
    if (bench_wants(bench, "list_sum_handover"))
        bench_report_if(bench, "list_sum_handover", sum_there(bench, &list));
    if (bench_wants(bench, "list_sum_copy"))
        bench_report_if(bench, "list_sum_copy", sum_by_copy(bench, &list));
}
