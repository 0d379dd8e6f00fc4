/*
 * heap.h - what the allocator of the system does with memory that is free.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

/*
 * Lets the system have what is free at the end of the heap, from 128 KB on.
 * Without it glibc keeps as much as was once free in one piece, up to 64 MB:
 * mallopt(3).  To be called before much is allocated.
 */
void	heap_give_back(void);

#endif
