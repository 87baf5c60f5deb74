/*
 * At most four ASIDs, so that few domains are more than there are.
 */
#pragma once

#include "domains/include/domains/asid.h"

#define ASID_COUNT_MAX 5
