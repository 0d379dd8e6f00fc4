#include "daemon/conf/option.h"
#include "daemon/conf/value.h"

/* Each waiting message has a place in memory. */
#define WINDOW_MOST (64 * 1024)

static int
set_window(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	int window;

	if (conf_value_number(value, 0, WINDOW_MOST, &window, why) == -1)
		return (-1);
	d->relp_window = (size_t)window;
	return (0);
}

const struct conf_option conf_option_relp[] = {
	{ "window", 1, { "0" }, set_window }, { NULL, 0, { NULL }, NULL }
};

_Static_assert(
    sizeof(conf_option_relp) / sizeof(conf_option_relp[0]) <= CONF_OPTION_MAX,
    "CONF_OPTION_MAX is too small");
