#include <malloc.h>

#include "daemon/base/heap.h"

void
heap_give_back(void)
{
	/* Where it is refused, more memory is kept, and nothing else. */
	(void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}
