#include "daemon/base/heap.h"

void
heap_give_back(void)
{
}
