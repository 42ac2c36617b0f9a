#!/usr/bin/env bash
# The shipped demo, judged on 10 held-out prompts: subject colour, place and direction, each in nine clips of ten.
set -euo pipefail
# Debian's python3, which has the numpy that .ci/run installed.
/usr/bin/python3 -B tools/train_demo/judge.py --zoetrope build/zoetrope --quick
