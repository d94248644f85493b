/*
 * The functions of libuv that the library calls and that can fail, each with an error that libuv
 * knows for it. The linker puts those of uv_calls.c in their place (--wrap, see meson.build), where
 * they fail as fault.h says. check_calls.py holds this list against the sources.
 *
 * X(function, parameters, arguments, error)
 */
#ifndef UVWS_TEST_UV_CALLS_H
#define UVWS_TEST_UV_CALLS_H

#include <uv.h>

#define UV_CALLS(X)                                                                                \
  X(uv_async_init, (uv_loop_t * loop, uv_async_t * async, uv_async_cb cb), (loop, async, cb),      \
    UV_EMFILE)                                                                                     \
  X(uv_mutex_init, (uv_mutex_t * mutex), (mutex), UV_ENOMEM)                                       \
  X(uv_pipe_init, (uv_loop_t * loop, uv_pipe_t * pipe, int ipc), (loop, pipe, ipc), UV_ENOMEM)     \
  X(uv_shutdown, (uv_shutdown_t * req, uv_stream_t * stream, uv_shutdown_cb cb),                   \
    (req, stream, cb), UV_ENOTCONN)                                                                \
  X(uv_tcp_bind, (uv_tcp_t * tcp, const struct sockaddr *address, unsigned flags),                 \
    (tcp, address, flags), UV_EADDRNOTAVAIL)                                                       \
  X(uv_tcp_init, (uv_loop_t * loop, uv_tcp_t * tcp), (loop, tcp), UV_EMFILE)                       \
  X(uv_tcp_keepalive, (uv_tcp_t * tcp, int enable, unsigned delay), (tcp, enable, delay),          \
    UV_EINVAL)                                                                                     \
  X(uv_tcp_nodelay, (uv_tcp_t * tcp, int enable), (tcp, enable), UV_EINVAL)

/* Those with a request that is to be cleaned up whatever happened. */
#define UV_CALLS_OF_FILES(X)                                                                       \
  X(uv_fs_open,                                                                                    \
    (uv_loop_t * loop, uv_fs_t * req, const char *path, int flags, int mode, uv_fs_cb cb),         \
    (loop, req, path, flags, mode, cb), UV_EACCES)                                                 \
  X(uv_fs_stat, (uv_loop_t * loop, uv_fs_t * req, const char *path, uv_fs_cb cb),                  \
    (loop, req, path, cb), UV_ENOENT)                                                              \
  X(uv_fs_write,                                                                                   \
    (uv_loop_t * loop, uv_fs_t * req, uv_file file, const uv_buf_t bufs[], unsigned count,         \
     int64_t offset, uv_fs_cb cb),                                                                 \
    (loop, req, file, bufs, count, offset, cb), UV_ENOSPC)

/* Those whose callback can tell an error, too: each counts twice, as a call and as a callback.
 * uv_getaddrinfo is the same by hand. */
#define UV_CALLS_BACK(X)                                                                           \
  X(uv_tcp_connect,                                                                                \
    (uv_connect_t * req, uv_tcp_t * tcp, const struct sockaddr *address, uv_connect_cb cb),        \
    (req, tcp, address, on_connect), UV_ENETUNREACH)                                               \
  X(uv_read_start, (uv_stream_t * stream, uv_alloc_cb alloc, uv_read_cb cb),                       \
    (stream, alloc, on_read), UV_ENOTCONN)                                                         \
  X(uv_write,                                                                                      \
    (uv_write_t * req, uv_stream_t * stream, const uv_buf_t bufs[], unsigned count,                \
     uv_write_cb cb),                                                                              \
    (req, stream, bufs, count, on_write), UV_ENOMEM)

/* How uv_try_write fails: it has an error, the kernel takes nothing, or one byte; or the kernel
 * takes nothing each time, so that uv_write has to fail. */
enum uv_try { UV_TRY_FAILS, UV_TRY_WAITS, UV_TRY_SHORT, UV_TRY_NEVER };
extern enum uv_try uv_calls_try;

extern int uv_calls_look_ups; /* under way, in another thread */

#endif
