#!/usr/bin/env bash
# Sets Offhook up in this checkout and runs it; `./install.sh --help` has the verbs.
#
# Everything lands in two places, .venv here and the cache folder; only missing system packages go elsewhere, through apt.
# The stamp in .venv is written last and taken away first, so a set-up that was cut short is never taken for a whole one.
set -Eeuo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
venv=$root/.venv
stamp=$venv/.offhook-stamp
cache=${OFFHOOK_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/offhook}
[[ $cache == /* ]] || cache=$PWD/$cache
log=$cache/setup.log
scratch=$cache/setup.tmp
child=''        # process group of the running step
step_starts=0   # where its output begins in the log

# What llama.cpp may use of this processor: OPTION:what a processor must have for it (lscpu's flags). Never AMX, with
# which llama.cpp crashed on a Sapphire Rapids.
instruction_sets=(
  SSE42:sse4_2 AVX:avx AVX2:avx2 BMI2:bmi2 FMA:fma F16C:f16c AVX_VNNI:avx_vnni
  AVX512:avx512f,avx512cd,avx512vl,avx512dq,avx512bw
  AVX512_VBMI:avx512vbmi AVX512_VNNI:avx512_vnni AVX512_BF16:avx512_bf16
)

processor_options() {
  [[ $(uname -m) == x86_64 ]] || return 0
  local has set flags flag state
  has=" $(LC_ALL=C lscpu | sed -n 's/^Flags: *//p') "
  for set in "${instruction_sets[@]}"; do
    flags=${set#*:} state=ON
    for flag in ${flags//,/ }; do [[ $has == *" $flag "* ]] || state=OFF; done
    printf ' -DGGML_%s=%s' "${set%%:*}" "$state"
  done
}

# Code for the GPUs that are in this machine, into `gpu_options`.
find_gpus() {
  local kinds
  CUDACXX=${CUDACXX:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
  command -v "$CUDACXX" >/dev/null ||
    die "there is no CUDA compiler (nvcc)" "install NVIDIA's CUDA 12 toolkit, or set CUDACXX to its nvcc"
  kinds=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d . | sort -u | paste -sd ';') ||
    die "nvidia-smi finds no GPU" "install NVIDIA's driver; in a container, give it the device; or: ./install.sh --cpu setup"
  export CUDACXX
  gpu_options=" -DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=$kinds"
}

# choose_build DEVICE: what llama.cpp is compiled for, `cpu` or `cuda`
choose_build() {
  local gpu_options=''
  device=$1
  [[ $device == cpu ]] || find_gpus
  cmake_args="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF$(processor_options)$gpu_options${CMAKE_ARGS:+ $CMAKE_ARGS}"
  llama_version=$(sed -n 's/.*"llama-cpp-python==\([^"]*\)".*/\1/p' "$root/pyproject.toml")
  # The options name the wheel's folder, so that a cache on another machine's disk is not taken for this one's.
  llama_build=$(printf %s "$cmake_args" | sha256sum | cut -c -8)
  wheel_folder=$cache/wheels/llama_cpp_python-$llama_version-$(uname -m)-$llama_build
}

usage() {
  cat <<'END'
usage: ./install.sh [--cuda|--cpu] VERB [ARGUMENTS]

  demo [ARGUMENTS]   set up, then place a real call to the agent on a private Asterisk;
                     the arguments are those of `offhook demo`
  test [ARGUMENTS]   set up, then lint, check types and run every test; with arguments,
                     which go to pytest, only pytest runs
  setup [--dev]      only set up (--dev: with what the tests need); the command is then
                     .venv/bin/offhook

--cuda compiles llama.cpp for this machine's NVIDIA GPUs too (with NVIDIA's driver and CUDA 12
toolkit) and brings cuBLAS for Whisper. That stays so until --cpu.

The first time takes some minutes, as llama.cpp is compiled for this machine's processor; later
checkouts share the result.
Root, or sudo, is needed only where a system package is missing.

Environment:
  OFFHOOK_CACHE    folder for downloads and builds (default: ~/.cache/offhook)
  OFFHOOK_PYTHON   the Python to make .venv with, 3.11 or newer (default: the first found)
  CMAKE_ARGS       more options for building llama.cpp; keep it set, since without it the plain
                   build is put back
END
}

main() {
  case ${1:-} in
    --cuda | --cpu)
      choose_build "${1#--}"
      shift
      ;;
    *) choose_build "$([[ $(stamped device) == cuda ]] && echo cuda || echo cpu)" ;;
  esac
  case ${1:-} in
    demo)
      set_up run
      exec "$venv/bin/offhook" "$@"
      ;;
    test)
      set_up dev
      run_tests "${@:2}"
      ;;
    setup)
      [[ $# -eq 1 || ($# -eq 2 && $2 == --dev) ]] || { usage >&2; exit 2; }
      if [[ $# -eq 2 ]]; then set_up dev; else set_up run; fi
      ;;
    -h | --help | help) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}

run_tests() {
  local lint=0 tests=0
  trap - INT TERM HUP # pytest has its own way to stop
  cd "$root"
  if [[ $# -eq 0 ]]; then make --no-print-directory lint || lint=$?; fi
  "$venv/bin/python" -m pytest "$@" || tests=$?
  [[ $lint -eq 0 ]] || say "install.sh: lint failed, see above the tests"
  exit $((tests != 0 ? tests : lint))
}

# ---- set-up

# set_up LEVEL: `run` is what the application needs, `dev` what its tests need on top
set_up() {
  local level=$1
  if is_set_up "$level"; then return; fi
  [[ -n ${OFFHOOK_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-} ]] || die "HOME is not set" "set OFFHOOK_CACHE to a folder"
  mkdir -p "$cache/wheels" || die "cannot create $cache" "set OFFHOOK_CACHE to a folder you may write to"
  exec 9>"$cache/setup.lock" || die "cannot write to $cache" "set OFFHOOK_CACHE to a folder you may write to"
  flock --nonblock 9 || { say "another set-up is running; waiting for it to end"; flock 9; }
  if is_set_up "$level"; then
    exec 9>&-
    return
  fi

  : >"$log"
  rm -rf "$scratch" # of a run that was killed; the lock is ours
  trap 'rm -rf "$scratch" || true' EXIT
  mkdir "$scratch"
  say "setting Offhook up; details in $log"
  add_system_packages "$level"
  if [[ $(stamped place) != "$(place)" ]]; then
    if [[ -n $(ls -A "$venv" 2>/dev/null) && ! -e $stamp ]]; then
      die "$venv was not made by install.sh" "move it away: mv '$venv' '$root/my-venv'"
    fi
    need_space "$root" 1200
    step "making a virtual environment with $(find_python)" make_venv "$(find_python)"
  fi
  if ! cached_wheel >/dev/null; then
    need_space "$cache" 1500
    step "compiling llama.cpp $llama_version (some minutes, only this once)" build_wheel
  fi
  # What the tests need stays once it is there: less surprise than taking it away when the demo runs.
  [[ $(stamped level) != dev ]] || level=dev
  echo unfinished >"$stamp"
  step "installing the Python packages" install_python_packages "$level"
  step "trying them" try_python_packages
  printf '%s\n' "level $level" "place $(place)" "device $device" "inputs $(inputs)" >"$scratch/stamp"
  mv "$scratch/stamp" "$stamp"
  rm -rf "$scratch"
  trap - EXIT
  exec 9>&-
}

is_set_up() {
  [[ $(stamped inputs) == "$(inputs)" && $(stamped place) == "$(place)" ]] && [[ $(stamped level) == dev || $1 == run ]]
}

# stamped KEY: what the last whole set-up noted
stamped() { [[ ! -r $stamp ]] || sed -n "s/^$1 //p" "$stamp"; }

# Another place needs another environment: its scripts hold its path, its packages are for one Python.
place() {
  "$venv/bin/python" -c 'import platform, sys; print(sys.version_info[:2], platform.machine(), sys.prefix)' 2>/dev/null ||
    echo nowhere
}

# Other inputs need another run of pip.
inputs() { { cat "$root/pyproject.toml" && printf %s "$cmake_args"; } | sha256sum | cut -c -16; }

# need_space FOLDER MEBIBYTES
need_space() {
  local free
  free=$(df -P -m "$1" | awk 'NR == 2 { print $4 }')
  ((free >= $2)) || die "$1 has $free MiB free, $2 are needed" "free some space (df -h), then run this again"
}

make_venv() {
  rm -rf "$venv.old" # not in place: an interrupted removal must not leave a folder that looks like somebody else's
  [[ ! -e $venv ]] || mv "$venv" "$venv.old"
  mkdir "$venv"
  echo unfinished >"$stamp"
  TMPDIR=$scratch "$1" -m venv "$venv"
  rm -rf "$venv.old"
}

cached_wheel() { compgen -G "$wheel_folder/*.whl"; }

build_wheel() {
  local cores gibibytes
  cores=$(nproc)
  gibibytes=$(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo) # a compiler takes up to one
  export CMAKE_ARGS=$cmake_args
  export CMAKE_BUILD_PARALLEL_LEVEL=$((gibibytes < 1 ? 1 : gibibytes < cores ? gibibytes : cores))
  # pip's cache knows nothing of CMAKE_ARGS, and a foreign wheel may need a newer processor than this one.
  pip wheel --verbose --no-cache-dir --no-deps --no-binary llama-cpp-python --wheel-dir "$scratch/wheel" \
    "llama-cpp-python==$llama_version"
  mv --no-target-directory "$scratch/wheel" "$wheel_folder"
}

install_python_packages() {
  cd "$root"
  pip install --force-reinstall --no-deps "$(cached_wheel)"
  local extras=()
  [[ $1 == run ]] || extras+=(dev)
  [[ $device == cpu ]] || extras+=(cuda)
  pip install --editable ".${extras[*]:+[$(IFS=,; echo "${extras[*]}")]}"
}

try_python_packages() {
  "$venv/bin/python" -c 'import ctranslate2, faster_whisper, llama_cpp, onnxruntime, piper, soxr'
  "$venv/bin/offhook" --version
}

pip() {
  unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX
  TMPDIR=$scratch PIP_CACHE_DIR=$cache/pip PIP_USER=no "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"
}

# ---- the system's packages

add_system_packages() {
  local packages=() python_package
  [[ -z ${OFFHOOK_PYTHON:-} ]] || find_python >/dev/null ||
    die "OFFHOOK_PYTHON=$OFFHOOK_PYTHON is no Python ≥ 3.11 that has venv" "correct it or unset it"
  find_python >/dev/null || packages+=(python3-venv)
  has_compiler || cached_wheel >/dev/null || packages+=(build-essential)
  has_openmp || packages+=(libgomp1)
  [[ $1 == run ]] || command -v make >/dev/null || packages+=(make)
  [[ ${#packages[@]} -gt 0 ]] || return 0

  local by_hand="install them as root (apt-get install ${packages[*]}), then run this again"
  command -v apt-get >/dev/null ||
    die "this system lacks what Debian has as ${packages[*]}, and has no apt" "install the like, then run this again"
  if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null || die "missing: ${packages[*]}; there is no sudo here" "$by_hand"
    sudo -v || die "missing: ${packages[*]}; sudo was refused" "$by_hand"
  fi
  step "reading the package lists" apt_get update
  python_package=$(find_python_package) ||
    die "neither this system nor its packages have Python ≥ 3.11" "install one and set OFFHOOK_PYTHON to it"
  packages=("${packages[@]/python3-venv/$python_package}")
  step "installing ${packages[*]}" apt_get install --yes --no-install-recommends "${packages[@]}"
  find_python >/dev/null || die "no Python ≥ 3.11 that has venv, even with ${packages[*]}" "set OFFHOOK_PYTHON to one"
}

apt_get() {
  local command=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@")
  if [[ $EUID -eq 0 ]]; then "${command[@]}"; else sudo -n "${command[@]}"; fi
}

# The first Python that is new enough and can make virtual environments.
find_python() {
  local name
  for name in ${OFFHOOK_PYTHON:-python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

# The package that brings such a Python.
find_python_package() {
  local name version
  for name in python3 python3.13 python3.12 python3.11; do
    version=$(apt-cache show --no-all-versions "$name-venv" 2>/dev/null | sed -n 's/^Version: //p') || continue
    if dpkg --compare-versions "${version:-0}" ge 3.11; then
      echo "$name-venv"
      return
    fi
  done
  return 1
}

has_compiler() {
  cc --version >/dev/null 2>&1 && c++ -x c++ -fsyntax-only - 2>/dev/null <<<'#include <vector>'
}

# The compiler brings it; llama.cpp needs it also where its build came from the cache.
has_openmp() { [[ -n $(compgen -G '/usr/lib*/libgomp.so.1' || compgen -G '/usr/lib/*/libgomp.so.1') ]]; }

# ---- steps and what is said

say() { printf '%s\n' "$*" >&2; }

# die WHAT REMEDY
die() {
  say "install.sh: $1"
  say "  what to do: $2"
  exit 1
}

# step TITLE COMMAND…: run it with its output in the log, and show that time passes
step() {
  local title=$1 began=$SECONDS told=$SECONDS status=0 pause=0.05
  shift
  step_starts=$(stat --format %s "$log")
  [[ -t 2 ]] || say "  $title"
  set -m # a process group of its own, which `interrupted` can end as a whole
  {
    trap - ERR
    "$@"
  } >>"$log" 2>&1 </dev/null &
  child=$!
  set +m
  while kill -0 "$child" 2>/dev/null; do
    if [[ -t 2 ]]; then
      printf '\r\033[K  %s: %d s %s' "$title" $((SECONDS - began)) "$(build_progress)" >&2
    elif ((SECONDS - told >= 30)); then
      told=$SECONDS
      say "    still at it after $((SECONDS - began)) s $(build_progress)"
    fi
    sleep "$pause"
    pause=0.5
  done
  wait "$child" || status=$?
  child=''
  [[ ! -t 2 ]] || printf '\r\033[K  %s: ' "$title" >&2
  [[ $status -eq 0 ]] || explain "$title" "$status"
  if [[ -t 2 ]]; then say "$((SECONDS - began)) s"; else say "    done in $((SECONDS - began)) s"; fi
}

step_output() { tail -c +$((step_starts + 1)) "$log"; }

# The compiler's own counter, as ninja ([12/250]) or make ([ 4%]) print it.
build_progress() { step_output | tail -c 3000 | grep -oE '\[ *[0-9]+(/[0-9]+|%)\]' | tail -n 1 || true; }

# explain STEP STATUS: end, saying why the step failed as far as its output tells
explain() {
  local what="${1%% (*}: failed with status $2" again="then run the same command again"
  say "failed; the last lines of $log:"
  step_output | tail -n 15 | sed 's/^/  | /' >&2
  case $(step_output | tail -n 300) in
    *"No space left on device"* | *"Disk quota exceeded"*)
      die "$what: the disk is full" "free some space (df -h '$cache' '$root'), $again"
      ;;
    *"Killed signal"* | *"internal compiler error: Killed"* | *"Cannot allocate memory"* | *MemoryError*)
      die "$what: out of memory" "end other programs or add swap, $again"
      ;;
    *"dpkg was interrupted"*) die "$what: apt was interrupted earlier" "run: dpkg --configure -a (as root), $again" ;;
    *"Could not get lock"*) die "$what: another apt is running" "wait for it to end, $again" ;;
    *"Unable to locate package"*)
      die "$what: apt does not know a package" "enable the distribution's own sources (Ubuntu: universe too), $again"
      ;;
    *CERTIFICATE_VERIFY_FAILED*)
      die "$what: a server's certificate is not trusted" "check the clock (date) and the ca-certificates package, $again"
      ;;
    *"name resolution"* | *"Temporary failure resolving"* | *"Name or service not known"* | *"Network is unreachable"* | \
      *NewConnectionError* | *ConnectTimeout* | *ReadTimeoutError* | *"Could not connect"* | *"Unable to connect"* | \
      *"Failed to fetch"* | *"Connection refused"* | *"No matching distribution found"*)
      die "$what: a package was not reached" "check the network and the proxy settings, $again"
      ;;
    *"CMAKE_CXX_COMPILER"* | *"CMAKE_C_COMPILER"*)
      die "$what: no working C++ compiler" "apt-get install build-essential (as root), $again"
      ;;
    *"Permission denied"* | *"Read-only file system"*)
      die "$what: no right to write" "see whose files these are (ls -ld '$root' '$venv' '$cache'), $again"
      ;;
  esac
  [[ $2 -ne 137 ]] || die "$what: it was killed, perhaps for want of memory" "end other programs or add swap, $again"
  die "$what" "read $log, mend the cause, $again"
}

unexpected() {
  say "install.sh: line $1: \`$2\` failed"
  say "  what to do: run the same command again; if it stays, look at $log"
  exit 1
}
trap 'unexpected "$LINENO" "$BASH_COMMAND"' ERR

interrupted() {
  trap - ERR INT TERM HUP
  [[ -z $child ]] || { kill -TERM -- "-$child" && wait "$child"; } 2>/dev/null || true
  say ""
  say "install.sh: interrupted; the same command again goes on from here"
  exit 130
}
trap interrupted INT TERM HUP

export OFFHOOK_CACHE=$cache # whatever we start keeps its downloads there too
main "$@"
