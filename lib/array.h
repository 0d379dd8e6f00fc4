/*
 * array.h - arrays that grow by one element at a time.
 *
 * The room of such an array doubles whenever the number of its elements is a
 * power of two, so that the number alone tells how much room there is.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include <stddef.h>

/*
 * Makes room for one more than n elements of size octets each; array is NULL
 * for n = 0, and was returned by this function for every n before.  Returns the
 * array, which may have moved: free it with free(3).  Returns NULL with ENOMEM:
 * then the array is as it was.
 */
void	*array_more(void *array, size_t n, size_t size);

#endif
