/*
 * What the world does with files.
 */
#include "tests/sim/inode.h"
#include "tests/sim/setting.h"

#include <errno.h>
#include <string.h>

struct inode *
files_at(const char *path)
{
	struct inode *dir;
	char name[NAME_ROOM];

	return (inode_at(NULL, path, false, &dir, name));
}

static void
make(const char *path, struct inode *i)
{
	struct inode *dir;
	char name[NAME_ROOM];

	if (inode_at(NULL, path, false, &dir, name) != NULL || dir == NULL)
		sim_fail("the simulation makes %s", path);
	(void)inode_link(dir, name, i);
	watching_note(dir->number, name, false, NULL);
}

struct inode *
files_make(const char *path, mode_t mode, unsigned uid)
{
	struct inode *i = inode_new(S_IFREG | mode, uid);

	make(path, i);
	return (i);
}

struct inode *
files_behind(const char *path)
{
	struct inode *dir;
	char name[NAME_ROOM];

	return (inode_at(NULL, path, true, &dir, name));
}

struct inode *
files_open(const char *path, bool *is_new)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];

	i = inode_at(NULL, path, true, &dir, name);
	*is_new = i == NULL;
	if (i != NULL)
		return (i);
	i = inode_new(S_IFREG | 0640, 0);
	(void)inode_link(dir, name, i);
	watching_note(dir->number, name, false, NULL);
	return (i);
}

bool
files_is_link(const char *path)
{
	const struct inode *i = files_at(path);

	return (i != NULL && S_ISLNK(i->mode));
}

void
files_link_to(const char *path, const char *target)
{
	struct inode *i = inode_new(S_IFLNK | 0777, 0);

	inode_store(i, 0, target, strlen(target));
	make(path, i);
}

void
files_mkdir(const char *path)
{
	make(path, inode_new(S_IFDIR | 0755, 0));
}

int
files_rename(const char *from, const char *to)
{
	struct inode *dir, *todir, *i, *over;
	char name[NAME_ROOM], toname[NAME_ROOM];

	if ((i = inode_at(NULL, from, false, &dir, name)) == NULL)
		return (-1);
	over = inode_at(NULL, to, false, &todir, toname);
	if (todir == NULL || over == i)
		return (over == i ? 0 : -1);
	sim_say("world: rename %s %s", from, to);
	i->links++;
	inode_unlink(dir, inode_find(dir, name));
	if (over != NULL)
		inode_unlink(todir, inode_find(todir, toname));
	(void)inode_link(todir, toname, i);
	i->links--;
	if (dir != todir)
		watching_note(dir->number, name, false, NULL);
	watching_note(todir->number, toname, false, dir == todir ? name : NULL);
	watching_note_file(i->number);
	return (0);
}

int
files_unlink(const char *path)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];

	if ((i = inode_at(NULL, path, false, &dir, name)) == NULL)
		return (-1);
	sim_say("world: unlink %s", path);
	watching_note_file(i->number);
	inode_unlink(dir, inode_find(dir, name));
	watching_note(dir->number, name, false, NULL);
	return (0);
}

/* Directories are told by every name that the file has. */
static void
tell_of_data(struct inode *dir, struct inode *i)
{
	unsigned n;

	for (n = 0; n < dir->nentries; n++)
		if (dir->entries[n].ino == i)
			watching_note(
			    dir->number, dir->entries[n].name, true, NULL);
		else if (dir->entries[n].ino != NULL &&
		    inode_is_dir(dir->entries[n].ino))
			tell_of_data(dir->entries[n].ino, i);
}

static void
written(struct inode *i)
{
	tell_of_data(inode_root(), i);
	/* What is written to a deleted file is told under its last name. */
	if (i->links == 0 && i->last_dir != 0)
		watching_note(i->last_dir, i->last_name, true, NULL);
	watching_note_file(i->number);
}

void
files_truncate(struct inode *i, size_t n)
{
	sim_say(
	    "world: truncate %llu to %zu", (unsigned long long)i->number, n);
	inode_cut(i, n);
	written(i);
}

void
files_write(struct inode *i, size_t at, const void *p, size_t n)
{
	inode_store(i, at, p, n);
	written(i);
}

void
files_overwrite(struct inode *i, const void *p)
{
	oracle_vanish(i, 0);
	i->read = false;
	files_write(i, 0, p, i->len);
}

size_t
files_size(const struct inode *i)
{
	return (i->len);
}

const uint8_t *
files_data(const struct inode *i)
{
	return (i->data);
}

unsigned
files_links(const struct inode *i)
{
	return (i->links);
}

uint64_t
files_number(const struct inode *i)
{
	return (i->number);
}

bool
files_worker_has(const struct inode *i)
{
	return (i->worker_refs > 0);
}

void
files_ref(struct inode *i)
{
	i->refs++;
}

void
files_unref(struct inode *i)
{
	i->refs--;
	inode_check(i);
}

void
files_each(const char *path, void (*fn)(const char *, struct inode *, void *),
    void *arg)
{
	struct inode *dir = files_at(path);
	unsigned n;

	for (n = 0; dir != NULL && n < dir->nentries; n++)
		if (dir->entries[n].ino != NULL)
			fn(dir->entries[n].name, dir->entries[n].ino, arg);
}

bool
files_is_read(const struct inode *i)
{
	return (i->read);
}

bool
files_is_meant(const char *name)
{
	return (setting_means(name));
}

/*
 * A copy of what was never read, under a name that nobody means, cannot be
 * known.
 */
bool
files_holds(const char *path, const char *begin, const void *p, size_t n,
    const struct inode *but, bool findable)
{
	struct inode *dir = files_at(path), *i;
	bool blind = but != NULL && !but->read && S_ISREG(but->mode);
	unsigned k;

	for (k = 0; dir != NULL && k < dir->nentries; k++) {
		i = dir->entries[k].ino;
		if (i == NULL || i == but || !S_ISREG(i->mode) ||
		    strncmp(dir->entries[k].name, begin, strlen(begin)) != 0)
			continue;
		if (findable && (blind || (but == NULL && i->known == 0)) &&
		    !files_is_meant(dir->entries[k].name))
			continue;
		if (i->len >= n && memmem(i->data, i->len, p, n) != NULL)
			return (true);
	}
	return (false);
}

static bool
is_linked_to(const struct inode *i)
{
	const struct inode *dir = files_at("/log");
	char path[NAME_ROOM + 8];
	unsigned k;

	for (k = 0; k < dir->nentries; k++) {
		if (dir->entries[k].ino == NULL ||
		    !S_ISLNK(dir->entries[k].ino->mode))
			continue;
		(void)snprintf(
		    path, sizeof(path), "/log/%s", dir->entries[k].name);
		if (files_behind(path) == i)
			return (true);
	}
	return (false);
}

bool
files_reach(const char *path, const void *p, size_t n)
{
	struct inode *dir = files_at(path), *i;
	unsigned k;

	for (k = 0; dir != NULL && k < dir->nentries; k++)
		if ((i = dir->entries[k].ino) != NULL && i->len >= n &&
		    memmem(i->data, i->len, p, n) != NULL &&
		    (i->worker_refs > 0 || is_linked_to(i)))
			return (true);
	return (false);
}

int
files_open_dir(const char *path)
{
	return (descriptor_open(files_at(path), 0));
}
