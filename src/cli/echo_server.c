/* `uvws echo-server`: a peer for trying things out, on 127.0.0.1, over TCP or TLS. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/echo_session.h"

#define BACKLOG 1024
#define STDERR_FD 2

struct options {
  uint16_t port;
  int use_tls;
  uvws_tls_version_t tls_version;
  const char *certificate_file;
  int is_once;
  int is_quiet;
  int is_verbose;
  struct cli_list operands;
};

#define AT(field) offsetof(struct options, field)

static const struct cli_option known_options[] = {
    {"port", 'p', CLI_PORT, AT(port), "PORT", "listen here (default: the system chooses)"},
    {"tls", 0, CLI_FLAG, AT(use_tls), NULL, "wss://, with a certificate made on the spot"},
    {"tls-version", 0, CLI_TLS_VERSION, AT(tls_version), "VERSION",
     "speak only this one: 1.0, 1.1, 1.2, 1.3"},
    {"write-cert", 0, CLI_STRING, AT(certificate_file), "FILE",
     "write the certificate there, for a client to trust (PEM)"},
    {"once", 0, CLI_FLAG, AT(is_once), NULL, "end when the first client has gone"},
    {"quiet", 'q', CLI_FLAG, AT(is_quiet), NULL, "say nothing of clients"},
    {"verbose", 'v', CLI_FLAG, AT(is_verbose), NULL,
     "tell of clients on standard error (default: when it is a terminal)"},
};

static const struct cli_command command = {
    .name = "echo-server",
    .operands = "",
    .operands_offset = AT(operands),
    .summary = "Send every message back to its sender, on 127.0.0.1. The first line printed is\n"
               "`listening on URI`. Of subprotocols the first one offered is taken. An interrupt "
               "ends it,\n"
               "with Close 1001 to every client.\n",
    .options = known_options,
    .option_count = sizeof known_options / sizeof known_options[0],
};

struct server {
  struct options options;
  uv_loop_t loop;
  uv_tcp_t listener;
  uv_signal_t interrupt;
  uv_signal_t terminate;
  int is_stopping;
  int status;
  struct echo_host host;
};

static void fail(struct server *server, int err, const char *what) {
  fprintf(stderr, "uvws: %s: %s: %s\n", uvws_err_name(err), what, uvws_strerror(err));
  server->status = CLI_FAILED;
}

static void close_if_open(uv_handle_t *handle) {
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void stop(struct server *server) {
  server->is_stopping = 1;
  close_if_open((uv_handle_t *)&server->listener);
  echo_sessions_stop(&server->host);
  if (server->host.first == NULL) {
    close_if_open((uv_handle_t *)&server->interrupt);
    close_if_open((uv_handle_t *)&server->terminate);
  }
}

/* The signal handles stay for a second signal until the last client has gone. */
static void on_session_end(struct echo_host *host) {
  struct server *server = host->loop->data;
  if (server->options.is_once || (server->is_stopping && host->first == NULL)) stop(server);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct server *server = handle->data;
  if (!server->is_stopping) {
    stop(server);
    return;
  }
  server->status = 128 + number;
  echo_sessions_drop(&server->host);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct server *server = listener->data;
  int err = status;
  if (err == 0) err = echo_session_accept(&server->host, listener);
  if (err != 0)
    fprintf(stderr, "uvws: %s: a client was not accepted: %s\n", uvws_err_name(err),
            uvws_strerror(err));
}

/* A thousand clients need more descriptors than the usual soft limit. */
static void raise_descriptor_limit(void) {
#if !defined(_WIN32)
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
#endif
}

static int start_signal(struct server *server, uv_signal_t *handle, int number) {
  int err = uv_signal_init(&server->loop, handle);
  if (err != 0) return err;
  handle->data = server;
  return uv_signal_start(handle, on_signal, number);
}

static int start_listening(struct server *server, int *out_port) {
  struct sockaddr_in address;
  int len = sizeof address;
  int err = uv_ip4_addr("127.0.0.1", server->options.port, &address);
  if (err == 0) err = uv_tcp_init(&server->loop, &server->listener);
  if (err != 0) return err;
  server->listener.data = server;
  err = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
  if (err == 0) err = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
  if (err == 0) err = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len);
  if (err == 0) *out_port = ntohs(address.sin_port);
  return err;
}

static int start_loop(struct server *server) {
  int err = uv_loop_init(&server->loop);
  if (err != 0) return err;
  server->loop.data = server;
  server->host.loop = &server->loop;
  server->host.on_session_end = on_session_end;
  server->host.is_logging = server->options.is_verbose ||
                            (!server->options.is_quiet && uv_guess_handle(STDERR_FD) == UV_TTY);
  err = start_signal(server, &server->interrupt, SIGINT);
  return err != 0 ? err : start_signal(server, &server->terminate, SIGTERM);
}

static int serve(struct server *server) {
  int port = 0;
  int err = start_loop(server);
  if (err == 0) err = start_listening(server, &port);
  if (err != 0) {
    fail(server, err, "the server cannot listen");
    return server->status; /* the process ends: what is half open goes with it */
  }
  printf("listening on %s://127.0.0.1:%d/\n", server->options.use_tls ? "wss" : "ws", port);
  fflush(stdout);
  uv_run(&server->loop, UV_RUN_DEFAULT);
  err = uv_loop_close(&server->loop);
  if (err != 0) fail(server, err, "the event loop did not close");
  return server->status;
}

static int run(struct server *server) {
  raise_descriptor_limit();
  if (server->options.use_tls &&
      echo_tls_context_new(server->options.certificate_file, server->options.tls_version,
                           &server->host.tls) != 0)
    return CLI_FAILED;
  int status = serve(server);
  echo_tls_context_free(server->host.tls);
  return status;
}

int cli_echo_server(int argc, char **argv) {
  static struct server server; /* 128 KiB of it are buffers */
  int status = cli_arguments_parse(&command, argc, argv, &server.options);
  if (status == CLI_GO_ON) status = run(&server);
  cli_list_deinit(&server.options.operands);
  return status;
}
