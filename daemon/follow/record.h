/*
 * record.h - what the checkpoint is to know of the files that are followed.
 */
#ifndef FOLLOW_RECORD_H
#define FOLLOW_RECORD_H

struct ledger;
struct tails;

/*
 * From now on the checkpointer asks for the records of the files in the table,
 * which is borrowed.  No file may be followed before.
 */
void	follow_serve_checkpointer(struct ledger *, struct tails *);

#endif
