package host

import "golang.org/x/sys/unix"

// readKernel reads Linux's clocks. It says no when one cannot be read.
func readKernel() (kernelClocks, bool) {
	var steered, raw, boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &steered) != nil ||
		unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &raw) != nil ||
		unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return kernelClocks{}, false
	}
	return kernelClocks{steered.Nano(), raw.Nano(), boot.Nano()}, true
}
