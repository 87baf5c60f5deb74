/*
 * The client library's file of this name; see client_names.h.
 */
#include "client_names.h"

#include "userland/net/client/status_client.c"
