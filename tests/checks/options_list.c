/*
 * Prints every option that the daemon has, for options_documented.sh: the kind
 * of section ("global": outside of sections), the name, and the default, whose
 * values are divided by commas; with tabs between.
 */
#include <stdio.h>

#include "daemon/conf/option.h"

int
main(void)
{
	const struct conf_kind *k;
	const struct conf_option *o;

	for (k = conf_option_kinds; k->name != NULL; k++)
		for (o = k->options; o->name != NULL; o++) {
			(void)printf("%s\t%s\t",
			    *k->name == '\0' ? "global" : k->name, o->name);
			for (size_t i = 0; o->defaults[i] != NULL; i++)
				(void)printf(
				    "%s%s", i == 0 ? "" : ",", o->defaults[i]);
			(void)putchar('\n');
		}
	return (fflush(stdout) == 0 ? 0 : 1);
}
