/*
 * Where the secret of chance.h comes from: rng:Entropy, at the start, or as soon as it is there.
 *
 * Until then, and on a machine without an entropy source, it comes from the words that the launcher
 * gave the program at birth; the log says so loudly.
 */
#pragma once

/*
 * Waits for the source to come up, a second at most, and again if it dies over it; afterwards
 * nothing here waits.  Before anything of chance.h is used.
 */
void secret_seed(void);
