/*
 * The shared space for tests of segments and views: RAM, domains that are nothing but an owner
 * and a view, and a walk of their tables by the manual, which knows nothing of the kernel's names.
 */
#pragma once

#include "domains/segment.h"
#include "fake_machine.h"

static const paddr_t FAKE_RAM = 0x40000000;

/* Whether an interrupt waits to be taken. */
extern bool fake_is_interrupted;

/* Start over with `pages` of RAM, no domain and no segment. */
void fake_space_start(uint64_t pages);

/* Pages of RAM that are not in use. */
uint64_t fake_space_free(void);

/* A domain with a view; `frames` is its quota. */
void fake_domain_init(struct domain *domain, uint32_t id, uint32_t frames);
/* Take it apart: its view empties, its segments go on without an owner. */
void fake_domain_end(struct domain *domain);

/* How many slots the segments in its view take. */
uint32_t fake_view_slots(const struct domain *domain);

/* Make a segment and build it to the end; NULL, and `*status` says why, if that fails. */
struct segment *fake_segment_make(struct domain *owner, const struct segment_request *request,
                                  enum status *status);

/* Tear down all that is dead. */
void fake_segments_reap(void);

struct fake_walk {
    rights_t rights; /* 0: a translation or permission fault at any access */
    paddr_t physical;
    paddr_t level2; /* the tables that the walk went through; 0: none */
    paddr_t level3;
    bool is_device;
};

/* What the hardware finds at `address` from the domain's root on. */
struct fake_walk fake_walk(const struct domain *domain, uaddr_t address);
