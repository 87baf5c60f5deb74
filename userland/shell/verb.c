/*
 * The table of verbs, and running one.
 */
#include "verb.h"

#include "words.h"

#include <stdio.h>
#include <string.h>

static const struct verb verbs[] = {
    {"domains", "", "list domains: state, ASID, CPU time, memory", VERB_TAKES_NOTHING, 0, 0,
     verb_domains},
    {"threads", "[domain]", "list threads: state, priority, budget, where they execute",
     VERB_TAKES_DOMAIN, 0, 1, verb_threads},
    {"services", "", "list services: owner and clients", VERB_TAKES_NOTHING, 0, 0, verb_services},
    {"why", "<domain> <service>|<domain>", "what the manifest lets a domain have, and why",
     VERB_TAKES_DOMAIN, 2, 2, verb_why},
    {"audit", "[domain]", "what domains asked for, and got or didn't get", VERB_TAKES_DOMAIN, 0, 1,
     verb_audit},
    {"quotas", "[domain]", "what domains have of what they may; of one: system calls, too",
     VERB_TAKES_DOMAIN, 0, 1, verb_quotas},
    {"handles", "<domain>", "list a domain's handles: kind, rights, badge", VERB_TAKES_DOMAIN, 1, 1,
     verb_handles},
    {"map", "<domain>|<address>", "what a domain sees; who owns an address", VERB_TAKES_DOMAIN, 1,
     1, verb_map},
    {"rings", "", "list rings: fill, wake-ups, stalls", VERB_TAKES_NOTHING, 0, 0, verb_rings},
    {"cpus", "", "list processors: what they run, how long they were idle", VERB_TAKES_NOTHING, 0,
     0, verb_cpus},
    {"irqs", "", "list interrupts: owner and count", VERB_TAKES_NOTHING, 0, 0, verb_irqs},
    {"fault", "<domain>", "the last fault of a domain, with a backtrace", VERB_TAKES_DOMAIN, 1, 1,
     verb_fault},
    {"crashes", "[domain]", "the last deaths; of one domain: reports, backtraces, its last lines",
     VERB_TAKES_DOMAIN, 0, 1, verb_crashes},
    {"mem", "", "where the memory went", VERB_TAKES_NOTHING, 0, 0, verb_mem},
    {"top", "[seconds]", "CPU shares, refreshed; q or Ctrl-C ends it", VERB_TAKES_TEXT, 0, 1,
     verb_top},
    {"log", "[-f]", "the kernel's log; -f follows it until q or Ctrl-C", VERB_TAKES_TEXT, 0, 1,
     verb_log},
    {"net", "", "network addresses, sockets and counters", VERB_TAKES_NOTHING, 0, 0, verb_net},
    {"ping", "<host> [times]", "ask a host for an echo", VERB_TAKES_TEXT, 1, 2, verb_ping},
    {"launch", "<domain> [argument]", "start a domain of the manifest", VERB_TAKES_DOMAIN, 1, 2,
     verb_launch},
    {"stop", "<domain>", "stop a domain; it stays down until launched", VERB_TAKES_DOMAIN, 1, 1,
     verb_stop},
    {"restart", "<domain>", "stop a domain and start it again", VERB_TAKES_DOMAIN, 1, 1,
     verb_restart},
    {"kill", "<domain> [ms]", "end this life as a fault would, now or later", VERB_TAKES_DOMAIN, 1,
     2, verb_kill},
    {"bench", "[row]", "measure the system, beside seL4 and Linux", VERB_TAKES_TEXT, 0, 1,
     verb_bench},
    {"uptime", "", "time since power-on", VERB_TAKES_NOTHING, 0, 0, verb_uptime},
    {"date", "", "date and time (UTC)", VERB_TAKES_NOTHING, 0, 0, verb_date},
    {"echo", "[text]...", "print words", VERB_TAKES_TEXT, 0, WORDS_MAX, verb_echo},
    {"clear", "", "clear the screen", VERB_TAKES_NOTHING, 0, 0, verb_clear},
    {"terminal", "[ansi|dumb]", "say what kind of terminal this is", VERB_TAKES_TEXT, 0, 1,
     verb_terminal},
    {"reboot", "", "start the machine again", VERB_TAKES_NOTHING, 0, 0, verb_reboot},
    {"poweroff", "", "switch the machine off", VERB_TAKES_NOTHING, 0, 0, verb_poweroff},
    {"help", "[verb]", "this list, or one verb of it", VERB_TAKES_VERB, 0, 1, verb_help},
};

const struct verb *verb_table(size_t *count)
{
    *count = sizeof verbs / sizeof verbs[0];
    return verbs;
}

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

bool verb_failed(enum status s, const char *what)
{
    if (s == STATUS_OK)
        return false;
    printf("%s: %s\n", what, status_text(s));
    return true;
}

struct inspect *verb_inspect(struct shell *shell)
{
    if (shell->is_connected)
        return &shell->inspect;
    if (verb_failed(inspect_open(&shell->inspect), "cannot connect to app:Inspect"))
        return NULL;
    shell->is_connected = true;
    return &shell->inspect;
}

void verb_run_line(struct shell *shell, char *line)
{
    struct words words;
    const char *problem = words_split(line, &words);

    if (problem != NULL) {
        puts(problem);
        return;
    }
    if (words.count == 0)
        return;

    const struct verb *verb = verb_find(words.word[0]);
    if (verb == NULL) {
        printf("no verb \"%.32s\": try help\n", words.word[0]);
        return;
    }
    int count = (int)words.count - 1;
    if (count < verb->least || count > verb->most) {
        printf("usage: %s %s\n", verb->name, verb->arguments);
        return;
    }
    verb->run(shell, count, words.word + 1);
}
