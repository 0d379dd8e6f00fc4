#!/bin/sh
# Goal: tests that need what is not installed do not pass by not being there.
echo "$1 is not installed: no test of $2 that needs it was run"
exit 1
