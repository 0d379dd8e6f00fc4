#include "daemon/control/show.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SIZE_TEXT 32

static const char *
text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return (s != NULL ? s : "");
}

static uint64_t
number_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return (n > 0 ? (uint64_t)n : 0);
}

/* "1.2 MB", in powers of 1024, into text. */
static const char *
size_text(uint64_t n, char text[SIZE_TEXT])
{
	static const char *const units[] = { "KB", "MB", "GB", "TB", "PB" };
	double size = (double)n / 1024;
	size_t i;

	if (n < 1024) {
		(void)snprintf(text, SIZE_TEXT, "%" PRIu64 " B", n);
		return (text);
	}
	for (i = 0; size >= 1024 && i < 4; i++)
		size /= 1024;
	(void)snprintf(text, SIZE_TEXT, "%.1f %s", size, units[i]);
	return (text);
}

static const char *
size_of(const json_t *object, const char *key, char text[SIZE_TEXT])
{
	return (size_text(number_of(object, key), text));
}

/*
 * File names come from outside: what is no plain character must not reach a
 * terminal.
 */
static void
put_name(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			(void)printf("\\x%02x", (unsigned)*s);
		else
			(void)putchar(*s);
	(void)putchar('\n');
}

static void
print_endpoint(const json_t *ep)
{
	const char *error = text_of(ep, "last_error");
	const char *peer = text_of(ep, "peer");
	char flight[SIZE_TEXT];

	(void)printf("  %-10s %s", text_of(ep, "state"), text_of(ep, "url"));
	if (*peer != '\0')
		(void)printf(" at %s, %" PRIu64 " messages, %s in flight", peer,
		    number_of(ep, "messages"),
		    size_of(ep, "in_flight_bytes", flight));
	else if (*error != '\0')
		(void)printf(": %s", error);
	(void)putchar('\n');
}

void
show_destinations(const json_t *state)
{
	const json_t *d, *list = json_object_get(state, "destinations");
	const json_t *ep, *endpoints;
	char behind[SIZE_TEXT];
	size_t i, k;

	for (i = 0; (d = json_array_get(list, i)) != NULL; i++) {
		(void)printf("destination %s: %s, %s behind in %" PRIu64
			     " files\n",
		    text_of(d, "name"), text_of(d, "state"),
		    size_of(d, "lag_bytes", behind), number_of(d, "lag_files"));
		endpoints = json_object_get(d, "endpoints");
		for (k = 0; (ep = json_array_get(endpoints, k)) != NULL; k++)
			print_endpoint(ep);
	}
}

void
show_summary(const json_t *state)
{
	const json_t *process = json_object_get(state, "process");
	const json_t *counters = json_object_get(state, "counters");
	const char *error =
	    text_of(json_object_get(state, "checkpoint"), "error");
	char memory[SIZE_TEXT], lost[SIZE_TEXT];

	(void)printf("teslacoild %s: process %" PRIu64
		     " since %s, %s at most\n",
	    text_of(state, "version"), number_of(process, "pid"),
	    text_of(process, "started"),
	    size_text(number_of(process, "max_resident_kb") * 1024, memory));
	if (json_is_true(json_object_get(process, "starting")))
		(void)printf("starting: not all files were looked at yet, and "
			     "nothing is sent before\n");
	(void)printf("files: %" PRIu64 " followed, %" PRIu64 " open, %" PRIu64
		     " rotated so far, %s lost\n",
	    number_of(counters, "files"), number_of(counters, "files_open"),
	    number_of(counters, "rotations"),
	    size_of(counters, "lost_bytes", lost));
	if (*error != '\0')
		(void)printf("checkpoint: not written: %s\n", error);
	show_destinations(state);
}

void
show_sources(const json_t *state)
{
	const json_t *s, *list = json_object_get(state, "sources");
	char bytes[SIZE_TEXT];
	size_t i;

	(void)printf("%-20s %-20s %12s %10s %10s %10s\n", "SOURCE",
	    "DESTINATION", "MESSAGES", "READ", "REPAIRED", "OVERSIZE");
	for (i = 0; (s = json_array_get(list, i)) != NULL; i++)
		(void)printf("%-20s %-20s %12" PRIu64 " %10s %10" PRIu64
			     " %10" PRIu64 "\n",
		    text_of(s, "name"), text_of(s, "destination"),
		    number_of(s, "messages"), size_of(s, "bytes", bytes),
		    number_of(s, "repaired_bytes"),
		    number_of(s, "oversize_lines"));
}

static void
print_file(const json_t *file)
{
	const json_t *c, *cursors = json_object_get(file, "cursors");
	const char *error = text_of(file, "error");
	char size[SIZE_TEXT], behind[SIZE_TEXT];
	size_t i;

	for (i = 0; (c = json_array_get(cursors, i)) != NULL; i++) {
		(void)printf("%10s %10s %-16s %-10s ",
		    size_of(file, "size", size),
		    size_of(c, "lag_bytes", behind), text_of(c, "destination"),
		    text_of(file, "state"));
		put_name(text_of(file, "path"));
	}
	if (*error != '\0')
		(void)printf("%10s %s\n", "", error);
}

void
show_files(const json_t *state)
{
	const json_t *file, *list = json_object_get(state, "files");
	size_t i;

	(void)printf("%10s %10s %-16s %-10s %s\n", "SIZE", "BEHIND",
	    "DESTINATION", "STATE", "FILE");
	for (i = 0; (file = json_array_get(list, i)) != NULL; i++)
		print_file(file);
}

/* Every number in the object, as "name value" lines. */
static void
print_numbers(const char *of, json_t *object)
{
	const char *key;
	json_t *value;
	void *at;

	for (at = json_object_iter(object); at != NULL;
	     at = json_object_iter_next(object, at)) {
		key = json_object_iter_key(at);
		value = json_object_iter_value(at);
		if (json_is_integer(value))
			(void)printf("%s.%s %" JSON_INTEGER_FORMAT "\n", of,
			    key, json_integer_value(value));
		else if (json_is_real(value))
			(void)printf(
			    "%s.%s %.2f\n", of, key, json_real_value(value));
	}
}

void
show_counters(const json_t *state)
{
	static const char *const parts[] = { "process", "counters",
		"checkpoint" };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		print_numbers(parts[i], json_object_get(state, parts[i]));
}

void
show_done(const json_t *answer)
{
	(void)printf("%s\n", text_of(answer, "done"));
}
