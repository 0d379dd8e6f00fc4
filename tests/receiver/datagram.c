#include <sys/socket.h>

#include "receiver.h"

#define TURNS 1024 /* before others have theirs */

void
receiver_take_datagrams(struct receiver *r)
{
	static uint8_t buf[256 * 1024];
	ssize_t n;
	int turns;

	for (turns = 0; turns < TURNS && receiver_allowance(r) > 0; turns++) {
		n = recv(r->listener, buf, sizeof(buf), 0);
		if (n == -1)
			return;
		receiver_count(r, (size_t)n);
		message_take(r, buf, (size_t)n);
	}
}
