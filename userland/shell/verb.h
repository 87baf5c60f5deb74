/*
 * Verbs: what can be typed.  One table says all there is to know about them, and help,
 * Tab completion and dispatch read nothing else.
 */
#pragma once

#include "abi/status.h"
#include "inspect_client.h"

#include <stdbool.h>

#define VERB_LAUNCHER "app:App" /* the domain, and what it serves */

/* What a verb's first argument names: what Tab offers. */
enum verb_argument {
    VERB_TAKES_NOTHING = 0,
    VERB_TAKES_DOMAIN,
    VERB_TAKES_VERB,
    VERB_TAKES_TEXT,
};

struct shell {
    struct inspect inspect; /* the connection to app:Inspect; valid while is_connected */
    bool is_connected;
};

struct verb {
    const char *name;
    const char *arguments; /* as help shows them: "<domain>", "[-f]" */
    const char *help;      /* one line */
    enum verb_argument takes;
    int least, most; /* how many arguments it accepts */
    void (*run)(struct shell *shell, int count, char **arguments);
};

/* All verbs, in the order in which help lists them. */
const struct verb *verb_table(size_t *count);

/* The verb called `name`, or NULL. */
const struct verb *verb_find(const char *name);

/* Cut a line into words and run it; says what is wrong if it can't. */
void verb_run_line(struct shell *shell, char *line);

/* Whether `s` is an error; then it has said that `what` failed and why. */
bool verb_failed(enum status s, const char *what);

/* The connection to app:Inspect, made on first use; NULL after saying why not. */
struct inspect *verb_inspect(struct shell *shell);

/* The groups, one file each. */

/* domain_verbs.c */
void verb_domains(struct shell *shell, int count, char **arguments);
void verb_threads(struct shell *shell, int count, char **arguments);
void verb_fault(struct shell *shell, int count, char **arguments);
/* crash_verb.c */
void verb_crashes(struct shell *shell, int count, char **arguments);
/* top_verb.c */
void verb_top(struct shell *shell, int count, char **arguments);
/* service_verbs.c */
void verb_services(struct shell *shell, int count, char **arguments);
void verb_rings(struct shell *shell, int count, char **arguments);
void verb_cpus(struct shell *shell, int count, char **arguments);
void verb_irqs(struct shell *shell, int count, char **arguments);
/* policy_verbs.c */
void verb_audit(struct shell *shell, int count, char **arguments);
void verb_why(struct shell *shell, int count, char **arguments);
/* quota_verb.c */
void verb_quotas(struct shell *shell, int count, char **arguments);
/* space_verbs.c */
void verb_handles(struct shell *shell, int count, char **arguments);
void verb_map(struct shell *shell, int count, char **arguments);
void verb_mem(struct shell *shell, int count, char **arguments);
/* log_verb.c */
void verb_log(struct shell *shell, int count, char **arguments);
/* net_verbs.c */
void verb_net(struct shell *shell, int count, char **arguments);
void verb_ping(struct shell *shell, int count, char **arguments);
/* control_verbs.c */
void verb_launch(struct shell *shell, int count, char **arguments);
void verb_stop(struct shell *shell, int count, char **arguments);
void verb_restart(struct shell *shell, int count, char **arguments);
void verb_kill(struct shell *shell, int count, char **arguments);
void verb_bench(struct shell *shell, int count, char **arguments);
void verb_reboot(struct shell *shell, int count, char **arguments);
void verb_poweroff(struct shell *shell, int count, char **arguments);
/* plain_verbs.c */
void verb_help(struct shell *shell, int count, char **arguments);
void verb_clear(struct shell *shell, int count, char **arguments);
void verb_terminal(struct shell *shell, int count, char **arguments);
void verb_echo(struct shell *shell, int count, char **arguments);
void verb_uptime(struct shell *shell, int count, char **arguments);
void verb_date(struct shell *shell, int count, char **arguments);
