#!/bin/sh
# Makes the environments of the rivals in $1, with the Python $2; keeps those that work.
# What cannot be installed is left out, and the benchmarks say so.
set -eu

folder=$1 python=$2

fresh() { # NAME: an empty environment
    rm -rf "${folder:?}/$1"
    "$python" -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install --quiet "pip>=25.1"
}

rivals() {
    fresh rivals
    echo "installing implicit, irspack and cmfrec; cmfrec is compiled, which takes minutes"
    "$folder/rivals/bin/python" -m pip install --quiet -r benchmarks/rivals/requirements.txt
}

# Empty stand-ins for the CUDA libraries that PyTorch's Linux wheel is linked to. With them it loads and computes on
# the processor, and 4 GB need not be fetched for LensKit, which imports it and trains in Rust.
stand_ins() {
    lib=$1 work=$(mktemp -d)
    needed=$(for so in "$lib"/libtorch*.so "$lib"/libc10*.so "$lib"/libcaffe2*.so; do
        readelf -d "$so"
    done | sed -n 's/.*NEEDED.*\[\(lib\(cu\|nv\|nccl\).*\)\]/\1/p' | sort -u)
    nm -D --undefined-only "$lib"/libtorch*.so "$lib"/libc10*.so "$lib"/libcaffe2*.so |
        awk 'NF >= 2 { print $NF }' | sort -u >"$work/symbols"
    for so in $needed; do
        case $so in
        libcudart* | libcupti*) continue ;; # small, and called when PyTorch starts: the real ones
        libnvshmem*) version=NVSHMEM ;;
        *) version=$so ;;
        esac
        sed -n "s/@$version\$//p" "$work/symbols" >"$work/names"
        if [ "$so" = libnccl.so.2 ]; then # one of them holds what carries no version
            grep -E '^(nccl|cuFile|cusparseLt|cu[A-Z])[A-Za-z0-9_]*$' "$work/symbols" >>"$work/names"
        fi
        awk '{ print "void " $1 "(void) { __builtin_trap(); }" }' "$work/names" >"$work/names.c"
        echo "$version { *; };" >"$work/map"
        cc -w -shared -fPIC "$work/names.c" -o "$lib/$so" -Wl,-soname,"$so" -Wl,--version-script,"$work/map"
    done
    rm -r "$work"
}

lenskit() {
    fresh lenskit
    echo "installing LensKit and PyTorch (1.8 GB)"
    run="$folder/lenskit/bin/python"
    "$run" -m pip install --quiet -r benchmarks/rivals/lenskit.txt
    "$run" -m pip install --quiet --no-deps lenskit==2025.8.1 torch==2.15.0
    if [ "$(uname -sm)" = "Linux x86_64" ]; then
        "$run" -m pip install --quiet nvidia-cuda-runtime==13.5.37 nvidia-cuda-cupti==13.5.25
        stand_ins "$("$run" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/torch/lib"
    fi
}

metrics() {
    fresh metrics
    echo "installing recometrics, ranx, RecTools, pytrec_eval and scikit-learn; recometrics is compiled"
    "$folder/metrics/bin/python" -m pip install --quiet -r benchmarks/rivals/metrics.txt
}

ranking() {
    fresh ranking
    echo "installing cornac and lightfm-next"
    "$folder/ranking/bin/python" -m pip install --quiet -r benchmarks/rivals/ranking.txt
}

works() { # NAME MODULES
    "$folder/$1/bin/python" -c "import $2" 2>/dev/null
}

have() { # NAME MODULES
    works "$1" "$2" || "$1" || true
    works "$1" "$2" || echo "warning: $2 could not be installed; the benchmarks will leave it out" >&2
}

mkdir -p "$folder"
have rivals "implicit, irspack, cmfrec"
have lenskit "lenskit.als"
have metrics "recometrics, ranx, rectools, pytrec_eval, sklearn, pyarrow"
have ranking "cornac, lightfm"
