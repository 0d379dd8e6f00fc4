#include "daemon/base/privdrop.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

int
privdrop_find(struct account *a, const char *name, struct reason *why)
{
	struct passwd *pw;

	memset(a, 0, sizeof(*a));
	a->uid = geteuid();
	a->gid = getegid();
	if (name == NULL || a->uid != 0)
		return (0);
	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return (reason_set(why,
		    "user \"%s\" %s: create it, or set \"user\" to one that "
		    "may read the logs",
		    name, errno != 0 ? strerror(errno) : "does not exist"));
	(void)strlcpy(a->name, name, sizeof(a->name));
	a->uid = pw->pw_uid;
	a->gid = pw->pw_gid;
	a->change = a->uid != 0;
	return (0);
}

int
privdrop_become(const struct account *a)
{
	if (!a->change)
		return (0);
	/* As root, each sets the real, the effective and the saved id. */
	if (initgroups(a->name, a->gid) == -1 || setgid(a->gid) == -1 ||
	    setuid(a->uid) == -1)
		return (-1);
	/* Trust nothing: root must not come back. */
	if (setuid(0) != -1) {
		errno = EPERM;
		return (-1);
	}
	return (0);
}
