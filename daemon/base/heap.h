/*
 * heap.h - how the system's allocator keeps free memory.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

/*
 * Has the allocator give free memory at the end of the heap back to the system,
 * from 128 KB on.  Else glibc keeps up to 64 MB: mallopt(3).  Call it before
 * much is allocated.
 */
void	heap_give_back(void);

#endif
