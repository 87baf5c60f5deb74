/*
 * Completion: what Tab offers for the word under way: verbs first, then what the verb takes.
 */
#pragma once

#include "verb.h"

/* Have the line editor ask here; names come through `shell`, which is borrowed for ever. */
void completion_init(struct shell *shell);
