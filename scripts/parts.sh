# What the tests need of the system, in one place: scripts/setup-test.sh installs it, scripts/test.sh says what is skipped without it.
# Sourced by both, from the root of the repository.
#
# WebGPU is tested without a GPU, on SwiftShader, the software Vulkan driver in Debian's chromium package.

# One line a part: its name | Debian's packages | Homebrew's packages | what is not tested without it. has_NAME says whether it is here.
PARTS=(
  "webgpu|chromium libvulkan1||every test on WebGPU"
  "chromium|chromium||every test of pages in a browser"
  "ffmpeg|ffmpeg|ffmpeg|every test of video files"
  "redis|redis-server|redis|every test of jobs across machines"
  "onnx|python3-onnx||exported files against onnx.checker"
  "numpy|python3-numpy||imported files against NumPy"
  "torch|python3-torch python3-pil python3-numpy libopenblas0-pthread||every test of training/torch"
  "node24|||the packages on Node 24"
)

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

has_webgpu() { vulkan_driver >/dev/null && vulkan_loader; }
has_chromium() { [[ -n ${CHROMIUM_PATH:-} ]] || command -v chromium chromium-browser >/dev/null; }
has_ffmpeg() { command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null; }
has_redis() { command -v redis-server >/dev/null; }
# Debian's own Python, as the tests call it: another one that comes first on the PATH has other packages.
has_onnx() { /usr/bin/python3 -c "import onnx" 2>/dev/null; }
has_numpy() { /usr/bin/python3 -c "import numpy" 2>/dev/null; }
has_torch() { /usr/bin/python3 -c "import torch, numpy, PIL" 2>/dev/null; }
# Node 24 comes from npm (scripts/node24), in a version that its package.json names.
has_node24() {
  local version
  version=$(scripts/node24/node_modules/.bin/node --version 2>/dev/null) && grep -q "\"${version#v}\"" scripts/node24/package.json
}

# Reads one line of PARTS into name, debian, homebrew and tests.
read_part() { IFS='|' read -r name debian homebrew tests <<<"$1"; }
