/*
 * option_special.h - checks of the options that fit no type of option.c.
 */
#ifndef CONF_OPTION_SPECIAL_H
#define CONF_OPTION_SPECIAL_H

#include <stddef.h>

#include "lib/reason.h"

/*
 * Checks a value and puts it into the structure of its section: a struct conf,
 * a conf_destination, a conf_source or a conf_element.  For a list, the caller
 * calls once for each value.  Returns 0, or -1 with why set to what is wrong
 * with the value and what would be right.
 */
typedef int	conf_special(void *into, const char *value,
		    struct reason *why);

struct conf_element {			/* of structured data, RFC 5424 6.3 */
	char			**params;	/* "name=value"; owned */
	size_t			 nparams;
};

extern conf_special conf_special_control_socket;

extern conf_special conf_special_url;
extern conf_special conf_special_format;
extern conf_special conf_special_window;
extern conf_special conf_special_retry;
extern conf_special conf_special_resend_on_reset;
extern conf_special conf_special_bind;

extern conf_special conf_special_server_name;
extern conf_special conf_special_fingerprint;

extern conf_special conf_special_paths;
extern conf_special conf_special_exclude;
extern conf_special conf_special_facility;
extern conf_special conf_special_severity;
extern conf_special conf_special_encoding;

extern conf_special conf_special_params;	/* of a conf_element */

#endif
