/* SPDX-License-Identifier: ISC */
/* Tables and JSON.  Runs as: restantectl. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"

enum { CELL = 96 };

struct report_cell *
report_row(struct report_table *t)
{
	void *grown = reallocarray(t->rows, t->count + 1, sizeof(*t->rows));

	if (grown == NULL)
		return NULL;
	t->rows = grown;
	memset(t->rows[t->count], 0, sizeof(*t->rows));
	return t->rows[t->count++];
}

struct report_cell
report_number(uint64_t n)
{
	return (struct report_cell){ .known = true, .number = n };
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
print_field(const struct report_table *t, size_t column, int width,
    const char *text, FILE *out)
{
	const char *gap = column == 0 ? "" : "  ";

	if (t->columns[column].kind == REPORT_NUMBER)
		fprintf(out, "%s%*s", gap, width, text);
	else if (column + 1 < t->width)
		fprintf(out, "%s%-*s", gap, width, text);
	else
		fprintf(out, "%s%s", gap, text);
}

static void
print_text(const struct report_table *t, FILE *out)
{
	int width[REPORT_COLUMNS];
	char buf[CELL];

	for (size_t k = 0; k < t->width; k++) {
		width[k] = width_of(t, k);
		print_field(t, k, width[k], t->columns[k].title, out);
	}
	fprintf(out, "\n");
	for (size_t i = 0; i < t->count; i++) {
		for (size_t k = 0; k < t->width; k++) {
			write_cell(t->columns[k].kind, &t->rows[i][k], buf);
			print_field(t, k, width[k], buf, out);
		}
		fprintf(out, "\n");
	}
}

void
report_json_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

/* "LAST LOGIN" is last_login. */
static void
print_key(const char *title, FILE *out)
{
	fputc('"', out);
	for (; *title != '\0'; title++)
		if (*title == ' ')
			fputc('_', out);
		else
			fputc(*title >= 'A' && *title <= 'Z'
				? *title - 'A' + 'a'
				: *title,
			    out);
	fputs("\":", out);
}

static void
print_json(const struct report_table *t, FILE *out)
{
	fputs("[", out);
	for (size_t i = 0; i < t->count; i++) {
		fputs(i == 0 ? "\n{" : ",\n{", out);
		for (size_t k = 0; k < t->width; k++) {
			const struct report_cell *cell = &t->rows[i][k];

			if (k > 0)
				fputc(',', out);
			print_key(t->columns[k].title, out);
			if (!cell->known)
				fputs("null", out);
			else if (t->columns[k].kind == REPORT_TEXT)
				report_json_string(out, cell->text);
			else
				fprintf(out, "%ju", (uintmax_t)cell->number);
		}
		fputc('}', out);
	}
	fputs("\n]\n", out);
}

void
report_print(struct report_table *t, bool json, FILE *out)
{
	if (json)
		print_json(t, out);
	else
		print_text(t, out);
	free(t->rows);
	t->rows = NULL;
	t->count = 0;
}
