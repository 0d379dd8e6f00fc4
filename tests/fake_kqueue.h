/*
 * fake_kqueue.h - what tests ask of fake_kqueue.c beside kqueue(2) itself.
 */
#ifndef FAKE_KQUEUE_H
#define FAKE_KQUEUE_H

/*
 * Notes that are set in this process, also those whose descriptor was closed
 * without an EV_DELETE before.
 */
unsigned	fake_kqueue_notes(void);

#endif
