-- The user of fuzz_lua.c: every decision is a byte of the input. Called with the function that reads one.

local next_byte = ...
local core = require("uvws.core")
local uvws = require("uvws")
local websockets = require("plugin.websockets")

-- Functions that are not called under any name, and why.
local SKIPPED = {
  [core.set_error_handler] = "without ours, errors would fill standard error",
  [core.on_signal] = "takes the fuzzer's signals",
}
local DEPTH_MAX = 4 -- of callbacks that call

local function byte()
  return next_byte() or 0
end

-- All functions, each at a number that comes of its name, so that an input keeps its meaning when others are added.

local function number_of(name)
  local number = 0
  for i = 1, #name do
    number = (number * 31 + name:byte(i)) % 65521
  end
  return number
end

local functions = {}

local function add_functions(prefix, module)
  for name, fn in pairs(module) do
    local whole = prefix .. tostring(name)
    if type(fn) == "function" and not SKIPPED[fn] then
      functions[#functions + 1] = { fn = fn, name = whole, number = number_of(whole) }
    end
  end
end

add_functions("core.", core)
add_functions("uvws.", uvws)
add_functions("client:", require("uvws.client").methods)
add_functions("websockets.", websockets)
add_functions("websocket:", getmetatable(websockets.new()).__index)
table.sort(functions, function(a, b)
  if a.number ~= b.number then return a.number < b.number end
  return a.name < b.name
end)

local function find_function(number)
  for _, entry in ipairs(functions) do
    if entry.number >= number then return entry.fn end
  end
  return functions[1].fn
end

-- What calls returned, and what callbacks were given: arguments for the next calls.

local things, thing_count = {}, 0

local function keep(...)
  for i = 1, math.min(select("#", ...), 3) do
    local value = select(i, ...)
    if type(value) ~= "nil" and type(value) ~= "boolean" and type(value) ~= "number" then
      thing_count = thing_count + 1
      things[thing_count % 12] = value
    end
  end
end

local NUMBERS = { 0, 1, -1, 5, 1000, 1001, 1005, 3000, 65536, 2 ^ 31, 2 ^ 53, -2 ^ 63, 0.5, 1 / 0, -1 / 0, 0 / 0 }
local STRINGS = {
  "", "text", "binary", "compressed", "plain", "ws://a/", "ws://user:word@b:81/?x", "http://proxy", "socks5h://proxy",
  "chat", "\255", ("a"):rep(126), ("\195\164"):rep(700), websockets.WSEVENT, uvws.TLS_1_2, "retry", "X: y\r\n",
}
local OPTIONS = {
  "port", "headers", "protocols", "origin", "connect_timeout_ms", "handshake_timeout_ms", "close_timeout_ms",
  "ping_interval_ms", "pong_timeout_ms", "idle_timeout_ms", "max_message_size", "max_fragments", "compression", "tls",
  "ca_pem", "alpn", "on_verify", "high_water_mark", "low_water_mark", "max_buffered", "attempt_timeout_ms", "proxy",
  "proxy_headers", "max_redirects", "bearer_token", "reconnect", "schedule", "receive_mark", "level", "threshold",
  "delay_ms", "max_attempts", "keep_bytes", "should_retry", "before_attempt", "no_jitter", "no such option",
  "on_key_password", "protocol", "throttle",
}

local depth = 0
local act

--- A callback of the user's. It may do what anybody may, raise, or try to wait.
local function hook(...)
  keep(...)
  local what = byte()
  if what >= 128 and depth < DEPTH_MAX then
    depth = depth + 1
    pcall(act)
    depth = depth - 1
  end
  if what % 16 == 1 then error("raised by the hook") end
  if what % 16 == 2 and coroutine.running() then return coroutine.yield(what) end
  if what % 16 == 3 then return "value", what end
  return what % 2 == 0
end

local value

local function options()
  local made = {}
  for _ = 1, byte() % 5 do
    made[OPTIONS[byte() % #OPTIONS + 1]] = value()
  end
  return made
end

local function client()
  for i = 0, 11 do
    local thing = things[(thing_count - i) % 12]
    if type(thing) == "table" and type(thing[1]) == "userdata" then return thing end
  end
end

function value()
  local what = byte()
  local kind, index = what % 16, math.floor(what / 16)
  if kind == 0 then return nil end
  if kind == 1 then return index % 2 == 0 end
  if kind == 2 then return NUMBERS[index + 1] end
  if kind == 3 then return STRINGS[index + 1] end
  if kind == 4 then return STRINGS[byte() % #STRINGS + 1] end
  if kind == 5 or kind == 6 then return hook end
  if kind == 7 then return function(...) return hook(...) end end
  if kind == 8 then return things[index % 12] end
  if kind == 9 then return options() end
  if kind == 10 then return { value(), value() } end
  if kind == 11 then return { open = hook, message = hook, chunk = hook, drain = hook, close = hook, error = hook } end
  if kind == 12 then return setmetatable({}, { __index = hook, __tostring = hook }) end
  if kind == 13 then return index % 2 == 0 and io.stdout or newproxy(true) end
  if kind == 14 then return client() and client()[1] end
  return client()
end

local function call_any()
  local fn = find_function(byte() * 256 + byte())
  local count = byte() % 6
  local first = count > 0 and client() or nil
  if byte() >= 128 then first = value() end
  keep(fn(first, value(), count > 2 and value() or nil, count > 3 and value() or nil))
end

local function converse()
  local ws = uvws.connect("ws://a/", options())
  keep(ws)
  act()
  if ws then
    ws:send("hello")
    keep(ws:receive(byte()))
    ws:close()
  end
end

local actions = {
  [0] = function() collectgarbage() end,
  function() collectgarbage("step", byte()) end,
  function() keep(websockets.new()) end,
  function()
    local ws = websockets.new()
    keep(ws)
    ws:addEventListener(ws.WSEVENT, hook)
    ws:connect("ws://a/", options())
  end,
  function() keep(uvws.spawn(converse)) end,
  function() keep(uvws.spawn(call_any)) end,
  function() keep(uvws.connect("ws://a/", options(), hook)) end,
  function() core.turn() end,
  function() core.turn() end,
  function() uvws.run() end,
  function() things[byte() % 12] = nil end,
  function()
    local thread = things[byte() % 12]
    if type(thread) == "thread" then keep(coroutine.resume(thread, value())) end
  end,
}

function act(what)
  local action = actions[(what or byte()) % 20]
  if action then return action() end
  return call_any()
end

core.set_error_handler(function() end)
if byte() % 2 == 0 and jit then jit.off() end
for what in next_byte do
  pcall(act, what)
end
