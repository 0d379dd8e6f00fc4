
#include <sys/stat.h>

#include <limits.h>
#include <string.h>

#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"
#include "daemon/stream/stream.h"

/*
 * Whether the nearest directory above the file's origin that there is now is
 * on another device.
 */
static bool
is_unmounted(const struct file *t)
{
	char path[PATH_MAX];
	struct path_text origin;
	struct stat st;
	char *slash;

	if (strlcpy(path, file_origin(t, &origin), sizeof(path)) >=
	    sizeof(path))
		return (false);
	while ((slash = strrchr(path, '/')) != NULL) {
		slash[slash == path ? 1 : 0] = '\0';
		if (stat(path, &st) == 0)
			return (st.st_dev != t->dev);
		if (slash == path)
			break;
	}
	return (false);
}

bool
follow_may_come_back(const struct file *t)
{
	struct stat st;

	if (!t->away || !t->known || t->held != NULL)
		return (false);
	/* Of a closed file only the device tells whether it is still there. */
	return (t->fd != -1 ? fstat(t->fd, &st) == 0 && st.st_nlink > 0
			    : is_unmounted(t));
}

void
follow_leave(struct file *t)
{
	struct path_text path;
	struct stream *s;

	say_info(file_origin(t, &path),
	    "went with its directory, and may come back: its checkpoint "
	    "record stays");
	for (s = t->streams; s != NULL; s = s->next)
		checkpointer_leave(file_table_checkpointer(t->all), &s->mark);
	follow_free(t);
}
