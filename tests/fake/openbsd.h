/*
 * fake_openbsd.h - pledge(2) and unveil(2) for tests on Linux.
 *
 * They remember what they were told, and refuse what OpenBSD refuses.  A
 * program that is linked with --wrap for the functions in fake_openbsd.c does
 * not get to see what is not unveiled, as there.
 */
#ifndef FAKE_OPENBSD_H
#define FAKE_OPENBSD_H

int	pledge(const char *promises, const char *execpromises);
int	unveil(const char *path, const char *permissions);

/* As if nothing had been called. */
void	fake_openbsd_reset(void);

/* All calls so far, one a line: "unveil /var/log r". */
const char	*fake_openbsd_calls(void);

#endif
