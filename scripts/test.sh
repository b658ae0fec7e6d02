#!/usr/bin/env bash
# The whole test suite, as `npm test` runs it: formatting, lint and types, the build, then every test. It installs nothing:
# `npm run setup:test` does, and what is missing is skipped, and said to be. With CI=true on Linux that is a failure.
# Arguments go to vitest: npm test -- packages/graph -t convolution
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/parts.sh

missing=0
for part in "${PARTS[@]}"; do
  read_part "$part"
  "has_$name" && continue
  ((missing)) || echo "************************************************************************" >&2
  missing=1
  echo "  SKIPPED: $tests. It needs $name: npm run setup:test${debian:+, or apt-get install $debian}" >&2
done
if ((missing)); then
  echo "************************************************************************" >&2
  if [[ ${CI:-} == true && $(uname) == Linux ]]; then
    echo "With CI=true nothing may be skipped." >&2
    exit 1
  fi
fi

runtime=$(mktemp -d)
trap 'rm -rf "$runtime"' EXIT
if has_webgpu; then
  VK_ICD_FILENAMES=$(vulkan_driver)
  # The driver looks for a display's socket here and must find none.
  export VK_ICD_FILENAMES XDG_RUNTIME_DIR=$runtime
else
  unset VK_ICD_FILENAMES
fi

# Half of a painting on a CPU goes into page faults where memory comes in small pages.
export GLIBC_TUNABLES=${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}

npm run --silent check
npm run --silent build
# Tests that start the command start what was just built.
ADAATTN_TEST_BUILT=1 npx vitest run "$@"
