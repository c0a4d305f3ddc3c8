/* SPDX-License-Identifier: ISC */
/* Tables and JSON.  Runs as: restantectl. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"
#include "tool.h"

enum { CELL = 96 };

struct report_cell *
report_row(struct report_table *t)
{
	t->rows = tool_grow(t->rows, t->count, sizeof(*t->rows));
	memset(t->rows[t->count], 0, sizeof(*t->rows));
	return t->rows[t->count++];
}

struct report_cell
report_number(uint64_t n)
{
	return (struct report_cell){ .known = true, .number = n };
}

struct report_cell
report_text(const char *text)
{
	struct report_cell cell = { .known = *text != '\0' };

	(void)snprintf(cell.text, sizeof(cell.text), "%s", text);
	return cell;
}

void
report_time(uint64_t seconds, char text[REPORT_TIME])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (localtime_r(&when, &tm) == NULL ||
	    strftime(text, REPORT_TIME, "%Y-%m-%d %H:%M", &tm) == 0)
		(void)snprintf(text, REPORT_TIME, "-");
}

/* A cell as a person reads it; size is at least CELL. */
static void
write_cell(enum report_kind kind, const struct report_cell *cell, char *buf)
{
	if (!cell->known)
		(void)snprintf(buf, CELL, "-");
	else if (kind == REPORT_TEXT)
		(void)snprintf(buf, CELL, "%s", cell->text);
	else if (kind == REPORT_NUMBER)
		(void)snprintf(buf, CELL, "%ju", (uintmax_t)cell->number);
	else
		report_time(cell->number, buf);
}

static int
width_of(const struct report_table *t, size_t column)
{
	size_t len, most = strlen(t->columns[column].title);
	char buf[CELL];

	for (size_t i = 0; i < t->count; i++) {
		write_cell(t->columns[column].kind, &t->rows[i][column], buf);
		len = strlen(buf);
		if (len > most)
			most = len;
	}
	return (int)most;
}

/* Numbers to the right, all else to the left; no blanks at the end. */
static void
print_field(
    const struct report_table *t, size_t column, int width, const char *text)
{
	const char *gap = column == 0 ? "" : "  ";

	if (t->columns[column].kind == REPORT_NUMBER)
		printf("%s%*s", gap, width, text);
	else if (column + 1 < t->width)
		printf("%s%-*s", gap, width, text);
	else
		printf("%s%s", gap, text);
}

static void
print_text(const struct report_table *t)
{
	int width[REPORT_COLUMNS];
	char buf[CELL];

	for (size_t k = 0; k < t->width; k++) {
		width[k] = width_of(t, k);
		print_field(t, k, width[k], t->columns[k].title);
	}
	putchar('\n');
	for (size_t i = 0; i < t->count; i++) {
		for (size_t k = 0; k < t->width; k++) {
			write_cell(t->columns[k].kind, &t->rows[i][k], buf);
			print_field(t, k, width[k], buf);
		}
		putchar('\n');
	}
}

void
report_json_string(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

/* "LAST LOGIN" is last_login. */
static void
print_key(const char *title)
{
	putchar('"');
	for (; *title != '\0'; title++)
		if (*title == ' ')
			putchar('_');
		else
			putchar(*title - 'A' + 'a');
	printf("\":");
}

static void
print_json_cell(enum report_kind kind, const struct report_cell *cell)
{
	if (!cell->known)
		printf("null");
	else if (kind == REPORT_TEXT)
		report_json_string(cell->text);
	else
		printf("%ju", (uintmax_t)cell->number);
}

static void
print_json(const struct report_table *t)
{
	putchar('[');
	for (size_t i = 0; i < t->count; i++) {
		printf(i == 0 ? "\n{" : ",\n{");
		for (size_t k = 0; k < t->width; k++) {
			if (k > 0)
				putchar(',');
			print_key(t->columns[k].title);
			print_json_cell(t->columns[k].kind, &t->rows[i][k]);
		}
		putchar('}');
	}
	printf("\n]\n");
}

void
report_print(struct report_table *t, bool json)
{
	if (json)
		print_json(t);
	else
		print_text(t);
	free(t->rows);
	t->rows = NULL;
	t->count = 0;
}
