/*
 * cipher_map.h - how much of a text an encrypted stream has carried.
 *
 * The system acknowledges octets on the wire; what was encrypted counts its own
 * octets.  A mark joins the two: when the wire has come to its one end, all up
 * to its other end has arrived.  When there are too many marks, every other
 * one goes: then an acknowledgement comes later, but never too early.
 */
#ifndef CIPHER_MAP_H
#define CIPHER_MAP_H

#include <stddef.h>
#include <stdint.h>

#define CIPHER_MAP_MARKS	1024

struct cipher_mark {
	uint64_t		 cipher;	/* octets on the wire */
	uint64_t		 plain;		/* that they carry in full */
};

struct cipher_map {			/* embedded by its owner; 0: empty */
	struct cipher_mark	 marks[CIPHER_MAP_MARKS];	/* a ring */
	size_t			 head;		/* the oldest */
	size_t			 count;
	uint64_t		 plain;		/* known to have arrived */
};

/*
 * The first cipher octets of the wire carry the first plain of the text.
 * Neither ever goes backwards.
 */
void	cipher_map_add(struct cipher_map *, uint64_t cipher, uint64_t plain);

/*
 * The first cipher octets of the wire have arrived: returns how much of the
 * text has.  It never goes backwards.
 */
uint64_t	cipher_map_acked(struct cipher_map *, uint64_t cipher);

#endif
