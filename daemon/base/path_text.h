/*
 * path_text.h - room for a path, passed by value.
 *
 * A function that returns one is called within an expression: the text lives
 * until the end of the full expression, so that one message can tell of many
 * files.  To keep it longer, keep the structure.
 */
#ifndef BASE_PATH_TEXT_H
#define BASE_PATH_TEXT_H

#include <limits.h>

struct path_text {
	char text[PATH_MAX * 2];
};

#endif
