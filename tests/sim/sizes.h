/*
 * sizes.h - sizes of the worker that each schedule draws.
 *
 * The compiler includes it before all else.  What is not named here is as
 * daemon/base/sizes.h has it.
 */
#ifndef SIM_SIZES_H
#define SIM_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/base/sizes.h"

struct sim_sizes {
	size_t		slice;
	size_t		turn;
	size_t		buffer;
	size_t		scratch;
	uint64_t	turns;
	double		gather;
	uint64_t	unread_blind;
	uint64_t	autotuned;
	int		nuls_turn;
	size_t		scan_turn;
	double		held_for;
	unsigned	dirs_turn;
	unsigned	dirs_part;
	unsigned	dirs_open;
	size_t		decoder_turn;
	int		decoder_head;
	double		deleted_quiet;
	double		moved_quiet;
	double		rotated_quiet;
	size_t		append_most;
	size_t		renew_most;
};

extern struct sim_sizes sim_sizes;

#undef ENDPOINT_SLICE
#undef ENDPOINT_TURN
#undef ENDPOINT_BUFFER
#undef WORKER_SCRATCH
#undef WORKER_TURNS
#undef WORKER_GATHER
#undef TRANSPORT_UNREAD_BLIND
#undef TRANSPORT_AUTOTUNED
#undef STREAM_NULS_TURN
#undef STREAM_SCAN_TURN
#undef SCAN_TURN
#undef SCAN_PART
#undef SCAN_OPEN
#undef COPY_TURN
#undef SUSPECT_COMPARED
#undef SUSPECT_FOR
#undef DECODER_INPUT
#undef DECODER_TURN
#undef DECODER_HEAD
#undef FILE_DELETED_QUIET
#undef FILE_MOVED_QUIET
#undef FILE_ROTATED_QUIET
#undef CHECKPOINTER_APPEND_MOST
#undef CHECKPOINTER_RENEW_MOST

#define ENDPOINT_SLICE		(sim_sizes.slice)
#define ENDPOINT_TURN		(sim_sizes.turn)
#define ENDPOINT_BUFFER		(sim_sizes.buffer)
#define WORKER_SCRATCH		(sim_sizes.scratch)
#define WORKER_TURNS		(sim_sizes.turns)
#define WORKER_GATHER		(sim_sizes.gather)
#define TRANSPORT_UNREAD_BLIND	(sim_sizes.unread_blind)
#define TRANSPORT_AUTOTUNED		(sim_sizes.autotuned)
#define STREAM_NULS_TURN	(sim_sizes.nuls_turn)
#define STREAM_SCAN_TURN	(sim_sizes.scan_turn)
#define SCAN_TURN		(sim_sizes.dirs_turn)
#define SCAN_PART		(sim_sizes.dirs_part)
#define SCAN_OPEN		(sim_sizes.dirs_open)
#define COPY_TURN		(sim_sizes.dirs_turn)
#define SUSPECT_COMPARED	256
#define SUSPECT_FOR		(sim_sizes.held_for)
#define DECODER_INPUT	256
#define DECODER_TURN	(sim_sizes.decoder_turn)
#define DECODER_HEAD	(sim_sizes.decoder_head)
#define FILE_DELETED_QUIET	(sim_sizes.deleted_quiet)
#define FILE_MOVED_QUIET	(sim_sizes.moved_quiet)
#define FILE_ROTATED_QUIET	(sim_sizes.rotated_quiet)
#define CHECKPOINTER_APPEND_MOST	(sim_sizes.append_most)
#define CHECKPOINTER_RENEW_MOST	(sim_sizes.renew_most)

#endif
