/* WebSocket over a unix domain socket, a chosen local address, TCP keep-alive, silent addresses. */
#include "support/fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A unix socket in front of the scripted server: bytes go to and fro. */
struct front {
  uv_pipe_t listener;
  uv_pipe_t client;
  uv_tcp_t server;
  uv_connect_t connect;
  int is_open;
  char path[64];
};

static struct front front;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)handle;
  *out = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

struct out {
  uv_write_t req;
  char *data;
};

static void on_written(uv_write_t *req, int status) {
  struct out *out = req->data;
  (void)status;
  free(out->data);
  free(out);
}

static void on_shut(uv_shutdown_t *req, int status) {
  (void)status;
  free(req);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct front *front_of = stream->data;
  uv_stream_t *other = stream == (uv_stream_t *)&front_of->client
                           ? (uv_stream_t *)&front_of->server
                           : (uv_stream_t *)&front_of->client;
  if (n > 0) {
    struct out *out = malloc(sizeof *out);
    assert_non_null(out);
    out->req.data = out;
    out->data = buf->base;
    uv_buf_t part = uv_buf_init(buf->base, (unsigned)n);
    if (uv_write(&out->req, other, &part, 1, on_written) != 0) on_written(&out->req, 0);
    return;
  }
  free(buf->base);
  if (n == 0) return;
  uv_read_stop(stream);
  uv_shutdown_t *req = malloc(sizeof *req);
  if (uv_shutdown(req, other, on_shut) != 0) free(req);
}

static void on_connect(uv_connect_t *req, int status) {
  struct front *f = req->data;
  assert_int_equal(status, 0);
  uv_read_start((uv_stream_t *)&f->server, on_alloc, on_read);
  uv_read_start((uv_stream_t *)&f->client, on_alloc, on_read);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct front *f = listener->data;
  struct fixture *fixture = listener->loop->data;
  struct sockaddr_in address;
  assert_int_equal(status, 0);
  uv_ip4_addr("127.0.0.1", (int)fixture->peer.port, &address);
  uv_pipe_init(listener->loop, &f->client, 0);
  uv_tcp_init(listener->loop, &f->server);
  uv_unref((uv_handle_t *)&f->client);
  uv_unref((uv_handle_t *)&f->server);
  f->client.data = f->server.data = f->connect.data = f;
  f->is_open = 1;
  uv_accept(listener, (uv_stream_t *)&f->client);
  uv_tcp_connect(&f->connect, &f->server, (struct sockaddr *)&address, on_connect);
}

static void front_init(struct fixture *f) {
  memset(&front, 0, sizeof front);
  snprintf(front.path, sizeof front.path, "/tmp/uvws-test-%ld.sock", (long)getpid());
  unlink(front.path);
  f->loop.data = f;
  uv_pipe_init(&f->loop, &front.listener, 0);
  uv_unref((uv_handle_t *)&front.listener);
  front.listener.data = &front;
  assert_int_equal(uv_pipe_bind(&front.listener, front.path), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&front.listener, 8, on_connection), 0);
}

static void front_close(void) {
  uv_close((uv_handle_t *)&front.listener, NULL);
  if (!front.is_open) return;
  uv_close((uv_handle_t *)&front.client, NULL);
  uv_close((uv_handle_t *)&front.server, NULL);
}

static void close_behind_echo(struct player *p, enum event event) {
  if (event == EVENT_MESSAGE) player_close(p, 1000, "");
}

static struct fixture *start(const struct peer_plan *plan) {
  static struct fixture f;
  fixture_init(&f, plan);
  f.hook = close_behind_echo;
  return &f;
}

static void messages_pass_through_a_unix_socket(void **state) {
  struct peer_plan plan = {.echoes = 1};
  (void)state;
  struct fixture *f = start(&plan);
  front_init(f);
  struct player *p = &f->players[0];
  uvws_options_t options = {
      .size = sizeof options, .uri = "ws://server.example/path", .socket_path = front.path};
  assert_int_equal(player_connect(p, &options), 0);
  player_text(p, "hello");
  fixture_run(f);
  assert_int_equal(p->messages, 1);
  assert_true(p->was_clean);
  const char *request = fixture_conn(f)->request;
  assert_memory_equal(request, "GET /path HTTP/1.1\r\nHost: server.example\r\n", 42);
  front_close();
  fixture_end(f);
}

static struct player *expect_failure(struct fixture *f, const uvws_options_t *options, int err,
                                     const char *words) {
  struct player *p = &f->players[0];
  assert_int_equal(player_connect(p, options), 0);
  fixture_run(f);
  assert_int_equal(p->errors, 1);
  assert_int_equal(p->closes, 1);
  if (p->error != err || !strstr(p->error_message, words))
    fail_msg("%s: %s", uvws_err_name(p->error), p->error_message);
  return p;
}

static void a_socket_that_is_not_there_is_named(void **state) {
  (void)state;
  struct fixture *f = start(NULL);
  uvws_options_t options = {
      .size = sizeof options, .uri = "ws://h/", .socket_path = "/nowhere/uvws.sock"};
  expect_failure(f, &options, UV_ENOENT, "the socket /nowhere/uvws.sock: no such file");
  fixture_end(f);
}

static void a_path_too_long_is_refused_and_not_cut(void **state) {
  char path[300] = "/tmp/";
  (void)state;
  struct fixture *f = start(NULL);
  memset(path + 5, 'x', sizeof path - 6);
  uvws_options_t options = {.size = sizeof options, .uri = "ws://h/", .socket_path = path};
  expect_failure(f, &options, UV_ENAMETOOLONG, "name too long");
  fixture_end(f);
}

static void a_redirect_away_from_the_socket_is_refused(void **state) {
  struct peer_plan plan = {.answer = "HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\n"
                                     "Content-Length: 0\r\n\r\n"};
  (void)state;
  struct fixture *f = start(&plan);
  front_init(f);
  uvws_options_t options = {.size = sizeof options,
                            .uri = "ws://server.example/",
                            .socket_path = front.path,
                            .max_redirects = 3};
  expect_failure(f, &options, UVWS_EREDIRECT, "socket_path");
  front_close();
  fixture_end(f);
}

/*
 * TCP
 */

static void the_local_address_is_the_one_asked_for(void **state) {
  struct peer_plan plan = {.echoes = 1};
  struct sockaddr_in address;
  int len = sizeof address;
  char text[64];
  (void)state;
  struct fixture *f = start(&plan);
  uvws_options_t options = {.size = sizeof options, .local_address = "127.0.0.9"};
  assert_int_equal(player_connect(&f->players[0], &options), 0);
  fixture_run_until(f, is_requested);
  uv_tcp_getpeername(&fixture_conn(f)->handle, (struct sockaddr *)&address, &len);
  uv_ip4_name(&address, text, sizeof text);
  assert_string_equal(text, "127.0.0.9");
  player_text(&f->players[0], "bye");
  fixture_run(f);
  fixture_end(f);
}

static void a_local_address_of_the_other_family_is_refused(void **state) {
  (void)state;
  struct fixture *f = start(NULL);
  uvws_options_t options = {.size = sizeof options, .local_address = "::1"};
  assert_int_equal(player_connect(&f->players[0], &options), UV_EAFNOSUPPORT);
  assert_non_null(strstr(uvws_last_error(f->players[0].ws), "127.0.0.1"));
  fixture_end(f);
}

static void a_local_address_that_is_not_ours_is_told(void **state) {
  (void)state;
  struct fixture *f = start(NULL);
  uvws_options_t options = {.size = sizeof options, .local_address = "192.0.2.1"};
  expect_failure(f, &options, UV_EADDRNOTAVAIL, "address not available");
  fixture_end(f);
}

/* The client's socket is found among those of this process by its port. */
static int find_socket(const struct sockaddr_in *address) {
  for (int fd = 3; fd < 200; fd++) {
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 && own.sin_family == AF_INET &&
        own.sin_port == address->sin_port)
      return fd;
  }
  return -1;
}

/* No small message waits for the acknowledgement of the one before (Nagle's algorithm). */
static void keep_alive_is_off_unless_asked_for_and_nothing_is_delayed(void **state) {
  (void)state;
  for (unsigned seconds = 0; seconds < 90; seconds += 77) {
    struct peer_plan plan = {.echoes = 1};
    struct sockaddr_in address;
    int len = sizeof address, is_on = 0, idle = 0, is_prompt = 0;
    socklen_t size = sizeof is_on;
    struct fixture *f = start(&plan);
    uvws_options_t options = {.size = sizeof options, .tcp_keepalive_s = seconds};
    assert_int_equal(player_connect(&f->players[0], &options), 0);
    fixture_run_until(f, is_requested);
    uv_tcp_getpeername(&fixture_conn(f)->handle, (struct sockaddr *)&address, &len);
    int fd = find_socket(&address);
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &is_on, &size), 0);
    assert_int_equal(is_on, seconds > 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size), 0);
    if (seconds) assert_int_equal(idle, seconds);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_prompt, &size), 0);
    assert_int_equal(is_prompt != 0, 1);
    player_text(&f->players[0], "bye");
    fixture_run(f);
    fixture_end(f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_pass_through_a_unix_socket),
      cmocka_unit_test(a_socket_that_is_not_there_is_named),
      cmocka_unit_test(a_path_too_long_is_refused_and_not_cut),
      cmocka_unit_test(a_redirect_away_from_the_socket_is_refused),
      cmocka_unit_test(the_local_address_is_the_one_asked_for),
      cmocka_unit_test(a_local_address_of_the_other_family_is_refused),
      cmocka_unit_test(a_local_address_that_is_not_ours_is_told),
      cmocka_unit_test(keep_alive_is_off_unless_asked_for_and_nothing_is_delayed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
