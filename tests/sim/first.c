/* The linker puts what the worker keeps in variables between this and last.c.
 */
#include "tests/sim/statics.h"

char sim_first_bss[16];
char sim_first_data[16] = { 1 };
