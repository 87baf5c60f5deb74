/*
 * Loader: the steps, each of which may fail.
 *
 * `*loaded` is filled as the steps succeed and zero elsewhere, so one function takes any
 * half-made domain apart.
 */
#include "loader.h"

#include "handle.h"
#include "origin.h"
#include "voice.h"

#include "rt/startup.h"
#include "rt/syscall.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const rights_t read_write = RIGHT_READ | RIGHT_WRITE;
static const rights_t pass_on = RIGHT_DUPLICATE | RIGHT_TRANSFER;
static const rights_t read_execute = RIGHT_READ | RIGHT_EXECUTE;

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

static uint64_t slot_up(uint64_t bytes)
{
    return (bytes + SLOT_BYTES - 1) & ~(SLOT_BYTES - 1);
}

/* "net.data": cut to what a label holds. */
static struct name label_of(const struct load_request *request, const char *what)
{
    char text[2 * NAME_BYTES];

    (void)snprintf(text, sizeof text, "%s.%s", request->domain->name, what);
    return name_from(text);
}

static void *pointer(uaddr_t address)
{
    return (void *)(uintptr_t)address;
}

static enum status load_domain(const struct load_request *request, struct loaded *loaded)
{
    const struct manifest_domain *domain = request->domain;
    const struct domain_attributes attributes = {
        .name = name_from(domain->name),
        .syscall_mask = domain->syscall_mask,
        .quota = domain->quota,
        .highest_priority = domain->highest_priority,
        .flags = domain->denial_faults ? DOMAIN_DENIAL_FAULTS : 0,
        .event = request->event,
        .event_bits = request->event_bits,
        .budget_ns = domain->budget_us * UINT64_C(1000),
        .period_ns = domain->period_us * UINT64_C(1000),
    };
    struct info_domain info;
    uint64_t next = 0;
    enum status s = domain_create(origin_get()->boot.factory, &attributes, &loaded->domain);

    if (s == STATUS_OK)
        s = domain_info(loaded->domain, INFO_DOMAIN, 0, &info, sizeof info, &next);
    if (s == STATUS_OK)
        loaded->domain_id = info.id;
    return s;
}

/* Data, bss and heap; at least a page, for every program has an event word. */
static uint64_t data_bytes(const struct load_request *request,
                           const struct archive_program *program)
{
    const uint64_t bytes = page_up(program->data_memory_bytes) + request->domain->heap_bytes;

    return bytes != 0 ? bytes : PAGE_BYTES;
}

/* From here on it is the program's: in its view, and on its bill. */
static enum status hand_over(const struct loaded_segment *segment, handle_t domain, rights_t rights)
{
    const enum status s = segment_assign(segment->handle, domain);

    return s == STATUS_OK ? segment_grant(segment->handle, domain, rights) : s;
}

/*
 * Where its text is whole.  A restart gives a domain data and stack anew, but text runs in place: a
 * bit of it that has flipped would be there in every life.
 */
static void text_choose(const struct load_request *request, struct loaded *loaded)
{
    const struct archive_program *program = loaded->program;
    const char *name = request->domain->name;

    loaded->text_offset = program->text_offset;
    loaded->text_checksum = program->checksum;
    loaded->is_text_unsure = program->spare_offset == 0;
    if (!request->is_suspect)
        return;
    if (archive_sound_text(&origin_get()->archive, program, &loaded->text_offset) != STATUS_OK) {
        loaded->is_text_unsure = true;
        voice_line(name, "both copies of its text are damaged");
    } else if (loaded->text_offset != program->text_offset) {
        voice_line(name, "its text is damaged, so it gets the spare copy");
    }
}

static enum status load_text(const struct load_request *request, struct loaded *loaded)
{
    const struct boot_record *boot = &origin_get()->boot;
    const struct archive_program *program = loaded->program;
    const uint64_t bytes = program->text_bytes + program->rodata_bytes;
    const uint64_t behind = slot_up(data_bytes(request, program));

    text_choose(request, loaded);
    const enum status s = segment_create_alias(
        boot->factory, boot->archive, loaded->text_offset, bytes, program->text_bytes, behind,
        label_of(request, "text"), &loaded->text.handle, &loaded->text.address);

    if (s != STATUS_OK)
        return s;
    loaded->text.bytes = bytes;
    return hand_over(&loaded->text, loaded->domain, read_execute);
}

static enum status load_data(const struct load_request *request, struct loaded *loaded)
{
    const struct archive_program *program = loaded->program;
    const uint64_t bytes = data_bytes(request, program);
    enum status s = segment_create_behind(
        origin_get()->boot.factory, loaded->text.handle, program->data_address_offset, bytes,
        label_of(request, "data"), &loaded->data.handle, &loaded->data.address);

    if (s != STATUS_OK)
        return s;
    loaded->data.bytes = bytes;
    if (program->data_file_bytes != 0) {
        s = segment_grant(loaded->data.handle, 0, read_write);
        if (s != STATUS_OK)
            return s;
        memcpy(pointer(loaded->data.address), origin_get()->archive.start + program->data_offset,
               program->data_file_bytes);
        s = segment_revoke(loaded->data.handle, 0);
    }
    return s == STATUS_OK ? hand_over(&loaded->data, loaded->domain, read_write) : s;
}

/* ---- the startup record ---- */

static enum status give_segment(const struct loaded *loaded, const struct loaded_segment *segment,
                                rights_t rights, struct startup_segment *out)
{
    out->address = segment->address;
    out->length_bytes = segment->bytes;
    return domain_give(loaded->domain, segment->handle, rights, 0, &out->handle);
}

static enum status give_device(const struct loaded *loaded, const struct claimed *claimed,
                               struct startup_device *out)
{
    const struct device *device = &claimed->device;
    enum status s = STATUS_OK;

    (void)snprintf(out->name, sizeof out->name, "%s", device->name);
    (void)snprintf(out->compatible, sizeof out->compatible, "%s", device->compatible);
    out->clock_hz = device->clock_hz;
    for (unsigned i = 0; i < device->register_count && i < STARTUP_REGISTERS; i++) {
        const struct registers *registers = &claimed->registers[i];
        s = segment_grant(registers->segment, loaded->domain, read_write);
        if (s == STATUS_OK)
            s = domain_give(loaded->domain, registers->segment, read_write | pass_on, 0,
                            &out->registers[i].handle);
        if (s != STATUS_OK)
            return s;
        out->registers[i].address = registers->address;
        out->registers[i].length_bytes = device->registers[i].size;
        out->register_count++;
    }
    for (unsigned i = 0; i < device->interrupt_count && i < STARTUP_INTERRUPTS; i++) {
        s = domain_give(loaded->domain, claimed->interrupts[i], RIGHT_MANAGE, 0,
                        &out->interrupt[i].handle);
        if (s != STATUS_OK)
            return s;
        out->interrupt[i].number = device->interrupts[i].number;
        out->interrupt_count++;
    }
    return s;
}

static enum status give_archive(const struct loaded *loaded, struct startup_segment *out)
{
    const struct boot_record *boot = &origin_get()->boot;
    const struct loaded_segment archive = {
        .handle = boot->archive, .address = boot->archive_address, .bytes = boot->archive_bytes};
    const enum status s = segment_grant(boot->archive, loaded->domain, RIGHT_READ);

    return s == STATUS_OK ? give_segment(loaded, &archive, RIGHT_READ, out) : s;
}

static enum status give_all(const struct load_request *request, const struct loaded *loaded,
                            struct startup *out)
{
    enum status s = domain_give(loaded->domain, request->app_portal, RIGHT_CALL | RIGHT_INSPECT,
                                request->badge, &out->app_portal);

    if (s == STATUS_OK)
        s = domain_give(loaded->domain, loaded->domain, RIGHT_INSPECT | RIGHT_MANAGE, 0,
                        &out->own_domain);
    if (s == STATUS_OK && request->domain->heartbeat_ms != 0)
        s = domain_give(loaded->domain, request->answer_event, RIGHT_SIGNAL, request->answer_bit,
                        &out->heartbeat);
    if (s == STATUS_OK)
        s = give_segment(loaded, &loaded->text, RIGHT_READ, &out->text);
    if (s == STATUS_OK)
        s = give_segment(loaded, &loaded->data, read_write, &out->data);
    if (s == STATUS_OK)
        s = give_segment(loaded, &loaded->stack, read_write, &out->stack);
    if (s == STATUS_OK && request->domain->sees_archive)
        s = give_archive(loaded, &out->archive);
    for (uint32_t i = 0; i < loaded->claims.count && s == STATUS_OK; i++) {
        s = give_device(loaded, &loaded->claims.devices[i], &out->device[i]);
        out->device_count = i + 1;
    }
    return s;
}

static void startup_describe(const struct load_request *request, const struct loaded *loaded,
                             struct startup *out)
{
    const struct info_machine *machine = &origin_get()->machine;

    out->magic = STARTUP_MAGIC;
    out->version = STARTUP_VERSION;
    out->bytes = sizeof *out;
    out->heap_start = loaded->data.address + page_up(loaded->program->data_memory_bytes);
    out->heap_end = loaded->data.address + loaded->data.bytes;
    (void)snprintf(out->program, sizeof out->program, "%s", request->domain->name);
    (void)snprintf(out->argument, sizeof out->argument, "%s", request->argument);
    out->highest_priority = request->domain->highest_priority;
    out->priority = request->domain->priority;
    out->restarts = request->restarts;
    out->domain_id = loaded->domain_id;
    out->counter_frequency_hz = machine->counter_frequency;
    out->crypto = machine->has_crypto;
    out->has_pmu = machine->has_pmu;
    out->cpu_count = machine->cpu_online != 0 ? machine->cpu_online : 1;
    for (unsigned i = 0; i < 4; i++)
        out->random[i] = origin_random();
}

/* The record's place: as high in the stack as its alignment lets it. */
static uaddr_t startup_address(const struct loaded *loaded)
{
    return (loaded->stack.address + loaded->stack.bytes - sizeof(struct startup)) & ~UINT64_C(63);
}

static enum status load_stack(const struct load_request *request, struct loaded *loaded)
{
    const uint64_t bytes =
        PAGE_BYTES + page_up(request->domain->stack_bytes) + page_up(sizeof(struct startup));
    enum status s = segment_create(bytes, read_write, 0, bytes, label_of(request, "stack"),
                                   &loaded->stack.handle, &loaded->stack.address);

    if (s != STATUS_OK)
        return s;
    loaded->stack.bytes = bytes;
    s = segment_grant(loaded->stack.handle, 0, read_write);
    if (s != STATUS_OK)
        return s;
    struct startup *startup = pointer(startup_address(loaded));
    startup_describe(request, loaded, startup);
    s = give_all(request, loaded, startup);
    const enum status revoked = segment_revoke(loaded->stack.handle, 0);
    if (s == STATUS_OK)
        s = revoked;
    return s == STATUS_OK ? hand_over(&loaded->stack, loaded->domain, read_write) : s;
}

static enum status load_thread(const struct load_request *request, struct loaded *loaded)
{
    const uaddr_t startup = startup_address(loaded);
    const uint64_t cpus = request->domain->cpus;
    const enum status s =
        thread_create(loaded->domain, loaded->text.address + loaded->program->entry_offset, startup,
                      startup, request->domain->priority, &loaded->thread);

    /* Not its creator's, which may be a client's thread that asks for the launch. */
    return s == STATUS_OK ? thread_set_affinity(loaded->thread, cpus == 0 ? UINT64_MAX : cpus) : s;
}

/* ---- all of it ---- */

struct step {
    const char *what;
    enum status (*run)(const struct load_request *request, struct loaded *loaded);
};

static const struct step steps[] = {
    {"the domain", load_domain}, {"the text", load_text},     {"the data", load_data},
    {"the stack", load_stack},   {"the thread", load_thread},
};

enum status loader_load(const struct load_request *request, struct loaded *out)
{
    const struct manifest_domain *domain = request->domain;

    *out = (struct loaded){0};
    out->program = archive_find(&origin_get()->archive, domain->program);
    if (out->program == NULL || out->program->text_bytes == 0) {
        voice_line(domain->name, "there is no program \"%s\" in the boot archive", domain->program);
        return STATUS_NOT_FOUND;
    }
    enum status s = claims_take(domain, &out->claims);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        s = steps[i].run(request, out);
        if (s != STATUS_OK) {
            voice_line(domain->name, "loading %s failed: %s", steps[i].what, status_text(s));
            loader_unload(out);
            return s;
        }
    }
    return STATUS_OK;
}

static void unload_segment(struct loaded_segment *segment)
{
    if (segment->handle == 0)
        return;
    /* Ours only if loading broke off in the middle. */
    const enum status s = segment_revoke(segment->handle, 0);
    (void)s;
    handle_withdraw(segment->handle);
}

bool loader_text_is_sound(const struct loaded *loaded)
{
    return loaded->is_text_unsure
           || archive_is_sound(&origin_get()->archive, loaded->text_offset, loaded->text.bytes,
                               loaded->text_checksum);
}

void loader_stop(struct loaded *loaded)
{
    if (loaded->domain == 0)
        return;
    const enum status s = domain_stop(loaded->domain);
    (void)s;
}

void loader_unload(struct loaded *loaded)
{
    loader_stop(loaded);
    if (loaded->domain != 0) {
        claims_quiet(&loaded->claims);
        const enum status s = domain_destroy(loaded->domain);
        (void)s;
    }
    handle_withdraw(loaded->thread);
    handle_withdraw(loaded->domain);
    unload_segment(&loaded->stack);
    unload_segment(&loaded->data);
    unload_segment(&loaded->text);
    claims_release(&loaded->claims);
    *loaded = (struct loaded){0};
}
