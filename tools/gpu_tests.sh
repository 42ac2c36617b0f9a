#!/usr/bin/env bash
# Runs the engine's tests on a GPU. Started from the folder of sources or from an installed engine.
#   tools/gpu_tests.sh FOLDER [sanitize]     FOLDER/bin holds ops_test, cuda_test and end_to_end_test
# With `sanitize` the op tests run under compute-sanitizer's memcheck, racecheck, initcheck and synccheck as well. The
# last line is `N passed, N failed` over the runs.
set -uo pipefail
bin=$1/bin
export ZOETROPE_TEST_DEVICE=cuda
passed=0 failed=0

check() { # check NAME COMMAND...
  local name=$1 log
  shift
  log=$(mktemp)
  local begin=$SECONDS
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    printf '%s: ok, %d s: %s\n' "$name" $((SECONDS - begin)) "$(grep -E 'PASSED' "$log" | tail -1)"
  else
    failed=$((failed + 1))
    printf '%s: FAILED (%d), %d s\n' "$name" $? $((SECONDS - begin))
    grep -aE 'Failure|error:|Error|FAILED|Expected|actual|what\(\)|=========' "$log" | cut -c1-300 | head -60
  fi
  rm -f "$log"
}

[[ ! -x $bin/cuda_test ]] || check "cuda" "$bin/cuda_test"
for dtype in f32 bf16 f16; do
  check "ops in $dtype" env ZOETROPE_TEST_DTYPE=$dtype "$bin/ops_test"
done
check "goldens" "$bin/end_to_end_test" --gtest_filter='*ModelGolden*'
if [[ ${2-} == sanitize ]]; then
  for tool in memcheck racecheck initcheck synccheck; do
    check "$tool" env ZOETROPE_TEST_DTYPE=bf16 compute-sanitizer --tool "$tool" --error-exitcode 9 "$bin/ops_test"
  done
fi
echo "$passed passed, $failed failed"
((failed == 0))
