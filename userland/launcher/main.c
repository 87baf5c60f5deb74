/*
 * Launcher: the first domain, and the only one that can make others.
 *
 * It reads the manifest, starts what is to be started, and then waits: for requests of
 * the domains it started (request.h), for the kernel's word that one of them has
 * stopped, and for the time to start one again.  It uses nobody's services, so nothing
 * that fails elsewhere can hold it up.
 */
#include "app.h"
#include "inspect.h"
#include "origin.h"
#include "request.h"
#include "services.h"
#include "startup_from.h"
#include "supervisor.h"

#include "rt/log.h"
#include "rt/loop.h"

static enum status launcher_init(struct property_error *error)
{
    request_handler *const handlers[REQUEST_KINDS] = {
        [REQUEST_APP] = app_on_request,
        [REQUEST_INSPECT] = inspect_on_request,
    };
    handle_t portals[REQUEST_KINDS];
    enum status s = origin_read(startup_boot_record(), error);

    if (s == STATUS_OK)
        s = request_init(handlers, portals);
    if (s == STATUS_OK)
        s = supervisor_init(portals[REQUEST_APP]);
    if (s == STATUS_OK)
        s = services_init();
    if (s == STATUS_OK)
        inspect_init(portals[REQUEST_INSPECT]);
    return s;
}

int main(void)
{
    struct property_error error = {.text = ""};
    const enum status s = launcher_init(&error);

    if (s != STATUS_OK)
        log_die("cannot start: %s", error.text[0] != '\0' ? error.text : status_text(s));
    supervisor_boot();
    loop_run();
    return 0;
}
