/*
 * <string.h> for libfdt inside the kernel: the base layer has the functions it calls.
 */
#pragma once

#include "base/string.h"
