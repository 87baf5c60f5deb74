/*
 * Words for app:Inspect, by which one looks at everything and steers everything.  All that looks is
 * asked for as it comes; what steers does as it is told, so it is aimed:
 *
 *   LAUNCH, STOP, RESTART, KILL  of the decoy (hostile.dtsi), which nobody needs, of the launcher,
 *                                which refuses, and of nobody; LAUNCH of the intruder, too, which
 *                                runs.  Anybody else would end, and who is served by it complain;
 *                                the usurper would take somebody's place
 *   MEASURE, POPULATE            with entries of entry.S, or such as no text has.  The thread that
 *                                they start is more urgent than all others: at any other place it
 *                                could loop, and nobody would run again
 *   POPULATE                     for up to seven domains, or for more than there may be: the most
 *                                that there may be are the machine's memory
 *   POWEROFF, REBOOT             not at all: the machine ends, and the attack with it
 */
#include "inspect_words.h"

#include "chance.h"
#include "words.h"

#include "app/inspect.h"
#include "rt/log.h"
#include "rt/memory.h"
#include "rt/syscall.h"

#include <string.h>

_Static_assert(SYS_THREAD_EXIT == 23 && SYS_THREAD_PARK == 27, "entry.S makes these");

enum {
    NAME_WORD = 1,
    CURSOR_WORD = 3,
    ARGUMENT_WORD = 4,
    DEAR_ONCE_IN = 32,
    DECOY_ONCE_IN = 256, /* each brings some lines to the log */
    COPIES = 8,
};

void entry_ends(void);
void entry_faults(void);

/* ---- what is said in the words behind the operation ---- */

static void name_say(struct portal_message *m, const char *name)
{
    const struct name said = name_from(name);

    memcpy(&m->word[NAME_WORD], &said, sizeof said);
}

/* No domain's: these are of letters, digits and hyphens. */
static void name_say_strange(struct portal_message *m)
{
    m->word[NAME_WORD] = chance_word() | 0x80;
    m->word[NAME_WORD + 1] = chance_word();
}

static void name_choose(struct portal_message *m)
{
    static const char *const names[] = {
        "app:App", "pl011", "console", "virtio-net", "virtio-rng", "pl061",    "pl031", "net",
        "web",     "shell", "bench",   "bench-peer", "usurper",    "intruder", "decoy", "",
    };

    if (chance_once_in(8))
        name_say_strange(m);
    else
        name_say(m, names[chance_below(sizeof names / sizeof names[0])]);
}

/* What it isn't given stays as it is: edges and noise, mostly no text. */
static void argument_choose(struct portal_message *m)
{
    static const char *const texts[] = {"",
                                        "",
                                        "net:Tcp",
                                        "app:Inspect",
                                        "web",
                                        "decoy",
                                        "no:Such",
                                        "console:Tty=1/1",
                                        "0",
                                        "1",
                                        "-1",
                                        "86400000",
                                        "86400001",
                                        "99999999999999999999",
                                        "as long as words 4 to 7, no zero"};
    const char *text = texts[chance_below(sizeof texts / sizeof texts[0])];

    if (chance_once_in(16))
        return;
    memset(&m->word[ARGUMENT_WORD], 0, INSPECT_ARGUMENT_BYTES);
    memcpy(&m->word[ARGUMENT_WORD], text, strlen(text));
}

static uint64_t some_address(void)
{
    static const uint64_t kernel = UINT64_C(0xffffffff80000000);
    static const int own = 0;

    switch (chance_below(5)) {
    case 0:
        return (uint64_t)(uintptr_t)&own - chance_below(64 * 1024);
    case 1:
        return (uint64_t)(uintptr_t)entry_ends + chance_below(256);
    case 2:
        return kernel + chance_below(1024 * 1024);
    case 3:
        return chance_word() >> chance_below(64);
    default:
        return chance_edge();
    }
}

static uint64_t some_cursor(void)
{
    switch (chance_below(4)) {
    case 0:
        return chance_edge();
    case 1:
        return chance_below(64);
    case 2:
        return chance_below(64) << 32 | chance_below(8);
    default:
        return 0;
    }
}

/* ---- what steers ---- */

/* With most arguments it ends at once; with none it stays, to be stopped or killed. */
static void steer_decoy(struct portal_message *m)
{
    name_say(m, "decoy");
    if (chance_once_in(2))
        memset(&m->word[ARGUMENT_WORD], 0, INSPECT_ARGUMENT_BYTES);
}

static void steer(struct portal_message *m)
{
    if (m->word[0] == INSPECT_LAUNCH && chance_once_in(4))
        name_say(m, "intruder");
    else if (chance_once_in(DECOY_ONCE_IN))
        steer_decoy(m);
    else if (chance_once_in(3))
        name_say(m, "app:App");
    else if (chance_once_in(3))
        name_say(m, "");
    else
        name_say_strange(m);
}

static uint64_t some_entry(void)
{
    switch (chance_below(6)) {
    case 0:
        return (uint64_t)(uintptr_t)entry_ends;
    case 1:
        return (uint64_t)(uintptr_t)entry_faults;
    case 2:
        return (uint64_t)(uintptr_t)entry_ends + 2; /* between two instructions */
    case 3:
        return UINT64_C(0xffffffff80000000);
    case 4:
        return UINT64_MAX - chance_below(8);
    default:
        return 0;
    }
}

static void copy(struct portal_message *m)
{
    static const char *const names[] = {"intruder", "intruder", "decoy", "bench", "app:App", ""};

    name_say(m, names[chance_below(sizeof names / sizeof names[0])]);
    m->word[CURSOR_WORD] = some_entry();
    if (m->word[0] == INSPECT_POPULATE) {
        m->word[4] = chance_once_in(8) ? chance_edge() : chance_below(COPIES);
        m->word[5] = chance_once_in(8) ? chance_edge() : chance_below(COPIES);
    }
}

/* ---- all of it ---- */

/* For these the launcher asks the kernel once for each record, or makes something. */
static bool is_dear(uint64_t operation)
{
    switch (operation) {
    case INSPECT_SERVICES:
    case INSPECT_THREADS:
    case INSPECT_HANDLES:
    case INSPECT_VIEW:
    case INSPECT_RINGS:
    case INSPECT_AUDIT:
    case INSPECT_POPULATE:
        return true;
    default:
        return false;
    }
}

void inspect_call(struct portal_message *m)
{
    words_fill(m, INSPECT_OPEN, INSPECT_KILL + 1);
    if (is_dear(m->word[0]) && !chance_once_in(DEAR_ONCE_IN))
        m->word[0] = INSPECT_DOMAINS;
    name_choose(m);
    argument_choose(m);
    m->word[CURSOR_WORD] = some_cursor();
    switch (m->word[0]) {
    case INSPECT_POWEROFF:
    case INSPECT_REBOOT:
        m->word[0] = INSPECT_MACHINE;
        break;
    case INSPECT_LAUNCH:
    case INSPECT_STOP:
    case INSPECT_RESTART:
    case INSPECT_KILL:
        steer(m);
        break;
    case INSPECT_MEASURE:
    case INSPECT_POPULATE:
        copy(m);
        break;
    case INSPECT_ADDRESS:
    case INSPECT_SYMBOL:
        m->word[CURSOR_WORD] = some_address();
        break;
    default:
        break;
    }
}

void inspect_answered(uint64_t operation, const struct portal_message *answer)
{
    const uint64_t records = answer->word[1], bytes = answer->word[2];

    if (operation != INSPECT_OPEN && records != 0
        && (bytes == 0 || records > INSPECT_BUFFER_BYTES / bytes))
        log_die("%s answers with records that are not in its buffer", INSPECT_SERVICE);
}

/* Seen until the end: the launcher has to take it back then. */
void inspect_begin(handle_t portal)
{
    static struct memory buffer;
    struct portal_message m = {.word = {INSPECT_OPEN}};

    memory_release(&buffer);
    if (portal_call_with(portal, &m, DEADLINE_NEVER) == STATUS_OK && m.word[0] == STATUS_OK
        && memory_adopt(m.handle[0], RIGHT_READ, &buffer) != STATUS_OK)
        log_die("%s: its buffer isn't there", INSPECT_SERVICE);
}
