// bench_beast: Boost.Beast as a measured client (clients/job.h), asynchronous, one write at a time.
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "clients/job.h"

namespace beast = boost::beast;
namespace net = boost::asio;
using tcp = net::ip::tcp;

static bench_job job;
static std::uint8_t *payload;
static net::io_context io{1};
static net::ssl::context tls{net::ssl::context::tls_client};
static std::uint64_t opened, connecting;
static void connect_one();

static void check(beast::error_code error, const char *what) {
  if (!error) return;
  std::cerr << what << ": " << error.message() << "\n";
  std::exit(1);
}

static void finish() {
  std::exit(bench_job_report(&job));
}

template <class Stream> struct client : std::enable_shared_from_this<client<Stream>> {
  beast::websocket::stream<Stream> ws;
  beast::flat_buffer buffer;
  std::uint64_t to_send = 0;
  bool is_writing = false;

  template <class... Args> explicit client(Args &...args) : ws(args...) {}

  void upgrade() {
    ws.read_message_max(0);
    ws.text(job.is_text != 0);
    ws.async_handshake(job.host, job.path, [self = this->shared_from_this()](beast::error_code error) {
      check(error, "handshake");
      self->begin();
    });
  }

  void begin() {
    opened++;
    if (job.mode == BENCH_JOB_IDLE) {
      idle();
      return;
    }
    if (job.mode == BENCH_JOB_ECHO) to_send = job.in_flight;
    if (job.mode == BENCH_JOB_SEND) to_send = job.warmup;
    write();
    read();
  }

  void idle() {
    read();
    if (opened == 1) bench_job_start(&job);
    if (opened == job.in_flight + 1) {
      bench_job_finish(&job);
      finish();
    }
    while (connecting < job.in_flight + 1 && connecting < opened + 100)
      connect_one();
  }

  void write() {
    if (is_writing || !to_send) return;
    is_writing = true;
    to_send--;
    ws.async_write(net::buffer(payload, job.size),
                   [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                     check(error, "write");
                     self->is_writing = false;
                     if (job.mode == BENCH_JOB_SEND && !self->to_send) self->part_done();
                     self->write();
                   });
  }

  void part_done() {
    if (job.is_started) {
      bench_job_finish(&job);
      finish();
    }
    bench_job_start(&job);
    to_send = job.count;
  }

  void read() {
    ws.async_read(buffer, [self = this->shared_from_this()](beast::error_code error, std::size_t) {
      check(error, "read");
      self->buffer.consume(self->buffer.size());
      if (bench_job_tick(&job, 1)) finish();
      if (job.mode == BENCH_JOB_ECHO) {
        self->to_send++;
        self->write();
      }
      self->read();
    });
  }
};

static void connect_one() {
  connecting++;
  tcp::endpoint to{net::ip::make_address(job.host), static_cast<unsigned short>(std::atoi(job.port))};
  if (!job.is_secure) {
    auto c = std::make_shared<client<beast::tcp_stream>>(io);
    beast::get_lowest_layer(c->ws).async_connect(to, [c](beast::error_code error) {
      check(error, "connect");
      c->ws.next_layer().socket().set_option(tcp::no_delay(true));
      c->upgrade();
    });
    return;
  }
  auto c = std::make_shared<client<beast::ssl_stream<beast::tcp_stream>>>(io, tls);
  beast::get_lowest_layer(c->ws).async_connect(to, [c](beast::error_code error) {
    check(error, "connect");
    beast::get_lowest_layer(c->ws).socket().set_option(tcp::no_delay(true));
    c->ws.next_layer().async_handshake(net::ssl::stream_base::client, [c](beast::error_code e) {
      check(e, "tls");
      c->upgrade();
    });
  });
}

int main(int argc, char **argv) {
  bench_job_parse(&job, argc, argv);
  payload = bench_job_payload(&job);
  connect_one();
  io.run();
  return 1;
}
