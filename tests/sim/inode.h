/*
 * inode.h - the file system in memory, as its own parts see it: inode.c has
 * inodes and names, files.c what the world does with them, descriptor.c and
 * call.c the worker's system calls.
 */
#ifndef INODE_H
#define INODE_H

#include "tests/sim/sim.h"

#include <sys/stat.h>

#define INODES		160
#define ENTRIES		96
#define NAME_ROOM	64
#define DESCRIPTORS	256

struct entry {			/* of a directory; ino NULL: removed */
	char		 name[NAME_ROOM];
	struct inode	*ino;
};

struct inode {
	uint64_t	 number;	/* 0: none */
	mode_t		 mode;
	unsigned	 uid;
	unsigned	 links;
	unsigned	 refs;		/* open descriptions, and writers */
	unsigned	 worker_refs;	/* of these the worker's */
	struct inode	*parent;	/* of a directory */
	struct entry	*entries;
	unsigned	 nentries;
	uint8_t		*data;		/* or where a link leads to */
	size_t		 len;
	size_t		 room;
	uint8_t		*disk;		/* what a power loss leaves */
	size_t		 disk_len;
	size_t		 disk_room;
	int64_t		 known;		/* since when the worker has read it
					   under a name that is meant; or 0 */
	bool		 read;		/* it has read of what is in it */
	uint64_t	 last_dir;	/* the last name that it had */
	char		 last_name[NAME_ROOM];
	int64_t		 changed;	/* by the clock that nobody sets */
	int64_t		 mtime;
	int64_t		 ctime;
	int64_t		 btime;
};

struct ofd {			/* an open file description */
	int		 kind;		/* 0: none */
	struct inode	*ino;
	void		*sock;
	off_t		 pos;
	int		 flags;
	unsigned	 refs;
};

#define FD_FILE		1
#define FD_DIR		2

struct inode	*inode_new(mode_t, unsigned uid);
void		 inode_check(struct inode *);	/* frees it if that is due */
void		 inode_touch(struct inode *, bool data);
struct inode	*inode_root(void);
struct entry	*inode_find(struct inode *dir, const char *name);
int		 inode_link(struct inode *dir, const char *name,
		    struct inode *);
void		 inode_unlink(struct inode *dir, struct entry *);
void		 inode_store(struct inode *, size_t at, const void *, size_t n);
void		 inode_cut(struct inode *, size_t);
void		 inode_sync(struct inode *);
bool		 inode_is_dir(const struct inode *);
bool		 inode_is_meant(const struct inode *);

/*
 * Finds path from a directory, NULL: the root.  Returns the inode, or NULL with
 * errno; dir and name tell where it is or would be.
 */
struct inode	*inode_at(struct inode *from, const char *path, bool follow,
		    struct inode **dir, char name[NAME_ROOM]);

struct ofd	*descriptor(int fd);
int		 descriptor_open(struct inode *, int flags);
void		 descriptor_put(struct ofd *);

#endif
