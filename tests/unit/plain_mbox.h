/* SPDX-License-Identifier: ISC */
/*
 * mbox.c once more, without the machine's own instructions: its functions under
 * the prefix plain_.
 */
#ifndef PLAIN_MBOX_H
#define PLAIN_MBOX_H

#include "mbox.h"

void plain_scan_init(struct mbox_scan *, uint64_t start,
    int (*found)(void *ctx, const struct mbox_entry *), void *ctx);
int plain_scan(struct mbox_scan *, const unsigned char *window, size_t len,
    uint64_t offset, bool last);
size_t plain_separator(const unsigned char *, size_t len);
int64_t plain_date(const unsigned char *, size_t len);
const char *plain_missing_end(const char *, size_t len);
size_t plain_top(struct mbox_top *, const char *, size_t);
bool plain_is_quoted(const unsigned char *, size_t len);
size_t plain_unquote(char *, size_t len, bool bol);

/* With arguments, so that they leave the structs of these names alone. */
#define mbox_scan_init(...)   plain_scan_init(__VA_ARGS__)
#define mbox_scan(...)        plain_scan(__VA_ARGS__)
#define mbox_separator(...)   plain_separator(__VA_ARGS__)
#define mbox_date(...)        plain_date(__VA_ARGS__)
#define mbox_missing_end(...) plain_missing_end(__VA_ARGS__)
#define mbox_top(...)         plain_top(__VA_ARGS__)
#define mbox_is_quoted(...)   plain_is_quoted(__VA_ARGS__)
#define mbox_unquote(...)     plain_unquote(__VA_ARGS__)
#pragma push_macro("__x86_64__")
#undef __x86_64__
#include "../../src/mailbox/mbox.c"
#pragma pop_macro("__x86_64__")
#undef mbox_scan_init
#undef mbox_scan
#undef mbox_separator
#undef mbox_date
#undef mbox_missing_end
#undef mbox_top
#undef mbox_is_quoted
#undef mbox_unquote

#endif
