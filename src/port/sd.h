/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SD_H
#define PORT_SD_H

/* Tells the service manager by a datagram to NOTIFY_SOCKET (sd_notify(3)):
 * "READY=1", "STATUS=…", "RELOADING=1\nMONOTONIC_USEC=…", "STOPPING=1",
 * "WATCHDOG=1". Does nothing when there is none; never fails, and waits for a
 * manager that does not read for at most a second. */
void sd_notify_state(const char *state);
/* The watchdog's interval in milliseconds (WATCHDOG_USEC), 0 for none or when
 * it is meant for another process (WATCHDOG_PID). Ping at half of it. */
long sd_watchdog_ms(void);

#endif
