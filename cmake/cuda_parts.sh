# CUDA's parts as wheels from PyPI, for a machine with an NVIDIA GPU and no toolkit. Functions of ./zoetrope, which sets
# root, build, say and fail. Wheels are listed in cuda_wheels.txt; what is unpacked lies in build/cuda, with a list of it.

cuda_root=$build/cuda
wheel_list=$root/cmake/cuda_wheels.txt
wheel_site=${ZOETROPE_WHEEL_SITE:-https://files.pythonhosted.org/packages}
least_driver=580
least_capability=8.0

at_least() { [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; } # at_least VERSION LEAST

megabytes() { echo "$((($1 + 999999) / 1000000)) MB"; }

# Prints the driver's version and, where nvidia-smi tells it, the greatest compute capability: "580.65.06 9.0".
# Nothing where there is no driver.
nvidia_driver() {
  local found
  found=$(nvidia-smi --query-gpu=driver_version,compute_cap --format=csv,noheader 2>/dev/null |
    sed -n 's/^ *\([0-9][0-9.]*\), *\([0-9]*\.[0-9]*\) *$/\1 \2/p' | sort -k 2 -V | tail -n 1) || true
  [[ -n $found ]] ||
    found=$(sed -n 's/^NVRM version:.*  *\([0-9]\{3,\}\.[0-9.]*\)  .*/\1/p' /proc/driver/nvidia/version 2>/dev/null) || true
  printf '%s\n' "$found"
}

# True where there is a GPU that our kernels run on. Says why not where there is an NVIDIA driver.
gpu_can_be_used() {
  local driver capability
  read -r driver capability < <(nvidia_driver) || true
  [[ -n $driver ]] || return 1
  if ! at_least "$driver" "$least_driver"; then
    say "the NVIDIA driver $driver is too old for the GPU to be used (needed: $least_driver); building for the CPU"
    return 1
  fi
  if [[ -n $capability ]] && ! at_least "$capability" "$least_capability"; then
    say "the GPU's compute capability $capability is too low (needed: $least_capability); building for the CPU"
    return 1
  fi
}

# Prints the lines of the list that are still to be brought.
missing_wheels() {
  local kind
  for kind in $(cmake -DZOETROPE_CUDA_ROOT="$cuda_root" -P "$root/cmake/CudaParts.cmake"); do
    grep "^$kind " "$wheel_list" | grep -vxF -f <(cat "$cuda_root/unpacked.txt" 2>/dev/null) || true
  done
}

# What was unpacked from an older list is of no use.
drop_old_parts() {
  [[ -s $cuda_root/unpacked.txt ]] || return 0
  if grep -qvxF -f "$wheel_list" "$cuda_root/unpacked.txt"; then rm -rf "$cuda_root"; fi
}

# Loads one wheel, from where an earlier start left off. Returns 1 and says why where that cannot be done.
load_wheel() { # load_wheel FILE BYTES URL
  local have status=0 message
  have=$(stat -c %s "$1" 2>/dev/null || echo 0)
  ((have < $2)) || return 0
  say "loading ${3##*/}, $(megabytes "$2")$( ((have == 0)) || echo ", from byte $have on")"
  message=$(curl -fsSL --connect-timeout 15 --speed-limit 1000 --speed-time 60 --retry 2 -C - -o "$1" "$3" 2>&1 9>&-) || status=$?
  case $status in
    0) return 0 ;;
    23) say "cannot write $1: is the disk full?" ;;
    *) say "cannot load $3 (${message##*$'\n'}); is there a network? What was loaded is kept." ;;
  esac
  return 1
}

bring_wheel() { # bring_wheel SHA256 BYTES PATH LINE
  local file=$cuda_root/${3##*/}
  load_wheel "$file" "$2" "$wheel_site/$3" || return 1
  if [[ $(sha256sum <"$file") != "$1  -" ]]; then
    rm -f "$file"
    fail 3 "$wheel_site/$3 is not the file it should be (its SHA-256 differs from cmake/cuda_wheels.txt). It was deleted.
  If starting again does not help, what serves it is not to be trusted."
  fi
  (cd "$cuda_root" && cmake -E tar xf "$file") || { say "cannot unpack $file: is the disk full?"; return 1; }
  printf '%s\n' "$4" >>"$cuda_root/unpacked.txt"
  rm -f "$file"
}

# True where the disk has room for what the lines on standard input unpack to, the greatest of them once more, and the build.
room_for_wheels() {
  local kind hash bytes unpacked path needed=1000000000 greatest=0 free
  while read -r kind hash bytes unpacked path; do
    needed=$((needed + unpacked))
    ((bytes <= greatest)) || greatest=$bytes
  done
  needed=$((needed + greatest))
  free=$(df -B1 --output=avail "$cuda_root" | tail -n 1)
  ((free >= needed)) && return 0
  say "CUDA's parts need $(megabytes "$needed") of disk in $cuda_root, and $(megabytes "$free") are free"
  return 1
}

# Brings what is missing into build/cuda. Returns 1, having said why, where it cannot be had; stops at a wrong hash.
bring_cuda_parts() {
  local lines kind hash bytes unpacked path all=0
  drop_old_parts
  lines=$(missing_wheels)
  [[ -n $lines ]] || return 0
  mkdir -p "$cuda_root"
  room_for_wheels <<<"$lines" || return 1
  while read -r kind hash bytes unpacked path; do all=$((all + bytes)); done <<<"$lines"
  say "no complete CUDA toolkit >= 12.8 with cuDNN here: bringing what is missing of it from PyPI, $(megabytes "$all"), into build/cuda"
  while read -r kind hash bytes unpacked path; do
    bring_wheel "$hash" "$bytes" "$path" "$kind $hash $bytes $unpacked $path" || return 1
  done <<<"$lines"
  [[ ! -d $cuda_root/nvidia/cu13 ]] || ln -sfn lib "$cuda_root/nvidia/cu13/lib64" # nvcc looks for lib64
}

# Sets cuda_options, cmake's for this machine: ON where there is a GPU or --cuda was given, and what it needs.
choose_cuda() {
  local status=0
  cuda_options=(-DZOETROPE_CUDA=AUTO)
  rm -f "$build/.cuda-later"
  [[ -n $force_cuda ]] || gpu_can_be_used || return 0
  [[ -z $(missing_wheels) ]] || command -v curl >/dev/null || (install_packages curl ca-certificates) || true
  interruptible bring_cuda_parts || status=$?
  case $status in
    0) cuda_options=(-DZOETROPE_CUDA=ON) ;;
    1)
      [[ -z $force_cuda ]] || fail 3 "--cuda was given and CUDA's parts cannot be had; the reason is above."
      say "building for the CPU; the next start tries again"
      : >"$build/.cuda-later"
      ;;
    *) exit "$status" ;;
  esac
}
