/* SPDX-License-Identifier: ISC */
/* Reading and writing whole things, and waiting with a limit. */
#ifndef IO_H
#define IO_H

#include <sys/types.h>

#include <stdint.h>

/*
 * A second descriptor that io_wait() watches in every process that sets it: the
 * pipe by which the master ends sessions.  -1: none.
 */
void io_set_stop(int fd);

/*
 * Waits until fd is ready for events (POLLIN, POLLOUT).  Returns 0, even past the
 * deadline where there is nothing to wait for; or -1 with errno ETIMEDOUT, or
 * ESHUTDOWN when the master has asked all sessions to end, or this process got
 * SIGTERM.  The deadline is the end of that millisecond of clock_ms(): a time that
 * is counted from now is not cut.
 */
int io_wait(int fd, short events, int64_t deadline);
/* The same, while there is somebody at the other end of hearer: else EPIPE. */
int io_wait_heard(int fd, short events, int hearer, int64_t deadline);

/*
 * Sends all of buf, waiting at most timeout milliseconds for each bit of
 * progress.  Returns 0, or -1 with errno set: how much went out is then
 * unknown, and the connection is good only for closing.
 */
int io_write_all(int fd, const void *buf, size_t len, int64_t timeout);

/*
 * Reads len octets at offset.  Returns len, or less at the end of the file, or
 * -1 with errno set.
 */
ssize_t io_pread(int fd, void *buf, size_t len, off_t offset);

/* Writes len octets at offset, all of them.  Returns 0 or -1 with errno set. */
int io_pwrite(int fd, const void *buf, size_t len, off_t offset);

#endif
