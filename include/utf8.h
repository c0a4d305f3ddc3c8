/* SPDX-License-Identifier: ISC */
/* UTF-8, RFC 3629.  Looks at memory only.  Runs as: session, restantectl. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>

/*
 * Whether s is well-formed: each character in its shortest form, none of them a
 * surrogate or beyond U+10FFFF.
 */
bool utf8_is_well_formed(const char *s);

#endif
