/*
 * uvws in C++17: a class that owns a client, with callbacks that may be any callable. Copy it and
 * change it: a wrapper's taste is its user's.
 *
 *   c++ -std=c++17 wrapper.cpp -o wrapper $(pkg-config --cflags --libs uvws)
 *   ./wrapper ws://127.0.0.1:8080/
 */
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <uv.h>
#include <uvws.h>

namespace ws {

struct Error : std::runtime_error {
  explicit Error(int code) : std::runtime_error(uvws_strerror(code)), code(code) {
  }
  int code;
};

inline void check(int code) {
  if (code < 0) throw Error(code);
}

struct ContextDeleter {
  void operator()(uvws_context_t *context) const {
    uvws_context_free(context);
  }
};
using Context = std::unique_ptr<uvws_context_t, ContextDeleter>;

inline Context make_context(uv_loop_t *loop) {
  uvws_context_t *context = nullptr;
  check(uvws_context_new(loop, nullptr, &context));
  return Context(context);
}

/* Not copied and not moved: the library knows its address. It may be destroyed at any time, inside
 * its own callbacks too, and hears nothing more from then on. */
class Client {
public:
  std::function<void()> on_open;
  std::function<void(std::string_view data, uvws_kind_t kind)> on_message;
  std::function<void(const uvws_error_t &error)> on_error;
  std::function<void(const uvws_close_info_t &info)> on_close;

  explicit Client(const Context &context) {
    uvws_callbacks_t callbacks{};
    callbacks.size = sizeof callbacks;
    callbacks.on_open = [](uvws_t *, void *self) { call(of(self).on_open); };
    callbacks.on_message = [](uvws_t *, uvws_kind_t kind, const uint8_t *data, size_t len,
                              void *self) {
      call(of(self).on_message, std::string_view(reinterpret_cast<const char *>(data), len), kind);
    };
    callbacks.on_error = [](uvws_t *, const uvws_error_t *error, void *self) {
      call(of(self).on_error, *error);
    };
    callbacks.on_close = [](uvws_t *, const uvws_close_info_t *info, void *self) {
      call(of(self).on_close, *info);
    };
    check(uvws_new(context.get(), &callbacks, this, &client));
  }
  ~Client() {
    uvws_set_callbacks(client, nullptr);
    uvws_free(client);
  }
  Client(const Client &) = delete;
  Client &operator=(const Client &) = delete;

  void connect(const std::string &uri, uvws_options_t options = {}) {
    options.size = sizeof options;
    options.uri = uri.c_str();
    check(uvws_connect(client, &options));
  }
  void send(std::string_view text) {
    check(uvws_send_text(client, text.data(), text.size(), nullptr, nullptr));
  }
  void close(int code = 1000, std::string_view reason = {}) {
    check(uvws_close(client, code, reason.data(), reason.size()));
  }
  uvws_t *get() const {
    return client;
  }

private:
  static Client &of(void *self) {
    return *static_cast<Client *>(self);
  }
  /* A copy is called, so that a callable may destroy its own client. */
  template <class F, class... Arguments> static void call(F function, Arguments &&...arguments) {
    if (function) function(std::forward<Arguments>(arguments)...);
  }
  uvws_t *client = nullptr;
};

} // namespace ws

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: wrapper URI\n";
    return 2;
  }
  int status = 1;
  {
    ws::Context context = ws::make_context(uv_default_loop());
    auto client = std::make_unique<ws::Client>(context);
    client->on_open = [&] { client->send("hello from C++"); };
    client->on_message = [&](std::string_view data, uvws_kind_t) {
      std::cout << "text: " << data << "\n";
      client->close();
    };
    client->on_error = [](const uvws_error_t &error) { std::cerr << error.message << "\n"; };
    client->on_close = [&](const uvws_close_info_t &info) {
      std::cout << "closed: " << info.code << "\n";
      status = info.was_clean ? 0 : 1;
      client.reset();
    };
    try {
      client->connect(argv[1]);
    } catch (const ws::Error &error) {
      std::cerr << error.what() << "\n";
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return uv_loop_close(uv_default_loop()) == 0 ? status : 1;
}
