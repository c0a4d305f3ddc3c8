/* SPDX-License-Identifier: ISC */
/* Tells the service manager how far the program is: sd_notify(3), without it. */
#ifndef NOTIFY_H
#define NOTIFY_H

/* Where nobody wants to know, nothing happens. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
