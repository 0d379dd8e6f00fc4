#include "tests/sim/statics.h"

char sim_last_bss[16];
char sim_last_data[16] = { 1 };
