#include "daemon/heap.h"

void
heap_give_back(void)
{
}
