-- SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
-- wrk's request: the same 2,500 bytes that the others post.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"bench":"0000000000","padding":"' .. string.rep("x", 2465) .. '"}'
