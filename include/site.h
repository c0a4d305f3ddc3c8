/* SPDX-License-Identifier: ISC */
/*
 * The site's key, .restante/secret: what nobody outside can know and what stays
 * the same.  Runs as: attendant.
 */
#ifndef SITE_H
#define SITE_H

enum { SITE_KEY = 32 };

/*
 * Reads the key, or makes it where there is none yet; state_fd is .restante.
 * Where neither can be done, and the log says why, it is another each time.
 */
void site_key(int state_fd, unsigned char key[SITE_KEY]);

#endif
