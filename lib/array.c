#include "array.h"

#include <stdlib.h>

void *
array_more(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return (array);
	return (reallocarray(array, n == 0 ? 1 : n * 2, size));
}
