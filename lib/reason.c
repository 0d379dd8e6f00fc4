#include "reason.h"

#include <stdarg.h>
#include <stdio.h>

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
