/*
 * One life of a worker after the other.
 */
#include <errno.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/privdrop.h"
#include "daemon/conf/conf.h"
#include "daemon/follow/handover.h"
#include "daemon/run/worker.h"
#include "tests/sim/setting.h"
#include "tests/sim/world.h"

static struct conf *conf;
static struct ofd *state_dir;

int __wrap_close(int);

/* As the monitor has it, which reads the configuration. */
static void
load(void)
{
	struct reason why;
	char text[4096];
	struct inode *i;
	size_t n;

	n = setting_write(text, sizeof(text));
	i = files_make("/conf", 0644, 0);
	files_write(i, 0, text, n);
	if ((conf = conf_load("/conf", NULL, &why)) == NULL) {
		(void)fprintf(stderr, "%s\n", why.text);
		sim_fail("the configuration is wrong");
	}
}

void
life_configure(void)
{
	if (!setting_is_to_change())
		return;
	sim_say("the configuration changes");
	setting_take_change();
	conf_free(conf);
	conf = NULL;
	S.in_world = true;
	(void)files_unlink("/conf");
	S.in_world = false;
	load();
}

void
life_prepare(void)
{
	int fd;

	setting_draw();
	load();
	if ((fd = files_open_dir("/state")) == -1)
		sim_fail("the state directory cannot be opened");
	state_dir = files_hold(fd);
	(void)__wrap_close(fd);
	log_open(true, S.verbose ? 7 : 0);
}

static void
show_checkpoint(void)
{
	struct inode *i = files_at("/state/checkpoint");

	if (i != NULL && S.verbose)
		(void)fwrite(files_data(i), 1, files_size(i), stderr);
}

void
life_end_all(void)
{
	show_checkpoint();
	files_drop_descriptors();
	channel_reset();
	if (state_dir != NULL)
		files_release(state_dir);
	state_dir = NULL;
	conf_free(conf);
	conf = NULL;
}

enum life_end
life_run(void)
{
	struct account account = { .name = "root" };
	struct worker_start start = {
		.conf = conf,
		.account = &account,
		.control = -1,
		.alive_ms = 10000,
		.most_missed = 3,
	};
	volatile enum life_end end = LIFE_KILLED;

	S.lives++;
	S.turns = 0;
	S.repacked = false;
	S.began = S.now;
	S.signals = 0;
	S.kill = S.stopping = false;
	sim_say("life %u", S.lives);
	oracle_on_life();
	show_checkpoint();
	sim_trace("life", S.lives, 0);
	start.state_dir = files_give(state_dir);
	start.channel = channel_make();
	channel_take_given();
	start.given = channel_given();
	memory_begin();
	if (setjmp(S.death) == 0) {
		end = worker_run(&start) == 0 ? LIFE_STOPPED : LIFE_FAILED;
	} else {
		oracle_on_kill();
	}
	memory_end();
	files_forget_known();
	oracle_on_end(end == LIFE_KILLED);
	files_drop_descriptors();
	watching_reset();
	if (S.power)
		world_lose_power();
	S.power = false;
	sim_say("life %u: %s", S.lives,
	    end == LIFE_KILLED	      ? "killed"
		: end == LIFE_STOPPED ? "stopped"
				      : "failed");
	return (end);
}
