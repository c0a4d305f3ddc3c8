/* SPDX-License-Identifier: ISC */
/* What ps shows of a process. */
#ifndef TITLE_H
#define TITLE_H

/*
 * Called once by main() before anything keeps a pointer into argv or the
 * environment: takes over the memory that the kernel shows as the command line.
 * The environment is moved to the heap first, and stays usable.
 */
void title_init(int argc, char **argv);

/* Shows "restante: " and the text, cut to the room there is. */
void title_set(const char *, ...) __attribute__((format(printf, 1, 2)));

#endif
