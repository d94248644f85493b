// bench_websocketpp: websocketpp on Asio as a measured client (clients/job.h). It sends when it is
// told to and lets the library batch.
#include <cstdlib>
#include <iostream>
#include <string>
#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_client.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>

#include "clients/job.h"

static bench_job job;
static std::uint64_t opened, connecting;

// The default of 32 MB a message and of 16 KiB a read; nothing is logged.
template <class Base> struct config : Base {
  static const websocketpp::log::level elog_level = websocketpp::log::elevel::none;
  static const websocketpp::log::level alog_level = websocketpp::log::alevel::none;
};

template <class Config> struct bench {
  using client = websocketpp::client<Config>;
  using handle = websocketpp::connection_hdl;
  client endpoint;
  std::string payload;
  std::uint64_t to_send = 0;

  void finish() {
    std::exit(bench_job_report(&job));
  }

  void send(handle h) {
    endpoint.send(h, payload, job.is_text ? websocketpp::frame::opcode::text
                                          : websocketpp::frame::opcode::binary);
  }

  // There is no word of what left: look again a turn later while more than 1 MiB waits.
  void send_part(handle h) {
    auto connection = endpoint.get_con_from_hdl(h);
    while (to_send && connection->get_buffered_amount() < (1u << 20)) {
      to_send--;
      send(h);
    }
    if (!to_send && !connection->get_buffered_amount()) {
      if (job.is_started) {
        bench_job_finish(&job);
        finish();
      }
      bench_job_start(&job);
      to_send = job.count;
    }
    endpoint.get_io_service().post([this, h] { send_part(h); });
  }

  void begin(handle h) {
    opened++;
    if (job.mode == BENCH_JOB_IDLE) {
      if (opened == 1) bench_job_start(&job);
      if (opened == job.in_flight + 1) {
        bench_job_finish(&job);
        finish();
      }
      while (connecting < job.in_flight + 1 && connecting < opened + 100)
        connect_one();
    } else if (job.mode == BENCH_JOB_SEND) {
      to_send = job.warmup;
      send_part(h);
    } else if (job.mode == BENCH_JOB_ECHO) {
      for (std::uint64_t i = 0; i < job.in_flight; i++)
        send(h);
    }
  }

  void connect_one() {
    websocketpp::lib::error_code error;
    connecting++;
    auto connection = endpoint.get_connection(job.uri, error);
    if (error) std::exit(1);
    endpoint.connect(connection);
  }

  int run() {
    const std::uint8_t *data = bench_job_payload(&job);
    payload.assign(reinterpret_cast<const char *>(data), job.size);
    endpoint.clear_access_channels(websocketpp::log::alevel::all);
    endpoint.clear_error_channels(websocketpp::log::elevel::all);
    endpoint.init_asio();
    endpoint.set_open_handler([this](handle h) { begin(h); });
    endpoint.set_fail_handler([](handle) { std::exit(1); });
    endpoint.set_message_handler([this](handle h, typename client::message_ptr) {
      if (bench_job_tick(&job, 1)) finish();
      if (job.mode == BENCH_JOB_ECHO) send(h);
    });
    connect_one();
    endpoint.run();
    return 1;
  }
};

int main(int argc, char **argv) {
  bench_job_parse(&job, argc, argv);
  if (!job.is_secure) {
    static bench<config<websocketpp::config::asio_client>> plain;
    plain.endpoint.set_tcp_post_init_handler([](websocketpp::connection_hdl h) {
      plain.endpoint.get_con_from_hdl(h)->get_raw_socket().set_option(
          boost::asio::ip::tcp::no_delay(true));
    });
    return plain.run();
  }
  static bench<config<websocketpp::config::asio_tls_client>> secure;
  secure.endpoint.set_tls_init_handler([](websocketpp::connection_hdl) {
    return std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
  });
  return secure.run();
}
