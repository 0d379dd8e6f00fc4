/*
 * Goal: a source whose files the syslog daemon of this host writes is refused
 * with a destination that is this daemon, before a line is sent; and no other
 * pair is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conf/syslogd.h"
#include "daemon/conf/url.h"

static char root[64];

static void
write_file(const char *name, const char *text)
{
	char command[256], path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s%s", root, name);
	(void)snprintf(
	    command, sizeof(command), "mkdir -p \"$(dirname '%s')\"", path);
	assert_int_equal(system(command), 0);
	assert_non_null(f = fopen(path, "w"));
	assert_int_not_equal(fputs(text, f), EOF);
	assert_int_equal(fclose(f), 0);
}

static int
begin(void **state)
{
	(void)state;
	(void)strlcpy(root, "/tmp/test_conf_local.XXXXXX", sizeof(root));
	return (mkdtemp(root) == NULL ? -1 : 0);
}

static int
end(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r '%s'", root);
	return (system(command));
}

/* exclude may be NULL.  The result is static. */
static const char *
written(const char *path, const char *exclude)
{
	static char file[128];
	char *paths[] = { strdup(path) }, *excludes[] = { NULL };
	struct conf_source s = { .paths = paths, .npatterns = 1 };
	struct conf_syslogd *l = conf_syslogd_read(root);
	const char *found;

	assert_non_null(l);
	if (exclude != NULL) {
		excludes[0] = strdup(exclude);
		s.exclude = excludes;
		s.nexclude = 1;
	}
	if ((found = conf_syslogd_writes(l, &s)) != NULL)
		(void)strlcpy(file, found, sizeof(file));
	conf_syslogd_free(l);
	free(paths[0]);
	free(excludes[0]);
	return (found == NULL ? NULL : file);
}

static void
assert_written(const char *path)
{
	const char *file = written(path, NULL);

	if (file == NULL)
		fail_msg("%s is not known", path);
	assert_string_equal(file, path);
}

static void
rsyslog_says_its_files_in_three_ways(void **state)
{
	(void)state;
	write_file("/etc/rsyslog.conf",
	    "module(load=\"imuxsock\")\n#module(load=\"imudp\")\n"
	    "$WorkDirectory /var/spool/rsyslog\n"
	    "$IncludeConfig /etc/rsyslog.d/*.conf\n"
	    "*.*;auth.none\t\t-/srv/syslog\n"
	    "auth,authpriv.*  /srv/auth.log;traditional  # a comment\n"
	    "mail.=info \\\n /srv/continued\n"
	    ":msg, contains, \"x\" /srv/property\n& -/srv/more\n"
	    "if $programname == 'x' then /srv/if\n"
	    "*.emerg :omusrmsg:*\nkern.* |/dev/xconsole\n"
	    "#*.* /srv/comment\n");
	write_file("/etc/rsyslog.d/10-x.conf",
	    "input(type=\"imfile\" File=\"/srv/read\" Tag=\"t\")\n"
	    "action(type=\"omfile\"\n  file=\"/srv/action\")\n"
	    "action(type=\"omfile\" dynaFile=\"name\")\n"
	    "action(type=\"omfwd\" file=\"/srv/none\")\n");
	assert_written("/srv/syslog");
	assert_written("/srv/auth.log");
	assert_written("/srv/property");
	assert_written("/srv/more");
	assert_written("/srv/if");
	assert_written("/srv/action");
	assert_null(written("/srv/read", NULL));
	assert_null(written("/srv/none", NULL));
	assert_null(written("/srv/comment", NULL));
	assert_null(written("/var/spool/*", NULL));
	assert_null(written("/etc/rsyslog.d/*", NULL));
	assert_null(written("/dev/*", NULL));
}

static void
syslogd_has_a_table(void **state)
{
	(void)state;
	write_file("/etc/syslog.conf",
	    "# $OpenBSD$\n*.notice;auth,authpriv.none\t/srv/messages\n"
	    "kern.debug;user.info\t\t\t/srv/messages\n!sudo\n*.*\t/srv/sudo\n"
	    "!*\n#*.notice\t@loghost\n*.err\t\t@tls://loghost\n"
	    "*.emerg\t*\n");
	assert_written("/srv/messages");
	assert_written("/srv/sudo");
	assert_null(written("/loghost", NULL));
}

static void
syslog_ng_says_which_files_are_destinations(void **state)
{
	(void)state;
	write_file("/etc/syslog-ng/syslog-ng.conf",
	    "@version: 3.38\n@include \"scl.conf\"\n"
	    "source s_src { system(); file(\"/srv/read\"); };\n"
	    "destination d_a { file(\"/srv/a\"); };\n"
	    "destination d_b {\n  file( \"/srv/b\" perm(0640));\n};\n"
	    "destination d_m { file(\"/srv/$HOST.log\"); };\n"
	    "#destination d_c { file(\"/srv/c\"); };\n"
	    "log { source(s_src); destination(d_a); };\n");
	assert_written("/srv/a");
	assert_written("/srv/b");
	assert_null(written("/srv/c", NULL));
	assert_null(written("/srv/read", NULL));
	assert_null(written("/srv/$HOST.log", NULL));
}

static void
a_pattern_means_a_file_unless_it_is_excluded(void **state)
{
	(void)state;
	write_file("/etc/syslog.conf", "*.*\t/srv/log/all\n");
	assert_string_equal(written("/srv/**/a*", NULL), "/srv/log/all");
	assert_string_equal(written("/srv/log/*", "b*"), "/srv/log/all");
	assert_null(written("/srv/log/*", "a*"));
	assert_null(written("/srv/log/*", "/srv/log/all"));
	assert_null(written("/srv/*", NULL));
}

static void
usual_files_count_where_they_are_named_or_there(void **state)
{
	(void)state;
	assert_written("/var/log/syslog");
	assert_written("/var/log/messages");
	assert_written("/var/log/daemon.log");
	assert_null(written("/var/log/*", NULL));
	assert_null(written("/var/log/nginx/*.log", NULL));
	write_file("/var/log/daemon.log", "x\n");
	assert_string_equal(
	    written("/var/log/*.log", NULL), "/var/log/daemon.log");
	assert_null(written("/var/log/*.log", "daemon.log"));
}

static bool
takes(const char *url)
{
	struct conf_destination d = { .nurls = 1 };
	struct conf_syslogd *l = conf_syslogd_read(root);
	struct reason why;
	bool result;

	assert_non_null(l);
	assert_int_equal(conf_url_parse(&d.urls[0], url, &why), 0);
	result = conf_syslogd_receives(l, &d);
	conf_url_fini(&d.urls[0]);
	conf_syslogd_free(l);
	return (result);
}

static void
the_daemon_is_at_its_socket_and_at_its_port(void **state)
{
	(void)state;
	assert_true(takes("unix:///dev/log"));
	assert_true(takes("unix:///var/run/log"));
	assert_true(takes("udp://localhost"));
	assert_true(takes("tcp://127.0.0.1:514"));
	assert_true(takes("udp://[::1]"));
	assert_false(takes("unix:///run/other"));
	assert_false(takes("udp://localhost:5140"));
	assert_false(takes("tcp://siem.example.com"));
	assert_false(takes("udp://192.0.2.1"));
	assert_false(takes("stdout:"));
	/* It says that it does not listen: what does is another. */
	write_file("/etc/rsyslog.conf", "#module(load=\"imudp\")\n");
	assert_false(takes("udp://localhost"));
	assert_true(takes("unix:///dev/log"));
	write_file("/etc/rsyslog.d/net.conf", "module(load=\"imudp\")\n");
	assert_true(takes("udp://localhost"));
}

int
main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		FRESH(rsyslog_says_its_files_in_three_ways),
		FRESH(syslogd_has_a_table),
		FRESH(syslog_ng_says_which_files_are_destinations),
		FRESH(a_pattern_means_a_file_unless_it_is_excluded),
		FRESH(usual_files_count_where_they_are_named_or_there),
		FRESH(the_daemon_is_at_its_socket_and_at_its_port),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
