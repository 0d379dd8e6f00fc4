#include "flow.h"

#define MILLION 1000000
/* What fills a larger window first comes at the speed of the smaller one. */
#define TRIAL_ROUNDS 2
#define PATIENCE 16 /* rounds, after the first trial in vain */
#define PATIENCE_MOST 4096

void
flow_init(struct flow *f, uint64_t least, uint64_t most)
{
	*f = (struct flow) { .size = least, .most = most };
	f->patience = PATIENCE;
}

void
flow_begin(struct flow *f)
{
	f->begin = f->begin_us = 0;
	/* Nothing is known of a trial that has not come to its end. */
	if (f->round > 0)
		f->size /= 2;
	f->round = 0;
	f->full = false;
}

void
flow_full(struct flow *f)
{
	f->full = true;
}

static void
try_more(struct flow *f, uint64_t rate)
{
	if (f->size > f->most / 2)
		return;
	f->before = rate;
	f->size *= 2;
	f->round = 1;
}

/* A round ends in which the window was full; rate is in octets a second. */
static void
judge(struct flow *f, uint64_t rate)
{
	if (f->round == 0) {
		if (f->wait > 0)
			f->wait--;
		else
			try_more(f, rate);
	} else if (f->round < TRIAL_ROUNDS) {
		f->round++;
	} else if (rate > f->before + f->before / 4) {
		f->round = 0;
		f->patience = PATIENCE;
		try_more(f, rate);
	} else {
		f->round = 0;
		f->size /= 2;
		f->wait = f->patience;
		if (f->patience < PATIENCE_MOST)
			f->patience *= 2;
	}
}

void
flow_acked(struct flow *f, uint64_t octets, uint64_t now_us)
{
	uint64_t passed;

	if (f->begin_us != 0 && octets - f->begin < f->size)
		return;
	passed = now_us - f->begin_us;
	if (f->begin_us != 0 && f->full && passed > 0)
		judge(f, (octets - f->begin) * MILLION / passed);
	f->begin = octets;
	f->begin_us = now_us;
	f->full = false;
}
