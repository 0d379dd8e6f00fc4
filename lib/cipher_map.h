/*
 * cipher_map.h - how much of a text has arrived, of the octets that it was
 * encrypted to.
 *
 * The receiver acknowledges octets on the wire, the ciphertext, which is longer
 * than the plaintext.  A mark notes how much plaintext a length of ciphertext
 * carries in full.  When the map is full, every other mark is dropped: then
 * plaintext counts as arrived later, but never too early.  Pure: no I/O.
 */
#ifndef CIPHER_MAP_H
#define CIPHER_MAP_H

#include <stddef.h>
#include <stdint.h>

#define CIPHER_MAP_MARKS	1024

struct cipher_mark {
	uint64_t		 cipher;	/* octets of ciphertext */
	uint64_t		 plain;		/* octets they carry in full */
};

struct cipher_map {			/* embedded; empty when zeroed */
	struct cipher_mark	 marks[CIPHER_MAP_MARKS];	/* a ring */
	size_t			 head;		/* the oldest mark */
	size_t			 count;
	uint64_t		 plain;		/* octets that have arrived */
};

/*
 * Notes that the first cipher octets on the wire carry the first plain octets
 * of the text.  Both never decrease from call to call.
 */
void	cipher_map_add(struct cipher_map *, uint64_t cipher, uint64_t plain);

/*
 * Returns how many octets of the text have arrived when the first cipher octets
 * on the wire are acknowledged.  Never decreases.
 */
uint64_t	cipher_map_acked(struct cipher_map *, uint64_t cipher);

#endif
