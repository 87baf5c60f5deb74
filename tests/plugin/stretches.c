/*
 * How long the kernel goes on with interrupts masked: a plugin that counts inside QEMU.
 *
 * The kernel runs with interrupts masked throughout and takes them at few places: on its way back
 * to a program, and where it asks on purpose.  What it executes from one such place, a cut, to the
 * next is a stretch, and its instructions are what an interrupt may have to wait for.  The
 * longest stretches of different lengths are kept, with the addresses they executed.
 *
 * Arguments: cuts=FILE has the addresses of the cuts, hexadecimal and one a line; begin=FILE is
 * looked at through a shared mapping, and counting begins at the first cut after its first byte
 * has become '1'; out=FILE gets the result when QEMU ends: a line "looked COUNT", then for each
 * kept stretch "stretch LENGTH ADDRESS ...".
 *
 * Counts for one CPU.  Its thread alone touches the state, but for the end: then the CPU has
 * stopped.
 *
 * PLUGIN_API is the version of the interface: 1 for QEMU 7.2, at least 2 for QEMU 10.0.
 * Debian ships no header, so what is used is declared here.
 * Source: QEMU, docs/devel/tcg-plugins.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CUTS_MAX = 64, KEPT_MAX = 32, STEPS_MAX = 1 << 16, PATH_BYTES = 4096 };

/* The kernel's addresses begin here; programs are below, and so is what boots. */
#define KERNEL_START UINT64_C(0xffffffff80000000)

/* QEMU's side. */

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;   /* a block that is being translated; borrowed during the callback */
struct qemu_plugin_insn; /* one instruction of it, likewise */
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t,
                                                            struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
                                            void (*callback)(unsigned, void *),
                                            enum qemu_plugin_cb_flags flags, void *argument);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void *),
                                    void *argument);

/* What QEMU looks for. */
extern const int qemu_plugin_version;
int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

const int qemu_plugin_version = PLUGIN_API;

struct stretch {
    size_t length;             /* instructions; 0 is a free place */
    uint64_t steps[STEPS_MAX]; /* the addresses of the first so many of them */
};

static struct stretch current; /* the one that is being executed */
static struct stretch kept[KEPT_MAX];
static uint64_t looked; /* how many have ended since counting began */
static bool counting;

static uint64_t cuts[CUTS_MAX];
static size_t cut_count;
static const volatile char *begin; /* written by the test */
static char out_path[PATH_BYTES];

static size_t stretch_steps(const struct stretch *s)
{
    return s->length < STEPS_MAX ? s->length : STEPS_MAX;
}

/* The place of the shortest, or NULL if `length` is no longer than it or there already. */
static struct stretch *place_for(size_t length)
{
    struct stretch *shortest = &kept[0];

    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (kept[i].length == length)
            return NULL;
        if (kept[i].length < shortest->length)
            shortest = &kept[i];
    }
    return shortest->length < length ? shortest : NULL;
}

static void stretch_end(void)
{
    if (current.length == 0)
        return;
    looked++;

    struct stretch *place = place_for(current.length);
    if (place != NULL) {
        place->length = current.length;
        memcpy(place->steps, current.steps, stretch_steps(&current) * sizeof current.steps[0]);
    }
    current.length = 0;
}

static void on_instruction(unsigned cpu, void *address)
{
    (void)cpu;
    if (!counting)
        return;
    if (current.length < STEPS_MAX)
        current.steps[current.length] = (uintptr_t)address;
    current.length++;
}

static void on_cut(unsigned cpu, void *address)
{
    stretch_end();
    counting = *begin == '1';
    on_instruction(cpu, address);
}

static bool is_cut(uint64_t address)
{
    for (size_t i = 0; i < cut_count; i++) {
        if (cuts[i] == address)
            return true;
    }
    return false;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        uint64_t address = qemu_plugin_insn_vaddr(instruction);

        if (address >= KERNEL_START)
            qemu_plugin_register_vcpu_insn_exec_cb(
                instruction, is_cut(address) ? on_cut : on_instruction, QEMU_PLUGIN_CB_NO_REGS,
                (void *)(uintptr_t)address);
    }
}

static void on_end(qemu_plugin_id_t id, void *argument)
{
    (void)id;
    (void)argument;
    stretch_end();

    FILE *out = fopen(out_path, "w");
    if (out == NULL) {
        perror(out_path);
        return;
    }
    fprintf(out, "looked %" PRIu64 "\n", looked);
    for (size_t i = 0; i < KEPT_MAX && kept[i].length > 0; i++) {
        fprintf(out, "stretch %zu", kept[i].length);
        for (size_t k = 0; k < stretch_steps(&kept[i]); k++)
            fprintf(out, " %" PRIx64, kept[i].steps[k]);
        fputs("\n", out);
    }
    fclose(out);
}

static bool cuts_read(const char *path)
{
    FILE *in = fopen(path, "r");

    if (in == NULL) {
        perror(path);
        return false;
    }
    while (cut_count < CUTS_MAX && fscanf(in, "%" SCNx64, &cuts[cut_count]) == 1)
        cut_count++;
    bool is_whole = feof(in);
    fclose(in);
    if (!is_whole)
        fprintf(stderr, "%s: more than %d cuts, or something else\n", path, CUTS_MAX);
    return is_whole;
}

static bool begin_map(const char *path)
{
    int file = open(path, O_RDONLY);
    off_t size = file < 0 ? 0 : lseek(file, 0, SEEK_END);
    void *mapping = size <= 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);

    if (file >= 0)
        close(file);
    if (mapping == MAP_FAILED) {
        fprintf(stderr, "%s: can't be mapped, or is empty\n", path);
        return false;
    }
    begin = mapping;
    return true;
}

/* What follows `name` and an equals sign in the arguments; NULL if it isn't there. */
static char *argument_named(const char *name, int argc, char **argv)
{
    size_t length = strlen(name);

    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    }
    return NULL;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    const char *cuts_path = argument_named("cuts", argc, argv);
    const char *begin_path = argument_named("begin", argc, argv);
    const char *out_text = argument_named("out", argc, argv);

    (void)info;
    if (cuts_path == NULL || begin_path == NULL || out_text == NULL) {
        fputs("stretches: needs cuts=FILE, begin=FILE and out=FILE\n", stderr);
        return -1;
    }
    if (!cuts_read(cuts_path) || !begin_map(begin_path))
        return -1;
    if (snprintf(out_path, sizeof out_path, "%s", out_text) >= PATH_BYTES)
        return -1;

    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
