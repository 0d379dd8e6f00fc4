/*
 * inside.h - sources as their own parts see them: match.c knows
 * what the patterns mean, dir.c keeps the tree of directories,
 * entry.c looks at one name, scan.c at all of a directory that
 * listing.c lists, part by part,
 * recover.c at what happened before the start to what unmatched.c
 * lists, by the evidence of candidate.c, missed_rename.c follows what was renamed before anybody looked,
 * inherit.c goes on with what the worker before had open,
 * walk.c judges where links lead, link.c knows where those lead
 * that are followed, dangling.c looks at dangling ones by time,
 * again.c at what could not be looked at, not_followed.c says what is
 * not followed, last_look.c remembers since when nobody could look,
 * mount.c looks where something was mounted, and sweep.c looks at
 * all of it, slowly.
 */
#ifndef FIND_INSIDE_H
#define FIND_INSIDE_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <dirent.h>
#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/file/names.h"
#include "daemon/base/scan_queue.h"
#include "daemon/find/sources.h"
#include "daemon/watch/watch.h"
#include "lib/idset.h"

struct handover_file;
struct mounts;
struct pattern;
struct pattern_part;

struct source {
	TAILQ_ENTRY(source) entry;
	const struct conf_source *conf;
	struct route **routes;
	size_t nroutes;
};

struct identity {
	dev_t dev;
	ino_t ino;
};
#define SOURCE_AVOIDED 4

/* A pattern reaches a directory: its part names entries there. */
struct match {
	struct source *source;
	const struct pattern *pattern;
	size_t part;
	int depth; /* directories that ** took */
};

/* How a name leads to what it names. */
enum trust {
	TRUST_PLAIN, /* by itself */
	TRUST_SAFE_LINK, /* by a link that nobody could have planted */
	TRUST_UNSAFE_LINK,
	TRUST_UNSAFE_NAME /* by one of its names, which anybody may have made */
};

struct not_followed;
RB_HEAD(not_followed_names, not_followed);

struct link;
RB_HEAD(link_names, link);
RB_HEAD(link_targets, link);

struct missed_rename;
TAILQ_HEAD(missed_renames, missed_rename);
RB_HEAD(rename_names, missed_rename);

struct taken;
RB_HEAD(taken_files, taken);

struct dangling;
TAILQ_HEAD(dangling_list, dangling);
RB_HEAD(dangling_names, dangling);

struct dir {
	RB_ENTRY(dir) by_path;
	RB_ENTRY(dir) by_id;
	uint64_t serial;
	struct place place;
	struct sources *all;
	struct dir *parent;
	struct watch_dir *watch;
	struct match *matches;
	size_t nmatches;
	char *real; /* its path without links, or NULL: it has none */
	uid_t uid; /* who may write to it, when it was looked at last */
	gid_t gid;
	mode_t mode;
	unsigned nlinks; /* links in it to files that are followed */
	struct link_targets targets; /* links to files in it */
	uint64_t ordered; /* when links were last, see link_order() */
	TAILQ_ENTRY(dir) retry_entry;
	struct idset others; /* see missed_file.c */
	bool has_others;
	bool unsure; /* names changed while they were read, */
	bool was_unsure; /* and so they did in the scan before this one */
	int64_t changed_ns; /* its st_mtime when it was listed last */
	bool missed; /* events were, since it was scanned last, */
	int64_t missed_ns; /* and all were told until then */
	bool missing; /* the same of the scan that is midway */
	int64_t missing_ns;
	bool retry;
	struct scan_job job;
	struct scan *scanning; /* it is midway in a scan, or NULL */
	bool rescan; /* when that is at its end */
	bool unwatched; /* its watch is to be made anew before */
	bool by_event; /* not only a look by time has it scanned */
	bool unrecovered; /* what became of its files is looked for again */
	struct taken_files taken; /* found so meanwhile */
	bool started; /* it was there at the start */
	bool widened; /* patterns came since it was scanned */
	bool said; /* that it cannot be read */
	bool hidden; /* see sources_hide() */
	bool disordered; /* a new file has a name that rotation gives */
	uint32_t scan; /* how often it was listed */
	int64_t listed_ns; /* its st_mtime then, or -1 */
	unsigned passed; /* files that were left alone then, being old */
	struct missed_renames renames;
	struct rename_names rename_names;
	TAILQ_ENTRY(dir) renamed; /* while it has strays */
	unsigned nnamed; /* names of it in told */
	unsigned nunnamed; /* for which there was no room, by its last scan */
	unsigned ndangling;
	bool dangles; /* has what only the sweep looks at again */
};
RB_HEAD(dirs, dir);
TAILQ_HEAD(retry_list, dir);
RB_HEAD(dir_ids, dir);

struct sources {
	TAILQ_HEAD(, source) sources;
	struct dirs dirs;
	struct dir_ids ids;
	uint64_t serial;
	unsigned ndirs;
	struct ev_loop *loop;
	struct watch *watch;
	struct mounts *mounts; /* NULL: the system does not tell */
	struct tails *tails;
	struct ledger *ledger;
	ev_prepare turn;
	struct identity avoided[SOURCE_AVOIDED];
	size_t navoided;
	struct link_names links;
	uint64_t orders;
	struct retry_list retries; /* in which something could not be looked at */
	unsigned nretries;
	struct scan_queue scans;
	unsigned nsplit; /* directories that are open between turns */
	ev_tstamp retry_wait;
	ev_timer retry_timer;
	unsigned waits; /* left to a start */
	struct unmatched *unmatched; /* while a directory is unrecovered, or NULL */
	ev_tstamp decided_at; /* what a start could not tell counts as new */
	struct not_followed_names not_followed;
	unsigned nnamed;
	uint64_t nunnamed; /* in all directories, */
	uint64_t nsaid; /* as it was said last */
	ev_timer tell;
	struct dangling_names dangling_names;
	struct dangling_list dangling; /* looked at longest ago first */
	unsigned ndangling;
	ev_timer dangling_timer;
	void (*on_due)(struct dir *, const char *); /* look at one of them */
	uint64_t passed; /* in all directories */
	ev_timer sweep;
	ev_tstamp sweep_rest; /* seconds, where events tell of all files */
	uint64_t sweep_serial; /* the sweep is in this directory, */
	char sweep_path[PATH_MAX];
	char sweep_name[NAME_MAX + 1]; /* behind this name; "": in front */
	bool by_time; /* what is looked at now: no news for awaited */
	struct sources_ops ops;
	void (*pause)(void *); /* NULL: there is none */
	void *pause_arg;
	bool starting;
	bool late; /* the same, of what a start could not look at */
	unsigned nlate; /* directories that were found so */
	struct retry_list renamed; /* directories that have strays */
};

/* retry.c */

/* At a start, between two steps; arg is the sources. */
void	sources_pause(void *arg);

/* match.c: what patterns mean */

bool	match_is_last(const struct match *);
bool	match_has_name(const struct match *, const char *name);
const struct pattern_part	*match_part(const struct match *);

/*
 * Adds a use, and what follows from a ** that takes no directory.  Returns 1
 * where it is new, 0 where it is not, or -1 with ENOMEM.
 */
int	match_add(struct dir *, const struct match *);

/* Whether some source means the file, or goes on in the directory, name. */
bool	match_file(const struct dir *, const char *name);

bool	match_dir(const struct dir *, const char *name);

/*
 * Whether a source means the file by its name, which rotation did not give it:
 * so it is a log, whatever it was called before.
 */
bool	match_live(const struct dir *, const struct tail *);

/* Whether a source that means the file sends it to dest. */
bool	routes_send_to(const struct dir *, const char *name, const char *dest);

/*
 * Whether a source that means the file called log in was means name in d too;
 * where name is NULL, whether it reaches d at all.
 */
bool	match_same_source(const struct dir *, const char *name,
	    const struct dir *was, const char *log);

/* Whether it means files in it at all, or some were there by links. */
bool	match_any_file(const struct dir *);

/* The same for one use; and whether its source wants what a link leads to. */
bool	match_is_file(const struct match *, const struct dir *, const char *name);
bool	match_is_dir(const struct match *, const char *name);
bool	match_trusts(const struct match *, enum trust);

/* Whether some source means name, reached like this, as a file or directory. */
bool	match_trusted(const struct dir *, const char *name, enum trust);

/*
 * Sends the file by the routes of every source that means name in dir.  Returns
 * whether one of them leaves it alone, being old.
 */
bool	routes_join(struct tail *, const struct dir *, const char *name,
	    enum trust);

/* routes.c */

/* Sends it by the routes of the path it had, where it is the same file. */
void	routes_rejoin(struct tail *, struct sources *,
	    const char *origin);

/* dir.c: the tree of directories */

/*
 * It comes into the tree, and nothing else; goes from it, and is freed then.
 * Others call tree_add() and tree_remove().
 */
struct dir	*dir_enter(struct sources *, struct dir *parent,
		    const char *path, const struct stat *);
void	dir_leave(struct dir *);
void	dir_release(struct dir *);

/* parent is NULL for the root only.  Returns NULL: it was logged. */
struct dir	*tree_add(struct sources *, struct dir *parent, const char *path,
		    const struct stat *);

/* Frees it and all below; its files go on without a name. */
void	tree_remove(struct dir *);

/* The same where the system says that it is gone. */
void	entry_dir_gone(struct dir *);

/* Patterns go on in it that did not before: it is to be watched, and scanned. */
void	scan_with_more(struct dir *);

/* Watches it for every use; may be called again. */
void	tree_watch(struct dir *);

/* Whether some source wants no events from the system. */
bool	tree_wants_polling(struct dir *);

struct dir	*dir_find(struct sources *, const char *path);
struct dir	*dir_of(struct place *);

/* That of a file with this path, when it is known; and the name there. */
struct dir	*dir_of_path(struct sources *, const char *path,
		    const char **name);

/* In the order of their paths: the first from path on; the next; or NULL. */
struct dir	*dir_from(struct sources *, const char *path);
struct dir	*dir_next(struct dir *);

/* The first below it, or NULL; and whether d is below top. */
struct dir	*dir_first_below(struct dir *);
bool	dir_is_below(const struct dir *d, const struct dir *top);

/* A file that the directory's sources mean is old, and left alone. */
void	dir_count_old(struct dir *);

/* They are about to be counted anew. */
void	dir_recount_old(struct dir *);

/* The path to show, or to open. */
const char	*dir_display(const struct dir *);

/*
 * The path of name in it.  Returns 0, or -1 with ENAMETOOLONG: no system call
 * takes it, so what is there cannot be followed.
 */
int	dir_path(const struct dir *, const char *name, char path[PATH_MAX]);

/*
 * Whether the directory of st is in the tree under as many paths as one may
 * have: by links that lead to links their number would grow without bound.
 */
bool	dir_is_everywhere(struct sources *, const struct stat *);

/* Its path without links; "" for the root. */
const char	*dir_real(const struct dir *);

/* Remembers who may write to it. */
void	dir_note_rights(struct dir *, const struct stat *);

/* Whether it is hidden: then it was told that something may have changed. */
bool	dir_is_hidden(const struct dir *);

/* Whether it is the directory of st, or below it: a loop of links. */
bool	dir_is_inside(const struct dir *, const struct stat *);


/*
 * Visits a directory, those below it and those below its parent, until visit
 * returns true; not many of them.  See tails_finder.
 */
void	sources_near(struct place *, bool (*visit)(struct place *, void *),
	    void *to);

/* entry.c, scan.c */

/* What is there under this name now?  May free directories below. */
void	entry_examine(struct dir *, const char *name);

/* The same for a link to a file that may well be the one that it was. */
void	entry_examine_linked(struct dir *, const char *name);

/* The same where lstat(2) has just found it. */
void	entry_examine_found(struct dir *, const char *name, const struct stat *);

/*
 * The same for all that the patterns mean in it, oldest first, in the turns of
 * the loop from now on; nobody scans a directory while he looks at another.
 * What changes meanwhile is told by events; where none tell of names, the scan
 * begins anew.
 */
void	scan_later(struct dir *);

/* Whether that is midway. */
bool	scan_is_midway(const struct dir *);

/* A scan is at its end; and: it begins anew another time. */
void	scan_free(struct dir *);
void	scan_abandon(struct dir *);

/* It is not scanned any more. */
void	scan_cancel(struct dir *);

void	scan_init(struct sources *);
void	scan_end(struct sources *);

/*
 * Scans as much as this turn still may; and: all that is to be scanned, at a
 * start.  To be called at the end of what may have brought it about.
 */
void	scan_some(struct sources *);
void	scan_all(struct sources *);

/* Whether lstat(2) of its name tells that a file of it has not changed. */
bool	known_is_unchanged(const struct tail *, const struct stat *);

/* The same for a name in the directory open as fd, which may be a link. */
bool	known_is_at_rest(const struct tail *, int fd, const struct stat *);

/* missed_file.c: names that came and went between two looks */

struct missed {
	struct idset others; /* found by this scan */
	bool failed;
};

/* Whether each scan tells what came since the last one, and nothing else. */
bool	missed_needs_scans(const struct dir *);

/* Scans it where no event told what names came since the last time. */
void	scan_missed(struct dir *);

/*
 * An entry that no pattern means and nobody knows: whether it is to be looked
 * at, by fstatat(2) in *st, as what had a name that one means since the last
 * scan; base gets that name.  fd is of the directory.
 */
bool	missed_is(struct dir *, int fd, const struct dirent *,
	    char base[NAME_MAX + 1]);
bool	missed_since(const struct dir *, const struct stat *);

/* Lists what is in it for the next scan to compare with. */
void	missed_begin(struct dir *);

/* The scan meets it; and: another one is to look at it as at a new one. */
void	missed_note(struct missed *, ino_t);
void	missed_forget(struct dir *, ino_t);

/* The same, and that other one is to come anyway. */
void	missed_drop(struct dir *, ino_t);

/* The scan is at its end: what it found is for the next to compare with. */
void	missed_end(struct dir *, struct missed *);

/* These, too. */
void	missed_add(struct dir *, struct missed *);

/* recover.c */

/* At the end of the start: what became of the files of the checkpoint. */
void	sources_recover(struct sources *);

/*
 * The same for a directory in which something could not be looked at then, when
 * it was scanned again; and: none is left in which that may succeed soon.
 */
void	recover_late(struct dir *);

/* moved.c */

/*
 * Puts the directories that files of the checkpoint really were in, where links
 * led to them, into the tree.
 */
void	recover_enter_dirs(struct sources *);

/* Files that were moved to a directory that was listed before their own. */
void	recover_examine_moved(struct dir *);

/* last_look.c: since when nobody could look at it */

/* A directory is new: what is known of it, and of the one that it is in. */
void	last_look_find(struct dir *);

/* What leads there could not be looked at before, either. */
void	last_look_copy(struct dir *, const struct dir *);

/* A look at it has just failed, and the daemon runs. */
void	last_look_failed(struct dir *);

/* It was looked at now, or will be later, maybe by another start. */
void	last_look_note(struct dir *);

/*
 * A file that is new, as it was written last then, cannot be read: whoever finds
 * it later, by whatever name, knows it as new by that; and: whether it is such
 * a one, which it is not any more.
 */
void	last_look_defer(struct dir *, ino_t, int64_t written_ns);
bool	last_look_undefer(struct dir *, ino_t, int64_t written_ns);
bool	last_look_has_deferred(const struct dir *);

/*
 * The same of one that has another number since: it was moved or compressed, and
 * has that time.  is_there says whether a file has a number.
 */
bool	last_look_undefer_moved(struct dir *, int64_t written_ns,
	    bool (*is_there)(ino_t, void *), void *arg);

/*
 * A file was found to be what one of the checkpoint has become, or to be new:
 * as long as the directory is looked at again, it is not found once more when
 * all of it was sent; and: whether it was.
 */
void	last_look_take(struct dir *, const struct stat *);
bool	last_look_has_taken(struct dir *, const struct stat *);
void	last_look_forget_taken(struct dir *);

/* inherit.c */

/*
 * A file that the worker before had open goes on, unless it was found by its
 * name.  Takes the descriptor.
 */
void	sources_inherit(struct sources *, const struct handover_file *);

/* retry.c */

/* on_time gets the timer, whose data are the sources: for retry_scan.c. */
void	retry_init(struct sources *, void (*on_time)(EV_P_ ev_timer *, int));
void	retry_end(struct sources *);

/* Those that were to be scanned are: if any is left, after a longer time. */
void	retry_later(struct sources *);

/* Something in it could not be looked at: it is scanned again soon. */
void	retry_dir(struct dir *);

/* retry_scan.c */

void	retry_start(struct sources *);

/* While such scans are done for a start: it is to be the next, once more. */
void	retry_dir_first(struct dir *);

/* Scans it later, or at once, and does what a start could not do. */
void	retry_scan(struct dir *);

/*
 * A look-up has failed with errno, and what there is must be known now: whether
 * to try it again, n is how often it was.  At a start this waits a moment, for
 * two seconds in all.
 */
bool	retry_lookup(struct sources *, unsigned n);

/* Lists it as place_list() does, with such attempts. */
DIR	*retry_list(struct dir *);

/*
 * Whether what became of its files while nobody looked is still looked for, and
 * something of that is missing; and: files may have waited for that.
 */
bool	retry_is_undecided(struct dir *);
void	wake_undecided(struct dir *);

/* Whether errors may pass by themselves, and tell nothing of what is there. */
bool	retry_may_help(int error);
void	retry_cancel(struct dir *);

/* walk.c: where a symbolic link leads */

struct walk {
	struct stat st; /* of what is at the end of it */
	struct stat in; /* of the directory that has it */
	char real[PATH_MAX]; /* its path without links */
	bool has_owner; /* some links to it are neither root's nor ours, */
	uid_t owner; /* but his */
	bool safe; /* nobody could have planted a link to it */
	const char *why; /* it is not safe */
};

/* Returns 0, or -1 with errno. */
int	walk_link(const struct dir *, const char *name, struct walk *);

/* Whether nobody but root and the daemon's user may write to it. */
bool	is_only_ours(const struct stat *);

/* trust.c */

/*
 * Whether nobody could have given the file of st a name in the directory of in
 * to have it sent though it is not theirs to read: it has one name, it was
 * followed before, or whoever may write there may read it.  And: the same for
 * a name in the directory itself.
 */
struct named {
	const char *path; /* of the directory */
	const char *name;
	const struct stat *in;
	const struct stat *st;
};
bool	trust_name(const struct dir *, const struct named *);
bool	trust_own_name(const struct dir *, const char *name,
	    const struct stat *st);

/* link.c: links to files that are followed */

/*
 * name in d, a link, leads to the file at the end of the walk, which is in the
 * directory into.  Returns 0, or -1: it was logged.  And: whether that is known.
 */
int	link_add(struct dir *d, const char *name, struct dir *into,
	    const struct walk *);
bool	link_is_noted(struct dir *, const char *name, const struct walk *);

/*
 * A link through which the file of st, which is called base in it, is followed:
 * its directory, and its name there.  Returns NULL: there is none.
 */
struct dir	*link_leading_to(struct dir *, const char *base,
		    const struct stat *st, const char **name);

/*
 * Where name in it, a link that is followed, leads: the directory, and the
 * file's name there.  Returns NULL: it is none.
 */
struct dir	*link_target(struct dir *, const char *name, const char **base);

/* Calls fn for every file in it to which a link leads; base is its name. */
void	link_each(struct dir *,
	    void (*fn)(struct tail *, const char *base, void *), void *arg);

/* Whether there is one for whatever file. */
bool	link_leads_to(struct dir *, const char *base);

/* It is none any more; and: the directory is about to go. */
void	link_forget(struct dir *, const char *name);
void	link_clear(struct dir *);

/* Looks at the links to the file called base in it. */
void	entry_examine_links(struct dir *, const char *base);

/*
 * Looks at the link into it behind the one that it looked at last.  Returns
 * false: there is none.
 */
struct link_cursor {
	struct dir *dir; /* NULL: at the first */
	char name[NAME_MAX + 2];
	char base[NAME_MAX + 1];
};
struct dir	*link_next(struct dir *, struct link_cursor *,
		    char name[NAME_MAX + 1]);
bool	entry_examine_next_link(struct dir *, struct link_cursor *);

/*
 * Orders the files that are sent for the links into it, where their names were
 * and are.
 */
void	link_order(struct dir *);

/* Whether a source of a link into it polls; lowers *poll_ms to the least. */
bool	link_wants_polling(struct dir *, uint64_t *poll_ms);

/* Whether it is in the tree for links alone, and there is none any more. */
bool	dir_is_idle(const struct dir *);

/*
 * The directory with this path without links, which is added to the tree and
 * watched where no pattern reaches it.  Returns NULL: it is not there.
 */
struct dir	*tree_find_or_add(struct sources *, const char *path);

/* not_followed.c: what was said of names that are not followed */

void	not_followed_init(struct sources *);
void	not_followed_end(struct sources *);

/*
 * Says once why name is not followed.  Of many names in one directory, or in
 * all, only the first are named, and the others are counted.
 */
void	not_followed_say(struct dir *, const char *name, const char *why);

/* The name is gone; all of them are; they are about to be counted anew. */
void	not_followed_forget(struct dir *, const char *name);
void	not_followed_clear(struct dir *);
void	not_followed_recount(struct dir *);

/* Forgets those that are gone from it, open as fd. */
void	not_followed_prune(struct dir *, int fd);

/* missed_rename.c */

/* Events in their order: name was from before; NULL: it came, or left. */
void	missed_rename_note(struct dir *, const char *name, const char *from);

/*
 * The same for the file with this inode where no event told of it, and it may
 * as well be a copy.
 */
void	missed_rename_guess(
	    struct dir *, const char *name, const char *from, ino_t);

/* When all events of a turn are known. */
void	missed_rename_follow(struct sources *);
void	missed_rename_clear(struct dir *);

/* dangling.c */

/* on_due(d, name) is to look at the link. */
void	dangling_init(struct sources *,
	    void (*on_due)(struct dir *d, const char *name));
void	dangling_end(struct sources *);

/* A link that leads nowhere: what it leads to may be on its way. */
void	dangling_add(struct dir *, const char *name);
void	dangling_clear(struct dir *);

/* sweep.c */

void	sweep_start(struct sources *);
void	sweep_stop(struct sources *);

/* Whether it is another one by now, or has other names in it.  May free it. */
void	sweep_dir(struct dir *);

/* known.c */

/* What has the inode of a file that is followed. */
enum known {
	KNOWN_SAME, /* that file, renamed */
	KNOWN_ANOTHER, /* it is gone, and its inode was used again */
	KNOWN_LATER /* it could not be looked at: errno */
};

/* Whether the open file is the one of st: 1 or 0, or -1 with errno. */
int	known_is_open_as(int fd, const struct stat *st);

enum known known_as(struct dir *, const char *name, const struct tail *,
    const struct stat *);

/* mount.c */

/* From now on it looks where something is mounted. */
void	mount_begin(struct sources *);

#endif
