/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
int main(void)
{
	return 0;
}
