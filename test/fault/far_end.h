/*
 * Put in front of the sources of the far end (the scripted peer, the proxy, the TLS front) and of
 * the fixture: they share the loop and the process with the library, but not its faults. Here they
 * get the real functions, where the library gets those of uv_calls.c; and OpenSSL's memory does not
 * fail in their hands.
 */
#ifndef UVWS_TEST_FAR_END_H
#define UVWS_TEST_FAR_END_H

#define uv_async_init __real_uv_async_init
#define uv_fs_open __real_uv_fs_open
#define uv_fs_stat __real_uv_fs_stat
#define uv_fs_write __real_uv_fs_write
#define uv_getaddrinfo __real_uv_getaddrinfo
#define uv_mutex_init __real_uv_mutex_init
#define uv_pipe_init __real_uv_pipe_init
#define uv_read_start __real_uv_read_start
#define uv_shutdown __real_uv_shutdown
#define uv_tcp_bind __real_uv_tcp_bind
#define uv_tcp_connect __real_uv_tcp_connect
#define uv_tcp_init __real_uv_tcp_init
#define uv_tcp_keepalive __real_uv_tcp_keepalive
#define uv_tcp_nodelay __real_uv_tcp_nodelay
#define uv_try_write __real_uv_try_write
#define uv_write __real_uv_write

#define EVP_Digest far_end_digest

#endif
