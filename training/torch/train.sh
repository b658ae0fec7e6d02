#!/bin/sh
# train.py on a CPU: memory is kept between steps, in huge pages, and threads that wait sleep, so that others get the core.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=20000000000 MALLOC_TOP_PAD_=200000000
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1 OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=2000
exec "${PYTHON:-/usr/bin/python3}" "$(dirname "$0")/train.py" "$@"
