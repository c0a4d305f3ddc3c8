/* SPDX-License-Identifier: ISC */
/*
 * The log.  The master owns its destination; listener, sessions, keeper and
 * attendants write into a pipe that the master reads and passes on under the
 * name of the pipe, so that a session cannot speak as an attendant.  Control
 * and 8-bit bytes are escaped as \xNN where a line leaves for the destination.
 *
 * What says something keeps errno as it was.
 */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Before any of these is called, lines go to the standard error stream. */
void log_to_stderr(void);
void log_to_syslog(void);
/* Lines go to fd, one write each, for a log_relay() at its other end. */
void log_to_pipe(int fd);

/* Who speaks, on the standard error stream; else it is restante. */
void log_set_name(const char *);

/* Returns what it was. */
enum log_level log_set_level(enum log_level);

/* What fatal() and fatalx() end the process with, if that is not to be 1. */
void log_set_failure(int status);

/* So many lines are passed on at a time. */
enum { LOG_RELAY_MOST = 64 };

/*
 * A pipe for one kind of process.  Its two ends are close-on-exec and do not
 * block: a line that finds the pipe full is lost, nobody waits.  0 or -1.
 */
int log_pipe(int ends[2]);

/*
 * Makes room in such a pipe for twice LOG_RELAY_MOST lines.  0, or -1 where this
 * account has too many pipes for that.
 */
int log_widen(int fd);

/*
 * Passes on what waits in the pipe, at most LOG_RELAY_MOST lines, each behind
 * "part: ".  Returns how many, or -1 when the last writer is gone.
 */
int log_relay(int fd, const char *part);

/* Copies text to out, cut to size, with what is not printable ASCII as \xNN. */
void log_escape(const char *text, char *out, size_t size);

void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
/* log_warn and fatal add ": " and the text of errno; the x forms do not. */
void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *, ...) __attribute__((format(printf, 1, 2)));
/* End the process. */
_Noreturn void fatal(const char *, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fatalx(const char *, ...) __attribute__((format(printf, 1, 2)));

#endif
