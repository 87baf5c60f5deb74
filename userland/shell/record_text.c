/*
 * Words for records.
 */
#include "record_text.h"

#include "abi/rights.h"
#include "app/inspect.h"

struct name_text text_of_name(struct name name)
{
    struct name_text out = {"-"};

    if (name.text[0] != '\0')
        shown_text(out.text, sizeof out.text, name.text, sizeof name.text);
    return out;
}

struct rights_text text_of_access(rights_t rights)
{
    struct rights_text out = {{
        (rights & RIGHT_READ) != 0 ? 'r' : '-',
        (rights & RIGHT_WRITE) != 0 ? 'w' : '-',
        (rights & RIGHT_EXECUTE) != 0 ? 'x' : '-',
        '\0',
    }};
    return out;
}

/*
 * One letter a right, always in the same place: a table of handles stays narrow, and what
 * is missing is as easy to see as what is there.
 */
struct rights_text text_of_rights(rights_t rights)
{
    static const struct {
        rights_t right;
        char letter;
    } letters[] = {
        {RIGHT_READ, 'r'},    {RIGHT_WRITE, 'w'},     {RIGHT_EXECUTE, 'x'},  {RIGHT_DMA, 'm'},
        {RIGHT_CALL, 'c'},    {RIGHT_SIGNAL, 's'},    {RIGHT_WAIT, 'a'},     {RIGHT_MANAGE, 'g'},
        {RIGHT_INSPECT, 'i'}, {RIGHT_DUPLICATE, 'd'}, {RIGHT_TRANSFER, 't'},
    };
    struct rights_text out;
    size_t count = sizeof letters / sizeof letters[0];

    for (size_t i = 0; i < count; i++)
        out.text[i] = (rights & letters[i].right) != 0 ? letters[i].letter : '-';
    out.text[count] = '\0';
    return out;
}

static const char *word_of(const char *const *words, size_t count, uint32_t value)
{
    return value < count && words[value] != NULL ? words[value] : "unknown";
}

const char *text_of_object_type(uint32_t type)
{
    static const char *const words[OBJECT_TYPE_COUNT] = {
        [OBJECT_NONE] = "none",           [OBJECT_DOMAIN] = "domain", [OBJECT_THREAD] = "thread",
        [OBJECT_PORTAL] = "portal",       [OBJECT_EVENT] = "event",   [OBJECT_SEGMENT] = "segment",
        [OBJECT_INTERRUPT] = "interrupt", [OBJECT_CLOCK] = "clock",   [OBJECT_FACTORY] = "factory",
    };
    return word_of(words, OBJECT_TYPE_COUNT, type);
}

const char *text_of_thread_state(uint32_t state)
{
    static const char *const words[] = {
        [THREAD_STATE_READY] = "ready",
        [THREAD_STATE_RUNNING] = "running",
        [THREAD_STATE_WAITING_EVENT] = "waits for event",
        [THREAD_STATE_WAITING_PORTAL] = "waits for portal",
        [THREAD_STATE_PARKED] = "parked",
        [THREAD_STATE_SLEEPING] = "sleeping",
        [THREAD_STATE_STOPPED] = "stopped",
    };
    return word_of(words, sizeof words / sizeof words[0], state);
}

const char *text_of_inspect_state(uint32_t state)
{
    static const char *const words[] = {
        [INSPECT_IDLE] = "idle",
        [INSPECT_RUNNING] = "running",
        [INSPECT_BACKING_OFF] = "backing off",
        [INSPECT_FAILED] = "failed",
        [INSPECT_STOPPED] = "stopped",
        [INSPECT_EXITED] = "exited",
        [INSPECT_NO_DEVICE] = "no device",
    };
    return word_of(words, sizeof words / sizeof words[0], state);
}

const char *text_of_cpu_state(uint32_t state)
{
    static const char *const words[] = {
        [CPU_STATE_STARTING] = "starting", [CPU_STATE_ONLINE] = "in use",
        [CPU_STATE_FAILED] = "failed",     [CPU_STATE_ABANDONED] = "never came",
        [CPU_STATE_HALTED] = "halted",
    };
    return word_of(words, sizeof words / sizeof words[0], state);
}
