-- For `luarocks make` in this folder. The C library is built by Meson, which also finds what it needs; nothing is
-- downloaded.
rockspec_format = "3.0"
package = "uvws"
version = "scm-1"

source = {
  url = "git+file://.", -- `luarocks make` does not look here
}

description = {
  summary = "WebSocket clients on a libuv loop, for coroutines and callbacks",
  detailed = [[
A WebSocket client (RFC 6455) that never blocks: wss:// verified by default, compression, proxies, keep-alive,
reconnection, back-pressure. Runs on its own loop, on luv's and inside Neovim.]],
  license = "MIT",
}

supported_platforms = { "unix" }

dependencies = { "lua == 5.1" } -- LuaJIT 2.1

external_dependencies = {
  LIBUV = { header = "uv.h" },
  OPENSSL = { header = "openssl/ssl.h" },
  WSLAY = { header = "wslay/wslay.h" },
  URIPARSER = { header = "uriparser/Uri.h" },
  ZLIB = { header = "zlib.h" },
}

build = {
  type = "command",
  build_command = "meson setup build-rock --buildtype=release -Dtests=disabled && ninja -C build-rock lua/uvws/core.so",
  install = {
    lua = {
      ["uvws"] = "lua/uvws.lua",
      ["uvws.client"] = "lua/uvws/client.lua",
      ["uvws.face"] = "lua/uvws/face.lua",
      ["uvws.inbox"] = "lua/uvws/inbox.lua",
      ["uvws.loop"] = "lua/uvws/loop.lua",
      ["uvws.quick"] = "lua/uvws/quick.lua",
      ["uvws.task"] = "lua/uvws/task.lua",
      ["uvws.timers"] = "lua/uvws/timers.lua",
      ["plugin.websockets"] = "lua/plugin/websockets.lua",
    },
    lib = {
      ["uvws.core"] = "build-rock/lua/uvws/core.so",
    },
  },
}
