/*
 * net:Status: records for people, pings and name resolution.
 */
#pragma once

#include "abi/status.h"

/* Offer the service.  Errors: those of service_offer(), OUT_OF_MEMORY. */
CHECK_RESULT enum status status_service_start(void);

/* Tell clients how their errands ended. */
void status_service_settle(void);
