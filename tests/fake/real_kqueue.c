#include "kqueue.h"

bool
fake_kqueue_has(unsigned notes)
{
	(void)notes;
	return (true);
}
