/*
 * fake_kqueue.h - what tests ask of fake_kqueue.c beside kqueue(2) itself.
 */
#ifndef FAKE_KQUEUE_H
#define FAKE_KQUEUE_H

#include <stdbool.h>

/*
 * Whether so many notes are set in this process, those counted whose descriptor
 * was closed without an EV_DELETE before.  A real kqueue(2) cannot be asked:
 * real_kqueue.c says that it is so.
 */
bool	fake_kqueue_has(unsigned notes);

#endif
