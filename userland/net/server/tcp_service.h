/*
 * net:Tcp: clients' messages, read and checked.
 */
#pragma once

#include "abi/status.h"

/* Offer the service.  Errors: those of service_offer(). */
CHECK_RESULT enum status tcp_service_start(void);
