/* TCP as a transport, against a plain socket on the loopback. */
#include "io/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "fake_env.h"
#include "loopback.h"

#define BIG (8u << 20) /* more than two socket buffers hold */

enum closing { CLOSE_NEVER, CLOSE_IN_READY, CLOSE_IN_DATA, CLOSE_IN_END, CLOSE_IN_WRITTEN };

/* A client's end under test, the other end, and what was told. */
struct world {
  struct fake_env fake;
  uv_loop_t loop;
  struct uvws__transport *transport;
  int listener;
  int peer;

  uint8_t room[65536];
  uint8_t got[65536];
  size_t got_len;

  unsigned readies, datas, ends, writtens, closeds;
  int end_err, written_status;
  char end_detail[256];
  enum closing closing;
  int stop_in_data;
};

static void close_if(struct world *w, enum closing when) {
  if (w->closing == when) w->transport->ops->close(w->transport);
}

static void on_ready(void *owner) {
  struct world *w = owner;
  w->readies++;
  close_if(w, CLOSE_IN_READY);
}

static void on_alloc(void *owner, uv_buf_t *out) {
  struct world *w = owner;
  *out = uv_buf_init((char *)w->room, sizeof w->room);
}

static void on_data(void *owner, uint8_t *data, size_t len) {
  struct world *w = owner;
  w->datas++;
  assert_int_equal(w->ends + w->closeds, 0);
  assert_true(data == w->room && len > 0 && len <= sizeof w->got - w->got_len);
  memcpy(w->got + w->got_len, data, len);
  w->got_len += len;
  if (w->stop_in_data) w->transport->ops->read_stop(w->transport);
  close_if(w, CLOSE_IN_DATA);
}

static void on_end(void *owner, int err, const char *detail) {
  struct world *w = owner;
  w->ends++;
  w->end_err = err;
  snprintf(w->end_detail, sizeof w->end_detail, "%s", detail);
  close_if(w, CLOSE_IN_END);
}

static void on_written(void *owner, int status) {
  struct world *w = owner;
  w->writtens++;
  w->written_status = status;
  close_if(w, CLOSE_IN_WRITTEN);
}

static void on_closed(void *owner) {
  struct world *w = owner;
  w->closeds++;
  w->transport = NULL;
}

static const struct uvws__transport_events events = {
    .on_ready = on_ready,
    .on_alloc = on_alloc,
    .on_data = on_data,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

static void turn_until(struct world *w, const unsigned *count, unsigned goal) {
  while (*count < goal)
    if (!uv_run(&w->loop, UV_RUN_ONCE)) break;
  assert_int_equal(*count, goal);
}

static void start(struct world *w) {
  memset(w, 0, sizeof *w);
  fake_env_init(&w->fake);
  assert_int_equal(uv_loop_init(&w->loop), 0);
  w->listener = loopback_bind("127.0.0.1", 0);
  w->peer = -1;
  assert_true(w->listener >= 0);
  assert_int_equal(uvws__tcp_new(&w->fake.env, &w->loop, &events, w, &w->transport), 0);
}

static int dial_listener(struct world *w) {
  struct sockaddr_storage address;
  loopback_address("127.0.0.1", loopback_port(w->listener), &address);
  return uvws__tcp_connect(w->transport, (struct sockaddr *)&address);
}

static void start_connected(struct world *w) {
  start(w);
  assert_int_equal(listen(w->listener, 1), 0);
  assert_int_equal(dial_listener(w), 0);
  assert_int_equal(w->readies, 0);
  turn_until(w, &w->readies, 1);
  w->peer = accept(w->listener, NULL, NULL);
  assert_true(w->peer >= 0);
}

static void hang_up(struct world *w) {
  if (w->peer >= 0) close(w->peer);
  w->peer = -1;
}

/* Close what is open, let the loop run dry, and show that nothing is left. */
static void finish(struct world *w) {
  if (w->transport) w->transport->ops->close(w->transport);
  assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(w->closeds, 1);
  assert_int_equal(uv_loop_close(&w->loop), 0);
  assert_int_equal(w->fake.live, 0);
  hang_up(w);
  close(w->listener);
}

static int write_bytes(struct world *w, const void *data, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
  return w->transport->ops->write(w->transport, &buf, 1);
}

static uint8_t *pattern_new(size_t len) {
  uint8_t *data = malloc(len);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
  return data;
}

/* Read `len` bytes at the peer, turning the loop, and compare them with `data`. */
static void peer_expect(struct world *w, const uint8_t *data, size_t len) {
  static uint8_t chunk[65536];
  size_t seen = 0;
  while (seen < len) {
    ssize_t n = recv(w->peer, chunk, sizeof chunk, MSG_DONTWAIT);
    assert_true(n != 0);
    if (n < 0) {
      uv_run(&w->loop, UV_RUN_NOWAIT);
      continue;
    }
    assert_true((size_t)n <= len - seen);
    assert_memory_equal(chunk, data + seen, (size_t)n);
    seen += (size_t)n;
  }
}

/* Cut `data` into `count` buffers of unequal lengths, some empty. */
static void cut(uint8_t *data, size_t len, uv_buf_t *bufs, unsigned count) {
  size_t at = 0;
  for (unsigned i = 0; i < count; i++) {
    size_t piece = i % 7 == 3 ? 0 : len / count + i;
    if (i + 1 == count || piece > len - at) piece = len - at;
    bufs[i] = uv_buf_init((char *)data + at, (unsigned)piece);
    at += piece;
  }
}

static void a_small_write_is_done_at_once_without_memory_or_event(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  size_t asked = w.fake.asked;
  for (int i = 0; i < 100; i++)
    assert_int_equal(write_bytes(&w, "hello", 5), UVWS__WRITTEN);
  assert_int_equal(w.fake.asked, asked);
  char got[500];
  assert_int_equal(recv(w.peer, got, sizeof got, MSG_WAITALL), 500);
  assert_memory_equal(got + 495, "hello", 5);
  finish(&w);
  assert_int_equal(w.writtens + w.datas + w.ends, 0);
}

static void write_big(unsigned count) {
  struct world w;
  uv_buf_t bufs[UVWS__TCP_BUFS_MAX];
  uint8_t *data = pattern_new(BIG);
  start_connected(&w);
  cut(data, BIG, bufs, count);
  assert_int_equal(w.transport->ops->write(w.transport, bufs, count), UVWS__WRITING);
  memset(bufs, 0, sizeof bufs); /* the descriptors are the caller's again */
  assert_int_equal(w.writtens, 0);
  peer_expect(&w, data, BIG);
  turn_until(&w, &w.writtens, 1);
  assert_int_equal(w.written_status, 0);
  assert_int_equal(w.fake.live, 2); /* room for unsent buffers is given back, the request is kept */
  assert_int_equal(write_bytes(&w, "x", 1), UVWS__WRITTEN);
  finish(&w);
  assert_int_equal(w.writtens, 1);
  free(data);
}

static void a_write_of_1_buffer_too_big_arrives_whole_and_is_told_once(void **state) {
  (void)state;
  write_big(1);
}

static void a_write_of_5_buffers_too_big_arrives_whole_and_is_told_once(void **state) {
  (void)state;
  write_big(5);
}

static void a_write_of_64_buffers_too_big_arrives_whole_and_is_told_once(void **state) {
  (void)state;
  write_big(64);
}

static void a_stuck_write_of_64_buffers_without_memory_fails(void **state) {
  struct world w;
  uv_buf_t bufs[UVWS__TCP_BUFS_MAX];
  uint8_t *data = pattern_new(BIG);
  (void)state;
  start_connected(&w);
  w.fake.fail_at = w.fake.asked + 1;
  cut(data, BIG, bufs, 64);
  assert_int_equal(w.transport->ops->write(w.transport, bufs, 64), UV_ENOMEM);
  finish(&w);
  assert_int_equal(w.writtens, 0);
  free(data);
}

static void closing_with_a_write_under_way_tells_only_that_it_closed(void **state) {
  struct world w;
  uv_buf_t bufs[UVWS__TCP_BUFS_MAX];
  uint8_t *data = pattern_new(BIG);
  (void)state;
  start_connected(&w);
  w.transport->ops->read_start(w.transport);
  cut(data, BIG, bufs, 64);
  assert_int_equal(w.transport->ops->write(w.transport, bufs, 64), UVWS__WRITING);
  w.transport->ops->close(w.transport);
  w.transport->ops->close(w.transport);
  assert_int_equal(w.closeds, 0);
  finish(&w);
  assert_int_equal(w.writtens + w.ends + w.datas, 0);
  free(data);
}

static void the_owner_may_close_when_told_of_a_write(void **state) {
  struct world w;
  uint8_t *data = pattern_new(BIG);
  (void)state;
  start_connected(&w);
  w.closing = CLOSE_IN_WRITTEN;
  assert_int_equal(write_bytes(&w, data, BIG), UVWS__WRITING);
  peer_expect(&w, data, BIG);
  turn_until(&w, &w.closeds, 1);
  finish(&w);
  assert_int_equal(w.writtens, 1);
  free(data);
}

static void a_reset_during_a_stuck_write_fails_it(void **state) {
  struct world w;
  uv_buf_t bufs[UVWS__TCP_BUFS_MAX];
  uint8_t *data = pattern_new(BIG);
  (void)state;
  start_connected(&w);
  cut(data, BIG, bufs, 64);
  assert_int_equal(w.transport->ops->write(w.transport, bufs, 64), UVWS__WRITING);
  loopback_reset(w.peer);
  w.peer = -1;
  turn_until(&w, &w.writtens, 1);
  assert_true(w.written_status == UV_ECONNRESET || w.written_status == UV_EPIPE);
  finish(&w);
  assert_int_equal(w.writtens, 1);
  free(data);
}

static void writing_to_a_reset_connection_is_an_error_and_no_signal(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  loopback_reset(w.peer);
  w.peer = -1;
  int first = write_bytes(&w, "x", 1);
  int second = write_bytes(&w, "x", 1);
  assert_true(first == UV_ECONNRESET || first == UV_EPIPE);
  assert_int_equal(second, UV_EPIPE);
  finish(&w);
  assert_int_equal(w.writtens, 0);
}

static void what_the_peer_sends_is_read_into_the_owners_memory(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  assert_int_equal(w.transport->ops->read_start(w.transport), 0);
  assert_int_equal(w.transport->ops->read_start(w.transport), 0);
  assert_int_equal(send(w.peer, "some bytes", 10, 0), 10);
  turn_until(&w, &w.datas, 1);
  assert_int_equal(w.got_len, 10);
  assert_memory_equal(w.got, "some bytes", 10);
  finish(&w);
  assert_int_equal(w.ends, 0);
}

static void reading_stops_when_asked_from_inside_and_goes_on_when_asked(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  w.stop_in_data = 1;
  assert_int_equal(w.transport->ops->read_start(w.transport), 0);
  assert_int_equal(send(w.peer, "one", 3, 0), 3);
  turn_until(&w, &w.datas, 1);
  assert_int_equal(send(w.peer, "two", 3, 0), 3);
  hang_up(&w);
  assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0); /* nobody reads: nothing to wait for */
  assert_int_equal(w.got_len, 3);
  w.stop_in_data = 0;
  assert_int_equal(w.transport->ops->read_start(w.transport), 0);
  turn_until(&w, &w.ends, 1);
  assert_memory_equal(w.got, "onetwo", 6);
  finish(&w);
  assert_int_equal(w.ends, 1);
}

static void the_peers_end_is_told_once_in_plain_words(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  w.transport->ops->read_start(w.transport);
  hang_up(&w);
  turn_until(&w, &w.ends, 1);
  assert_int_equal(w.end_err, UV_EOF);
  assert_string_equal(w.end_detail, "the peer closed the TCP connection");
  assert_int_equal(w.transport->ops->read_start(w.transport), 0);
  assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
  finish(&w);
  assert_int_equal(w.ends, 1);
}

static void a_half_closed_connection_can_still_be_written(void **state) {
  struct world w;
  char got[4];
  (void)state;
  start_connected(&w);
  w.transport->ops->read_start(w.transport);
  assert_int_equal(shutdown(w.peer, SHUT_WR), 0);
  turn_until(&w, &w.ends, 1);
  assert_int_equal(write_bytes(&w, "last", 4), UVWS__WRITTEN);
  assert_int_equal(recv(w.peer, got, 4, MSG_WAITALL), 4);
  finish(&w);
}

static void a_reset_is_told_in_plain_words(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  w.transport->ops->read_start(w.transport);
  loopback_reset(w.peer);
  w.peer = -1;
  turn_until(&w, &w.ends, 1);
  assert_int_equal(w.end_err, UV_ECONNRESET);
  assert_string_equal(w.end_detail, "the TCP connection broke: connection reset by peer");
  assert_int_equal(w.transport->ops->read_start(w.transport), 0);
  finish(&w);
  assert_int_equal(w.ends, 1);
}

static void the_owner_may_close_when_given_data(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  w.closing = CLOSE_IN_DATA;
  w.transport->ops->read_start(w.transport);
  assert_int_equal(send(w.peer, "x", 1, 0), 1);
  hang_up(&w);
  turn_until(&w, &w.closeds, 1);
  finish(&w);
  assert_int_equal(w.datas, 1);
  assert_int_equal(w.ends, 0);
}

static void the_owner_may_close_when_told_of_the_end(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  w.closing = CLOSE_IN_END;
  w.transport->ops->read_start(w.transport);
  hang_up(&w);
  turn_until(&w, &w.closeds, 1);
  finish(&w);
  assert_int_equal(w.ends, 1);
}

static void shutdown_sends_what_is_written_and_then_the_end(void **state) {
  struct world w;
  char got[8];
  (void)state;
  start_connected(&w);
  assert_int_equal(write_bytes(&w, "bye", 3), UVWS__WRITTEN);
  w.transport->ops->shutdown(w.transport);
  w.transport->ops->shutdown(w.transport);
  assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(recv(w.peer, got, sizeof got, MSG_WAITALL), 3);
  assert_int_equal(send(w.peer, "ok", 2, 0), 2);
  w.transport->ops->read_start(w.transport);
  turn_until(&w, &w.datas, 1);
  finish(&w);
  assert_int_equal(w.writtens, 0);
}

static void closing_right_behind_shutdown_tells_only_that_it_closed(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  w.transport->ops->shutdown(w.transport);
  w.transport->ops->close(w.transport);
  finish(&w);
  assert_int_equal(w.writtens + w.ends, 0);
}

static void a_refused_connection_ends_in_plain_words(void **state) {
  struct world w;
  (void)state;
  start(&w);
  assert_int_equal(dial_listener(&w), 0);
  assert_int_equal(w.ends, 0);
  turn_until(&w, &w.ends, 1);
  assert_int_equal(w.end_err, UV_ECONNREFUSED);
  assert_string_equal(w.end_detail, "no TCP connection: connection refused");
  finish(&w);
  assert_int_equal(w.readies, 0);
}

static void the_owner_may_close_when_told_of_the_connection(void **state) {
  struct world w;
  (void)state;
  start(&w);
  w.closing = CLOSE_IN_READY;
  assert_int_equal(listen(w.listener, 1), 0);
  assert_int_equal(dial_listener(&w), 0);
  turn_until(&w, &w.closeds, 1);
  finish(&w);
}

static void closing_while_it_connects_tells_only_that_it_closed(void **state) {
  struct world w;
  (void)state;
  start(&w);
  assert_int_equal(listen(w.listener, 1), 0);
  assert_int_equal(dial_listener(&w), 0);
  finish(&w);
  assert_int_equal(w.readies + w.ends, 0);
}

/* The client's socket, found by its peer: the transport does not show it. */
static int client_fd(const struct world *w) {
  int port = loopback_port(w->listener);
  for (int fd = 0; fd < 1024; fd++) {
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
        ntohs(peer.sin_port) == port)
      return fd;
  }
  return -1;
}

static void small_writes_are_not_held_back_by_the_kernel(void **state) {
  struct world w;
  int is_set = 0;
  socklen_t len = sizeof is_set;
  (void)state;
  start_connected(&w);
  assert_int_equal(getsockopt(client_fd(&w), IPPROTO_TCP, TCP_NODELAY, &is_set, &len), 0);
  assert_true(is_set);
  finish(&w);
}

static void an_idle_connection_takes_little_memory(void **state) {
  struct world w;
  (void)state;
  start_connected(&w);
  assert_int_equal(w.fake.live, 1);
  assert_true(w.fake.largest <= 576);
  finish(&w);
}

static void without_memory_there_is_no_transport(void **state) {
  struct fake_env fake;
  struct uvws__transport *transport = NULL;
  uv_loop_t loop;
  (void)state;
  fake_env_init(&fake);
  fake.fail_at = 1;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uvws__tcp_new(&fake.env, &loop, &events, NULL, &transport), UV_ENOMEM);
  assert_null(transport);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_small_write_is_done_at_once_without_memory_or_event),
      cmocka_unit_test(a_write_of_1_buffer_too_big_arrives_whole_and_is_told_once),
      cmocka_unit_test(a_write_of_5_buffers_too_big_arrives_whole_and_is_told_once),
      cmocka_unit_test(a_write_of_64_buffers_too_big_arrives_whole_and_is_told_once),
      cmocka_unit_test(a_stuck_write_of_64_buffers_without_memory_fails),
      cmocka_unit_test(closing_with_a_write_under_way_tells_only_that_it_closed),
      cmocka_unit_test(the_owner_may_close_when_told_of_a_write),
      cmocka_unit_test(a_reset_during_a_stuck_write_fails_it),
      cmocka_unit_test(writing_to_a_reset_connection_is_an_error_and_no_signal),
      cmocka_unit_test(what_the_peer_sends_is_read_into_the_owners_memory),
      cmocka_unit_test(reading_stops_when_asked_from_inside_and_goes_on_when_asked),
      cmocka_unit_test(the_peers_end_is_told_once_in_plain_words),
      cmocka_unit_test(a_half_closed_connection_can_still_be_written),
      cmocka_unit_test(a_reset_is_told_in_plain_words),
      cmocka_unit_test(the_owner_may_close_when_given_data),
      cmocka_unit_test(the_owner_may_close_when_told_of_the_end),
      cmocka_unit_test(shutdown_sends_what_is_written_and_then_the_end),
      cmocka_unit_test(closing_right_behind_shutdown_tells_only_that_it_closed),
      cmocka_unit_test(a_refused_connection_ends_in_plain_words),
      cmocka_unit_test(the_owner_may_close_when_told_of_the_connection),
      cmocka_unit_test(closing_while_it_connects_tells_only_that_it_closed),
      cmocka_unit_test(small_writes_are_not_held_back_by_the_kernel),
      cmocka_unit_test(an_idle_connection_takes_little_memory),
      cmocka_unit_test(without_memory_there_is_no_transport),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
