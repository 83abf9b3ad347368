# Sourced by tools/test for --aarch64 (opt-in): every model to its golden vectors on 64-bit ARM.
#
# Runs Python and the wheels of that architecture under qemu-user; nothing is installed into the
# system but, as root and with a word, qemu and debootstrap. The root is kept in .venv/aarch64.

arm=$venv/aarch64
wheels="numpy<2 tflite-runtime==2.14.0 cryptography cffi pycparser webrtcvad-wheels pymicro-features pymicro-wakeword"

need_arm_tools() {
    if type -P qemu-aarch64-static debootstrap >/dev/null; then return; fi
    if [ "$(id -u)" != 0 ]; then
        die "--aarch64 needs qemu and debootstrap; run: sudo apt install qemu-user-static debootstrap"
    fi
    say "installing the system packages qemu-user-static and debootstrap"
    { apt-get install -qq -y --no-install-recommends qemu-user-static debootstrap ||
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends qemu-user-static debootstrap; }; } \
        >/dev/null 2>&1 || die "could not install qemu-user-static and debootstrap"
}

make_arm_root() {
    say "fetching Debian's Python 3.11 for 64-bit ARM (needs the network and root, once)"
    rm -rf "$arm" && mkdir -p "$arm/root" "$arm/wheels" "$arm/site"
    debootstrap --foreign --arch=arm64 --variant=minbase --include=python3 bookworm "$arm/root" \
        >"$arm/log" 2>&1 || die "debootstrap failed; see $arm/log"
    for package in "$arm"/root/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$arm/root" 2>>"$arm/log" || die "cannot unpack $package"
    done
    # shellcheck disable=SC2086 # one word a wheel
    "$venv/bin/python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \
        --implementation cp --abi cp311 --abi abi3 --abi none --platform manylinux_2_17_aarch64 \
        --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 \
        --platform manylinux_2_34_aarch64 --platform manylinux_2_35_aarch64 \
        -d "$arm/wheels" $wheels >>"$arm/log" 2>&1 || die "could not fetch the wheels; see $arm/log"
    for wheel in "$arm"/wheels/*.whl; do
        "$venv/bin/python" -m zipfile -e "$wheel" "$arm/site"
    done
    touch "$arm/made"
}

test_aarch64() {
    need_arm_tools
    [ -e "$arm/made" ] || make_arm_root
    PYTHONPATH=$arm/site:$root qemu-aarch64-static -L "$arm/root" \
        "$arm/root/usr/bin/python3.11" "$root/tools/check_models"
}
