#!/usr/bin/env bash
# Installs what the tests need besides npm's packages, as `npm run setup:test` runs it: by apt on Debian and Ubuntu (as root, or by
# sudo), by Homebrew on macOS. What cannot be installed is named; its tests are skipped then. With CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/parts.sh

packages=""
for part in "${PARTS[@]}"; do
  read_part "$part"
  "has_$name" && continue
  if [[ $(uname) == Darwin ]]; then packages+=" $homebrew"; else packages+=" $debian"; fi
done

# apt's and Homebrew's own words are shown only where they fail.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@"; }
# Expanded even where it is empty, which bash before 4.4 refuses.
root=(env)
if [[ -n ${packages// /} ]]; then
  # Two parts may want the same package.
  read -ra list <<<"$(tr ' ' '\n' <<<"$packages" | sort -u | tr '\n' ' ')"
  if command -v apt-get >/dev/null; then
    ((EUID == 0)) || root=(sudo)
    # Where nobody can type a password, sudo fails at once instead of asking.
    [[ ${root[0]} == env || -t 0 ]] || root+=(-n)
    echo "Installing ${list[*]} by apt ..."
    quietly apt update && quietly apt install -y --no-install-recommends "${list[@]}" || true
  elif [[ $(uname) == Darwin ]] && command -v brew >/dev/null; then
    echo "Installing ${list[*]} by Homebrew ..."
    quietly brew install "${list[@]}" || true
  fi
fi

if ! has_node24; then
  echo "Installing Node 24 for the tests by npm ..."
  quietly npm ci --prefix scripts/node24 --silent --no-audit || true
fi

failed=0
for part in "${PARTS[@]}"; do
  read_part "$part"
  "has_$name" && continue
  failed=1
  echo "Could not install $name, without which the tests skip $tests.${debian:+ On Debian: apt-get install $debian}" >&2
done
if ((failed)) && [[ ${CI:-} == true && $(uname) == Linux ]]; then exit 1; fi
((failed)) || echo "Everything that the tests need is here."
