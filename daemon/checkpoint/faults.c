#include <errno.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/inside.h"

void
checkpointer_count(struct checkpointer *l, enum checkpointer_fault which,
    const struct checkpoint_fault *f)
{
	unsigned before = l->faults;

	l->faults &= ~(unsigned)which;
	if (f->what == NULL) {
		if (before != 0 && l->faults == 0)
			log_notice("checkpoint: written again");
		return;
	}
	l->faults |= which;
	/* So the next attempt finds descriptors. */
	if ((f->error == EMFILE || f->error == ENFILE) && l->ops != NULL)
		l->ops->close_some(l->ops_arg);
	(void)reason_set(
	    &l->error, "state directory: %s: %s", f->what, strerror(f->error));
	if (before == 0)
		log_errorx(
		    "%s; forwarding goes on, trying again", l->error.text);
}
