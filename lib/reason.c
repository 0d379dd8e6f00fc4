#include "reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
reason_set(struct reason *r, const char *fmt, ...)
{
	va_list ap;

	if (r == NULL)
		return (-1);
	va_start(ap, fmt);
	(void)vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return (-1);
}

int
reason_add(struct reason *r, int result, const char *fmt, ...)
{
	size_t used;
	va_list ap;

	if (r == NULL)
		return (result);
	used = strlen(r->text);
	if (used > 0 && used + 2 < sizeof(r->text)) {
		memcpy(r->text + used, ", ", 3);
		used += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(r->text + used, sizeof(r->text) - used, fmt, ap);
	va_end(ap);
	return (result);
}
