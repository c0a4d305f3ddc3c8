/* SPDX-License-Identifier: ISC */
/*
 * What restantectl prints: tables that a person can read, and JSON for programs.
 * Runs as: restantectl.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"

enum { REPORT_COLUMNS = 6, REPORT_TIME = 32 };

enum report_kind { REPORT_TEXT, REPORT_NUMBER, REPORT_TIME_OF };

struct report_column {
	/* Capitals for people; in lower case, the key for programs. */
	const char *title;
	enum report_kind kind;
};

/* What is not known is "-" or null. */
struct report_cell {
	bool known;
	uint64_t number; /* or seconds since 1970 */
	char text[CHANNEL_NAME];
};

struct report_table {
	const struct report_column *columns;
	size_t width, count;
	struct report_cell (*rows)[REPORT_COLUMNS];
};

/* A new row, nothing of it known; valid until the next. */
struct report_cell *report_row(struct report_table *);

/* The cell of a number or a text; "" is not known. */
struct report_cell report_number(uint64_t);
struct report_cell report_text(const char *);

/* Prints the table on the standard output and empties it. */
void report_print(struct report_table *, bool json);

/* A time in the machine's zone, as "2026-11-20 18:27". */
void report_time(uint64_t seconds, char text[REPORT_TIME]);

/* Prints a string of JSON, with its quotes. */
void report_json_string(const char *);

#endif
