/* SPDX-License-Identifier: ISC */
/*
 * A new password line and a delivery, ended as crash.c ends the updates of a
 * session: restantectl.
 */
#define CRASH_TOOL true
#include "crash.c"
