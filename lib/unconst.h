/*
 * unconst.h - for interfaces that take what they do not change without const:
 * iovec(3), the keys of tree(3).
 */
#ifndef UNCONST_H
#define UNCONST_H

/* Returns p, which must not be written to by it. */
static inline void *
unconst(const void *p)
{
	union {
		const void	*in;
		void		*out;
	} u = { .in = p };

	return (u.out);
}

#endif
