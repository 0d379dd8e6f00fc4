#include "tests/sim/inode.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Files outlive the worker, also what it writes itself. */
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);

static struct inode inodes[INODES];
static unsigned used, made;

bool
inode_is_dir(const struct inode *i)
{
	return (S_ISDIR(i->mode));
}

struct inode *
inode_root(void)
{
	return (&inodes[0]);
}

/* File times have the tick of the kernel, or of the file system. */
static int64_t
file_time(void)
{
	int64_t now = sim_wall();

	return (now - now % S.tick);
}

/* Like ext4, a new file gets the lowest number that is free. */
struct inode *
inode_new(mode_t mode, unsigned uid)
{
	struct inode *i = inodes;
	struct entry *entries;
	uint8_t *data, *disk;
	size_t room, disk_room;

	while (i < inodes + INODES && i->number != 0)
		i++;
	if (i == inodes + INODES)
		sim_fail("the simulation has too few inodes");
	if ((unsigned)(i - inodes) >= used)
		used = (unsigned)(i - inodes) + 1;
	entries = i->entries;
	data = i->data;
	room = i->room;
	disk = i->disk;
	disk_room = i->disk_room;
	memset(i, 0, sizeof(*i));
	i->entries = entries;
	i->data = data;
	i->room = room;
	i->disk = disk;
	i->disk_room = disk_room;
	if (S_ISDIR(mode) && i->entries == NULL)
		i->entries = __real_calloc(ENTRIES, sizeof(*i->entries));
	i->number = 100 + (uint64_t)(i - inodes);
	i->mode = mode;
	i->uid = uid;
	i->mtime = i->ctime = file_time();
	i->btime = i->mtime;
	made++;
	return (i);
}

void
files_reset(void)
{
	unsigned n;

	for (n = 0; n < used; n++)
		inodes[n].number = 0;
	used = 0;
	(void)inode_new(S_IFDIR | 0755, 0);
	inodes[0].links = 1;
	inodes[0].parent = &inodes[0];
}

void
inode_check(struct inode *i)
{
	if (i->links > 0 || i->refs > 0 || i->number == 0)
		return;
	if (S_ISREG(i->mode))
		oracle_vanish(i, 0);
	watching_gone(i->number);
	i->number = 0;
}

void
inode_touch(struct inode *i, bool data)
{
	i->ctime = file_time();
	if (!data)
		return;
	i->mtime = i->ctime;
	i->changed = S.now;
}

bool
inode_is_meant(const struct inode *i)
{
	const struct inode *dir = files_at("/log");
	unsigned n;

	for (n = 0; n < dir->nentries; n++)
		if (dir->entries[n].ino == i &&
		    files_is_meant(dir->entries[n].name))
			return (true);
	return (false);
}

/* What was just read for the first time may have no record. */
void
files_forget_known(void)
{
	unsigned n;

	for (n = 0; n < used; n++)
		if (inodes[n].known > S.now - 2500 * NS_MS)
			inodes[n].known = 0;
}

/* Whoever is new has read nothing yet. */
void
files_know_anew(void)
{
	unsigned n;

	for (n = 0; n < used; n++)
		inodes[n].known = 0;
}

static bool
is_gzip(const struct inode *i)
{
	return (i->len > 1 && i->data[0] == 0x1f && i->data[1] == 0x8b);
}

/* Of a file that grew since it was synced, some of the rest is left. */
void
files_lose_power(struct rng *r)
{
	struct inode *i, *checkpoint = files_at("/state/checkpoint");
	size_t n;

	for (i = inodes; i < inodes + used; i++) {
		if (i->number == 0 || !S_ISREG(i->mode))
			continue;
		n = i->disk_len < i->len ? i->disk_len : i->len;
		n += rng_below(r, (unsigned)(i->len - n) + 1);
		/* Older data is on disk: the system writes it by itself. */
		if (rng_chance(r, 500) || S.now - i->changed > 30 * NS_S)
			n = i->len;
		/* Of a log whole lines: another would be glued to a half. */
		while (i != checkpoint && n > 0 && i->data[n - 1] != '\n')
			n--;
		if (n < i->len && is_gzip(i))
			S.torn = true;
		if (n < i->len)
			inode_cut(i, n);
		inode_sync(i);
	}
}

struct entry *
inode_find(struct inode *dir, const char *name)
{
	unsigned n;

	for (n = 0; n < dir->nentries; n++)
		if (dir->entries[n].ino != NULL &&
		    strcmp(dir->entries[n].name, name) == 0)
			return (&dir->entries[n]);
	return (NULL);
}

int
inode_link(struct inode *dir, const char *name, struct inode *i)
{
	unsigned n = 0;

	while (n < dir->nentries && dir->entries[n].ino != NULL)
		n++;
	if (n == ENTRIES)
		sim_fail("the simulation has too few names");
	if (n == dir->nentries)
		dir->nentries++;
	(void)strlcpy(dir->entries[n].name, name, NAME_ROOM);
	dir->entries[n].ino = i;
	i->links++;
	if (inode_is_dir(i))
		i->parent = dir;
	inode_touch(dir, true);
	inode_touch(i, false);
	return (0);
}

void
inode_unlink(struct inode *dir, struct entry *e)
{
	struct inode *i = e->ino;

	e->ino = NULL;
	i->links--;
	i->last_dir = dir->number;
	(void)strlcpy(i->last_name, e->name, NAME_ROOM);
	inode_touch(dir, true);
	inode_touch(i, false);
	watching_unlinked(i->number);
	inode_check(i);
}

static void
make_room(uint8_t **p, size_t *room, size_t n)
{
	if (n <= *room)
		return;
	*room = n * 2 + 256;
	if ((*p = __real_realloc(*p, *room)) == NULL)
		abort();
}

/* Behind the end there are NULs up to where it begins. */
void
inode_store(struct inode *i, size_t at, const void *p, size_t n)
{
	make_room(&i->data, &i->room, at + n);
	if (at > i->len)
		memset(i->data + i->len, 0, at - i->len);
	memcpy(i->data + at, p, n);
	if (at + n > i->len)
		i->len = at + n;
	inode_touch(i, true);
}

void
inode_cut(struct inode *i, size_t n)
{
	if (n < i->len && S_ISREG(i->mode))
		oracle_vanish(i, n);
	if (n == 0)
		i->read = false;
	make_room(&i->data, &i->room, n);
	if (n > i->len)
		memset(i->data + i->len, 0, n - i->len);
	i->len = n;
	inode_touch(i, true);
}

void
inode_sync(struct inode *i)
{
	make_room(&i->disk, &i->disk_room, i->len);
	if (i->len > 0)
		memcpy(i->disk, i->data, i->len);
	i->disk_len = i->len;
}

/* The next part of a path; returns what is behind it, NULL: too long. */
static const char *
part(const char *path, char name[NAME_ROOM])
{
	size_t n;

	path += strspn(path, "/");
	n = strcspn(path, "/");
	if (n >= NAME_ROOM) {
		errno = ENAMETOOLONG;
		return (NULL);
	}
	memcpy(name, path, n);
	name[n] = '\0';
	return (path + n + strspn(path + n, "/"));
}

static struct inode *
walk(struct inode *at, const char *path, bool follow, struct inode **dir,
    char name[NAME_ROOM], int depth)
{
	char target[PATH_MAX];
	struct entry *e;
	struct inode *i = at;

	if (*path == '/')
		i = at = inode_root();
	*dir = at;
	(void)strlcpy(name, ".", NAME_ROOM);
	while (*path != '\0') {
		if (!inode_is_dir(i)) {
			errno = ENOTDIR;
			return (NULL);
		}
		at = i;
		if ((path = part(path, name)) == NULL)
			return (NULL);
		*dir = at;
		if (name[0] == '\0' || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			i = at->parent;
			continue;
		}
		if ((e = inode_find(at, name)) == NULL) {
			errno = ENOENT;
			if (*path != '\0')
				*dir = NULL;
			return (NULL);
		}
		i = e->ino;
		if (!S_ISLNK(i->mode) || (*path == '\0' && !follow))
			continue;
		if (depth == 8) {
			errno = ELOOP;
			return (NULL);
		}
		(void)snprintf(target, sizeof(target), "%.*s%s%s", (int)i->len,
		    (const char *)i->data, *path != '\0' ? "/" : "", path);
		return (walk(at, target, follow, dir, name, depth + 1));
	}
	return (i);
}

struct inode *
inode_at(struct inode *from, const char *path, bool follow, struct inode **dir,
    char name[NAME_ROOM])
{
	if (*path == '\0') {
		errno = ENOENT;
		*dir = NULL;
		return (NULL);
	}
	return (walk(
	    from == NULL ? inode_root() : from, path, follow, dir, name, 0));
}
