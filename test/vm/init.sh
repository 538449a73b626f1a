#!/bin/sh
# First program of the guest: file systems, drivers, an nvdimm namespace in devdax mode, then guest.mjs. When it ends, so does
# the machine.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
for module in nfit nd_pmem dax_pmem device_dax; do modprobe $module || echo "no module $module"; done
# The driver looks for its memory on its own time.
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/bus/nd/devices/namespace0.0 ] && break; sleep 1; done
ndctl create-namespace -f -e namespace0.0 -m devdax
cd /famsim && node test/vm/guest.mjs </dev/null
echo b >/proc/sysrq-trigger
