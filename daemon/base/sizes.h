/*
 * sizes.h - how much is done at once, and how long the worker waits.
 *
 * None of these changes what arrives, only when.  They stand together so that
 * a simulation of the worker can be built with small ones: there a few lines
 * reach every edge.  Times are seconds.
 */
#ifndef BASE_SIZES_H
#define BASE_SIZES_H

/* Octets of frames of one file in one go. */
#define ENDPOINT_SLICE		(128 * 1024)

/* Octets that an endpoint sends before others have their turn. */
#define ENDPOINT_TURN		(1024 * 1024)

/* Octets of frames that wait for the link. */
#define ENDPOINT_BUFFER		(512 * 1024)

/*
 * Octets that one read of a file takes; more where a message may be longer, see
 * STREAM_LEAST.
 */
#define WORKER_SCRATCH		(256 * 1024)

/*
 * Turns of the loop a second that begin at once; beyond them the loop waits for
 * so long, to have more to do in one turn, until it has some turns to spare.
 */
#define WORKER_TURNS		500
#define WORKER_CALM		50
#define WORKER_GATHER		0.002

/*
 * What is sent again after a reset, in octets: where the receiver's system
 * tells no window scale, what the largest receive buffers hold; and the least
 * for a buffer that grows by itself.  Such a buffer gets a scale for all of its
 * greatest size, and no common system lets it grow to less than 4 MB.  One of
 * fixed size gets a scale for the half of it.
 */
#define TRANSPORT_UNREAD_BLIND	(64 * 1024 * 1024)
#define TRANSPORT_AUTOTUNED		(4 * 1024 * 1024)

/* Octets looked through in one turn, for what is no NUL and for a newline. */
#define STREAM_NULS_TURN	(64 * 1024 * 1024)
#define STREAM_SCAN_TURN	(4 * 1024 * 1024)

/*
 * Entries of directories, listed or looked at, in one turn, and of one
 * directory before others have theirs; so many seconds they may take; and how
 * many directories are open between turns.
 */
#define SCAN_TURN		1024
#define SCAN_PART		256
#define SCAN_SECONDS		0.005
#define SCAN_OPEN		16

/*
 * The same where the copy of a truncated file is looked for: with no more names
 * in the directories near, that is done at once.
 */
#define COPY_TURN		4096

/* Octets at the beginning and at the end of two files that are compared. */
#define SUSPECT_COMPARED	4096

/* What may be a copy and does not grow for so long is sent as a new file. */
#define SUSPECT_FOR		1.5

/* Compressed octets that are read at once. */
#define DECODER_INPUT	(16 * 1024)

/* Octets of text passed over in one turn; in which its head is looked for. */
#define DECODER_TURN	(4 * 1024 * 1024)
#define DECODER_HEAD	(1024 * 1024)

/*
 * How long a file without a name may be quiet before it is finished with: a
 * deleted one holds disk space, one that was moved away may still be written.
 */
#define FILE_DELETED_QUIET	60.
#define FILE_MOVED_QUIET	600.
#define FILE_UNTOLD_QUIET	1. /* its next name is told by then */

/* The rest of a rotated file without a newline is sent after so long. */
#define FILE_ROTATED_QUIET	60.

/* After so many seconds, what is said of files counts anew. */
#define SAY_WHILE		60.

/* Records in one append to the checkpoint; with more, it takes longer. */
#define CHECKPOINTER_APPEND_MOST	4096

/* Records in one step of writing it anew: so many hold up no line. */
#define CHECKPOINTER_RENEW_MOST	1024

/*
 * Together they are the 50 ms that a daemon repeats at most after it was
 * killed: a loop that is busy turns in time, one that is not is woken.
 */
#define CHECKPOINTER_APPEND_EVERY	0.045
#define CHECKPOINTER_WAKE_AFTER	0.005

#endif
