/*
 * Client of app:Inspect.
 */
#include "inspect_client.h"

#include "rt/app.h"
#include "rt/memory.h"
#include "rt/portal.h"
#include "rt/syscall.h"

#include <stdbool.h>
#include <string.h>

/* Fill in words 1-2.  False: no domain can have such a name. */
static bool name_put(struct portal_message *m, const char *name)
{
    if (name == NULL)
        return true;
    const size_t length = strlen(name);
    if (length == 0 || length >= NAME_BYTES)
        return false;
    memcpy(&m->word[1], name, length);
    return true;
}

/* Fill in words 4-7.  False: the text is too long for them. */
static bool argument_put(struct portal_message *m, const char *argument)
{
    const size_t length = argument == NULL ? 0 : strlen(argument);

    if (length > INSPECT_ARGUMENT_BYTES)
        return false;
    if (length != 0)
        memcpy(&m->word[4], argument, length);
    return true;
}

static enum status inspect_request(const struct inspect *inspect, enum inspect_op op,
                                   const char *name, struct portal_message *m)
{
    m->word[0] = op;
    if (!name_put(m, name))
        return STATUS_NOT_FOUND;
    return portal_request(inspect->portal, m);
}

/* Into our view; a handle that leads to nothing that can be read isn't kept. */
static enum status buffer_adopt(handle_t segment, struct memory *out)
{
    const enum status s = memory_adopt(segment, RIGHT_READ, out);

    if (s != STATUS_OK && segment != 0)
        (void)!handle_close(segment);
    return s;
}

enum status inspect_open(struct inspect *out)
{
    struct inspect inspect = {0};
    struct portal_message m = {.word = {INSPECT_OPEN}};
    struct memory buffer;
    enum status s = app_connect(INSPECT_SERVICE, &inspect.portal);

    if (s != STATUS_OK)
        return s;
    s = portal_call_with(inspect.portal, &m, DEADLINE_NEVER);
    if (s == STATUS_OK)
        s = (enum status)m.word[0];
    if (s == STATUS_OK)
        s = buffer_adopt(m.handle[0], &buffer);
    if (s != STATUS_OK) {
        inspect_close(&inspect);
        return s;
    }
    inspect.segment = buffer.segment;
    inspect.buffer = buffer.address;
    inspect.buffer_bytes = buffer.length_bytes;
    *out = inspect;
    return STATUS_OK;
}

void inspect_close(struct inspect *inspect)
{
    if (inspect->segment != 0) {
        struct memory buffer = {.segment = inspect->segment,
                                .address = (void *)(uintptr_t)inspect->buffer,
                                .length_bytes = inspect->buffer_bytes};
        memory_release(&buffer);
    }
    if (inspect->portal != 0) {
        const enum status s = handle_close(inspect->portal);
        (void)s;
    }
    *inspect = (struct inspect){0};
}

/* What the reply says must lie inside the buffer, and hold at least `record_bytes` each. */
static enum status records_from(const struct inspect *inspect, const struct portal_message *m,
                                struct inspect_records *out)
{
    const uint64_t count = m->word[1];
    const uint64_t stride = m->word[2];

    if (count != 0 && (stride == 0 || count > inspect->buffer_bytes / stride))
        return STATUS_BAD_DATA;
    *out = (struct inspect_records){
        .first = inspect->buffer, .count = (uint32_t)count, .stride_bytes = (uint32_t)stride};
    return STATUS_OK;
}

enum status inspect_list(struct inspect *inspect, enum inspect_op op, const char *name,
                         uint64_t *cursor, struct inspect_records *out)
{
    struct portal_message m = {.word = {[3] = *cursor}};
    enum status s = inspect_request(inspect, op, name, &m);

    if (s == STATUS_OK)
        s = records_from(inspect, &m, out);
    if (s == STATUS_OK)
        *cursor = m.word[3];
    return s;
}

/* The one record that there must be. */
static enum status records_copy(const struct inspect_records *records, void *out, size_t out_bytes)
{
    if (records->count != 1 || records->stride_bytes < out_bytes)
        return STATUS_BAD_DATA;
    memcpy(out, records->first, out_bytes);
    return STATUS_OK;
}

static enum status inspect_one(struct inspect *inspect, enum inspect_op op, const char *name,
                               uint64_t argument, void *out, size_t out_bytes)
{
    uint64_t cursor = argument;
    struct inspect_records records;
    const enum status s = inspect_list(inspect, op, name, &cursor, &records);

    return s == STATUS_OK ? records_copy(&records, out, out_bytes) : s;
}

enum status inspect_get(struct inspect *inspect, enum inspect_op op, const char *name, void *out,
                        size_t out_bytes)
{
    return inspect_one(inspect, op, name, 0, out, out_bytes);
}

enum status inspect_address(struct inspect *inspect, uint64_t address, struct inspect_address *out)
{
    return inspect_one(inspect, INSPECT_ADDRESS, NULL, address, out, sizeof *out);
}

enum status inspect_symbol(struct inspect *inspect, uint64_t address, struct inspect_symbol *out)
{
    return inspect_one(inspect, INSPECT_SYMBOL, NULL, address, out, sizeof *out);
}

static enum status inspect_control(struct inspect *inspect, enum inspect_op op, const char *name,
                                   const char *argument)
{
    struct portal_message m = {.word = {0}};

    return argument_put(&m, argument) ? inspect_request(inspect, op, name, &m)
                                      : STATUS_BAD_ARGUMENT;
}

enum status inspect_why(struct inspect *inspect, const char *name, const char *target,
                        struct inspect_why *out)
{
    struct portal_message m = {.word = {0}};
    struct inspect_records records;

    /* No name is as long as that, so the beginning of a text that is longer is nobody's either. */
    memcpy(&m.word[4], target, strnlen(target, INSPECT_ARGUMENT_BYTES));
    enum status s = inspect_request(inspect, INSPECT_WHY, name, &m);
    if (s == STATUS_OK)
        s = records_from(inspect, &m, &records);
    return s == STATUS_OK ? records_copy(&records, out, sizeof *out) : s;
}

enum status inspect_launch(struct inspect *inspect, const char *name, const char *argument)
{
    return inspect_control(inspect, INSPECT_LAUNCH, name, argument);
}

enum status inspect_stop(struct inspect *inspect, const char *name)
{
    return inspect_control(inspect, INSPECT_STOP, name, NULL);
}

enum status inspect_restart(struct inspect *inspect, const char *name)
{
    return inspect_control(inspect, INSPECT_RESTART, name, NULL);
}

enum status inspect_kill(struct inspect *inspect, const char *name, const char *argument)
{
    return inspect_control(inspect, INSPECT_KILL, name, argument);
}

enum status inspect_poweroff(struct inspect *inspect)
{
    return inspect_control(inspect, INSPECT_POWEROFF, NULL, NULL);
}

enum status inspect_reboot(struct inspect *inspect)
{
    return inspect_control(inspect, INSPECT_REBOOT, NULL, NULL);
}

enum status inspect_populate(struct inspect *inspect, const char *program,
                             const struct inspect_population *population)
{
    enum status s = STATUS_OK;
    uint64_t count;

    do {
        struct portal_message m = {
            .word = {[3] = population->entry, population->domains, population->handles}};
        s = inspect_request(inspect, INSPECT_POPULATE, program, &m);
        count = m.word[3];
    } while (s == STATUS_OK && count != population->domains);
    return s;
}
