--- A client for coroutines, and for callbacks by the same names.
-- @classmod uvws.client

local core = require("uvws.core")
local face = require("uvws.face")
local inboxes = require("uvws.inbox")
local task = require("uvws.task")

local current, new_waiter, wait, wake, with_callback =
  task.current, task.waiter, task.wait, task.wake, task.with_callback
local push, pop, pop_message = inboxes.push, inboxes.pop, inboxes.pop_message
local FIRST, LAST, WHOLE = inboxes.FIRST, inboxes.LAST, inboxes.WHOLE
local core_send, clock = require("uvws.quick").send, core.clock
local TEXT, BINARY = "text", "binary"

--- Where a client keeps our part of it; strings are free for the fields of the program.
local STATE = 2
local RECEIVE_MARK = 1048576 -- bytes in the inbox from which on nothing more is read

local Client = {}
local M = { methods = Client }

-- The inbox

local function set_paused(ws, state, is_full)
  state.is_full_inbox = is_full
  if is_full or state.is_paused then
    core.pause(ws)
  else
    core.resume(ws)
  end
end

--- Nobody waits for it: keep it, and read no more when that is enough. Only a server that goes on while the connection
-- closes, which reads again to see the end, is not kept for ever.
local function keep(ws, state, data, kind, part)
  local inbox = state.inbox
  local is_full = inbox.size >= state.receive_mark
  if is_full and state.is_closing then
    state.is_cut_off = true
    return
  end
  push(inbox, data, kind, part)
  local may_pause = not (state.is_full_inbox or state.receiver or state.is_closing)
  if may_pause and inbox.size >= state.receive_mark then
    set_paused(ws, state, true)
  end
end

local function taken(ws, state)
  if state.is_full_inbox and (state.inbox.size <= state.receive_mark / 2 or state.receiver) then
    set_paused(ws, state, false)
  end
end

--- How the connection ended, for who waits for more: nil, message, code.
local function the_end(state)
  local failure = state.failure
  if failure then return nil, failure.message, failure.code end
  return nil, state.close_reason, state.close_code
end

-- Events

local handlers = {}

function handlers.open(ws)
  local state = ws[STATE]
  state.is_open = true
  local opener = state.opener
  state.opener = nil
  if opener then wake(opener, ws) end
end

function handlers.message(ws, data, is_binary)
  local state = ws[STATE]
  local kind = is_binary and BINARY or TEXT
  if state.on_message then return state.on_message(data, kind) end
  local receiver = state.receiver
  if not receiver then return keep(ws, state, data, kind, WHOLE) end
  state.receiver = nil
  wake(receiver, data, kind, true, true)
end

local function serve_pieces(state, data, kind, is_first, is_last)
  local receiver = state.receiver
  if receiver and state.inbox.last == 0 and receiver.takes_pieces then
    state.receiver = nil
    wake(receiver, data, kind, is_first, is_last)
    return true
  end
end

function handlers.chunk(ws, data, is_binary, is_first, is_last)
  local state = ws[STATE]
  local kind = is_binary and BINARY or TEXT
  if is_last and not state.wants_chunks then core.want_chunks(ws, false) end
  if serve_pieces(state, data, kind, is_first, is_last) then return end
  keep(ws, state, data, kind, (is_first and FIRST or 0) + (is_last and LAST or 0))
  if not is_last then return end
  local receiver, on_message = state.receiver, state.on_message
  if on_message then
    on_message(pop_message(state.inbox))
  elseif receiver then
    state.receiver = nil
    wake(receiver, pop_message(state.inbox))
  end
end

function handlers.error(ws, code, message, name, status, headers, body)
  ws[STATE].failure =
    { code = code, message = message, name = name, status = status, headers = headers, body = body }
end

local function wake_all(state, list, ...)
  local waiters = state[list]
  state[list] = {}
  for _, waiter in pairs(waiters) do
    wake(waiter, ...)
  end
end

function handlers.close(ws, code, reason, was_clean)
  local state = ws[STATE]
  state.is_over, state.is_open, state.is_full = true, false, false
  state.close_code, state.close_reason, state.was_clean = code, reason, was_clean
  local opener, receiver, on_message = state.opener, state.receiver, state.on_message
  state.opener, state.receiver, state.on_message = nil, nil, nil
  local _, message, number = the_end(state)
  if opener then
    if not state.failure then message, number = "canceled", core.ECANCELED end
    wake(opener, nil, message, number, state.failure)
  end
  wake_all(state, "drains", nil, message, number)
  wake_all(state, "pings", nil, message, number)
  wake_all(state, "closers")
  if receiver then wake(receiver, nil, message, number) end
  if on_message then on_message(nil, message, number) end
end

function handlers.drain(ws)
  local state = ws[STATE]
  state.is_full = false
  wake_all(state, "drains", true)
end

--- With the option reconnect: another connection will be tried. Who waits for a Pong of the old one waits in vain.
function handlers.retry(ws, attempt, delay_ms, code, message)
  local state = ws[STATE]
  inboxes.drop_partial(state.inbox)
  wake_all(state, "pings", nil, message, code)
  handlers.drain(ws)
  local on_retry = state.on_retry
  if on_retry then on_retry(attempt, delay_ms, message, code) end
end

--- A Pong answers its Ping and all before (RFC 6455 5.5.3).
function handlers.pong(ws, data)
  local state = ws[STATE]
  local number = tonumber(data)
  if not number or not state.pings[number] then return end
  local now = clock()
  for n = state.first_ping, number do
    local waiter = state.pings[n]
    state.pings[n] = nil
    if waiter then wake(waiter, now - waiter.sent) end
  end
  state.first_ping = number + 1
end

-- Making and connecting

local function waiter_of(ws, what)
  return new_waiter(what, ws.is_scheduled and face.find_schedule())
end

local client_meta = {}

local function new(options)
  local state = {
    inbox = inboxes.new(),
    receive_mark = type(options) == "table" and rawget(options, "receive_mark") or RECEIVE_MARK,
    drains = {},
    closers = {},
    pings = {},
    first_ping = 1,
    last_ping = 0,
  }
  return face.bind(setmetatable({ false, state, false }, client_meta), handlers)
end

--- Connect and wait until the connection is open. With a callback it may be called anywhere and returns true at once;
-- callback(ws), or callback(nil, message, code, failure), comes later.
-- @tparam string uri
-- @tparam[opt] table options see uvws.ConnectOptions in lua/meta.lua
-- @tparam[opt] function callback
-- @treturn[1] uvws.client
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] integer code
-- @treturn[2] ?table failure name, and if a server answered with HTTP: status, headers, body
function M.connect(uri, options, callback)
  if type(options) == "function" then
    options, callback = nil, options
  end
  if callback then return with_callback(callback, M.connect, uri, options) end
  local waiter = new_waiter("connect")
  local ws = new(options)
  local ok, message, code = face.connect(ws, uri, options)
  if not ok then return nil, message, code end
  waiter.schedule = ws.is_scheduled and face.find_schedule()
  local state = ws[STATE]
  state.opener = waiter
  local opened, why, number, failure = wait(waiter)
  if opened then return ws end
  state.opener = nil
  if core.state(ws) ~= "closed" then core.close(ws) end
  return nil, why, number, failure
end

-- Receiving

local function wait_to_receive(ws, state, timeout, takes_pieces)
  if state.receiver or state.on_message then error("somebody else receives from this client", 3) end
  if state.is_over then return the_end(state) end
  local waiter = waiter_of(ws, "receive")
  waiter.takes_pieces = takes_pieces
  state.receiver = waiter
  taken(ws, state)
  local data, kind, is_first, is_last = wait(waiter, timeout)
  if state.receiver == waiter then state.receiver = nil end
  return data, kind, is_first, is_last
end

local function set_wants_chunks(ws, state, wanted)
  if state.wants_chunks == wanted then return end
  state.wants_chunks = wanted
  -- Back to whole messages only between two of them; see handlers.chunk.
  if wanted and not state.is_over then core.want_chunks(ws, true) end
end

--- The next message. A time-out loses nothing: what comes later waits for the next call.
-- @tparam[opt] number timeout milliseconds
-- @tparam[opt] function callback gets the results; then this returns true at once
-- @treturn[1] string message
-- @treturn[1] string kind "text" or "binary"
-- @treturn[2] nil
-- @treturn[2] string why "timed out", or why the connection ended: the reason of its Close, or an error
-- @treturn[2] integer code the close code, or the error's, which is negative
function Client:receive(timeout, callback)
  if type(timeout) == "function" then
    timeout, callback = nil, timeout
  end
  if callback then return with_callback(callback, Client.receive, self, timeout) end
  local state = self[STATE]
  if state.wants_chunks then set_wants_chunks(self, state, false) end
  local data, kind = pop_message(state.inbox)
  if data then
    taken(self, state)
    return data, kind
  end
  data, kind, timeout = wait_to_receive(self, state, timeout, false)
  if data then return data, kind end
  return nil, kind, timeout
end

--- The next piece of a message, as it arrives: for messages too large to be put together, and without the cost that
-- LuaJIT has with strings above 128 KiB.
-- @tparam[opt] number timeout milliseconds
-- @tparam[opt] function callback gets the results; then this returns true at once
-- @treturn[1] string piece up to 64 KiB, or a whole message that had arrived already; the last may be empty
-- @treturn[1] string kind
-- @treturn[1] boolean is_first
-- @treturn[1] boolean is_last
-- @treturn[2] nil
-- @treturn[2] string why as in receive
-- @treturn[2] integer code
function Client:receive_chunk(timeout, callback)
  if type(timeout) == "function" then
    timeout, callback = nil, timeout
  end
  if callback then return with_callback(callback, Client.receive_chunk, self, timeout) end
  local state = self[STATE]
  set_wants_chunks(self, state, true)
  local data, kind, part = pop(state.inbox)
  if not data then return wait_to_receive(self, state, timeout, true) end
  taken(self, state)
  return data, kind, part % 2 == 1, part >= LAST
end

--- For each message; ends with the connection.
--
--    for message, kind in ws:messages() do print(kind, message) end
--
-- With a callback, each message is given to it, and at the end nil, why, code.
-- @tparam[opt] function callback
function Client:messages(callback)
  if not callback then return function() return self:receive() end end
  local state = self[STATE]
  if state.receiver or state.on_message then error("somebody else receives from this client", 2) end
  return with_callback(function() end, function()
    task.sleep(0)
    while true do
      local data, kind = pop_message(state.inbox)
      if not data then break end
      taken(self, state)
      callback(data, kind)
    end
    if state.is_over then return callback(the_end(state)) end
    set_wants_chunks(self, state, false)
    state.on_message = callback
    taken(self, state)
  end)
end

--- For each piece of each message; ends with the connection.
--
--    for piece, kind, is_first, is_last in ws:chunks() do file:write(piece) end
function Client:chunks()
  return function() return self:receive_chunk() end
end

local has_ffi, ffi = pcall(require, "ffi")
local cast = has_ffi and ffi.cast
local bytes_pointer = has_ffi and ffi.typeof("const uint8_t *")

--- Each message from now on as an ffi pointer (const uint8_t *) and a length, without a Lua string: valid until
-- callback returns. callback(nil, why, code) comes at the end. It takes the place of receive.
-- @tparam function callback callback(pointer, length, kind)
-- @return true
function Client:views(callback)
  local state = self[STATE]
  if type(callback) ~= "function" then error("bad argument #1 to 'views' (function expected)", 2) end
  if not has_ffi then error("views needs ffi, which this Lua has not", 2) end
  if self.is_scheduled then error("a view lives in its callback: not together with the option schedule", 2) end
  if state.receiver or state.on_message then error("somebody else receives from this client", 2) end
  local with_view = {}
  for name, handler in pairs(handlers) do
    with_view[name] = handler
  end
  function with_view.view(_, pointer, length, is_binary)
    return callback(cast(bytes_pointer, pointer), length, is_binary and BINARY or TEXT)
  end
  self:messages(function(data, kind, code)
    if data then return callback(cast(bytes_pointer, data), #data, kind) end
    return callback(nil, kind, code)
  end)
  face.handle(self, with_view)
  return true
end

-- Sending

local function wait_for_drain(ws, state)
  local waiter = waiter_of(ws, "send")
  state.drains[waiter] = waiter
  local ok, message, code = wait(waiter)
  state.drains[waiter] = nil
  return ok, message, code
end

local function note_mark(state, ok, second, code)
  if second == true then
    state.is_full = true
    return true
  end
  return ok, second, code
end

--- A function that makes closures is not compiled, so that send has this beside it.
local function send_with_callback(ws, data, kind, how, callback)
  if type(kind) == "function" then kind, callback = nil, kind end
  if type(how) == "function" then how, callback = nil, how end
  return note_mark(ws[STATE], core_send(ws, data, kind, how, function(status, message, code)
    callback(status and true, message, code)
  end))
end

--- Queue a message. Inside a coroutine it waits first while the queue is above high_water_mark: what was not queued
-- because of a time-out is not sent. With a callback it never waits; callback(true), or callback(nil, message, code),
-- comes when the bytes are handed to the kernel.
-- @tparam string data
-- @tparam[opt="text"] string kind "text" or "binary"
-- @tparam[opt] string how "compressed" or "plain", whatever the threshold of compression says
-- @tparam[opt] function callback
-- @return true, or nil, message, code
function Client:send(data, kind, how, callback)
  local state = self[STATE]
  if callback or type(how) == "function" or type(kind) == "function" then
    return send_with_callback(self, data, kind, how, callback)
  end
  if state.is_full and current() then
    local ok, message, code = wait_for_drain(self, state)
    if not ok then return nil, message, code end
  end
  local ok, second, code = core_send(self, data, kind, how)
  if second ~= true then return ok, second, code end
  state.is_full = true
  return true
end

--- Begin a message that is sent in pieces; until message_end no other can be sent.
-- @tparam[opt="text"] string kind
-- @tparam[opt] string how "compressed" or "plain"
-- @return true, or nil, message, code
function Client:message_begin(kind, how)
  return note_mark(self[STATE], core.message_begin(self, kind, how))
end

--- A piece of it, which leaves at once. Waits as send does.
-- @tparam string data
-- @return true, or nil, message, code
function Client:message_write(data)
  local state = self[STATE]
  if state.is_full and current() then
    local ok, message, code = wait_for_drain(self, state)
    if not ok then return nil, message, code end
  end
  return note_mark(state, core.message_write(self, data))
end

--- Its end.
-- @return true, or nil, message, code
function Client:message_end()
  return note_mark(self[STATE], core.message_end(self))
end

-- The connection

--- Send a Ping and wait for its Pong.
-- @tparam[opt] number timeout milliseconds
-- @tparam[opt] function callback gets the results; then this returns true at once
-- @treturn[1] number the round-trip time in milliseconds
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] integer code
function Client:ping(timeout, callback)
  if type(timeout) == "function" then
    timeout, callback = nil, timeout
  end
  if callback then return with_callback(callback, Client.ping, self, timeout) end
  local state = self[STATE]
  local waiter = waiter_of(self, "ping")
  local number = state.last_ping + 1
  local ok, message, code = core.ping(self, tostring(number))
  if not ok then return nil, message, code end
  state.last_ping = number
  waiter.sent = clock()
  state.pings[number] = waiter
  return wait(waiter, timeout)
end

--- Start the closing handshake behind what is queued, and inside a coroutine wait for its end. What arrives meanwhile
-- can still be received.
-- @tparam[opt=1000] integer code
-- @tparam[opt] string reason UTF-8, at most 123 bytes
-- @tparam[opt] function callback gets the results; then this returns true at once
-- @treturn[1] boolean true when both sides said Close; outside a coroutine when it has begun
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] integer code
function Client:close(code, reason, callback)
  if type(code) == "function" then
    code, callback = nil, code
  elseif type(reason) == "function" then
    reason, callback = nil, reason
  end
  if callback then return with_callback(callback, Client.close, self, code, reason) end
  local ok, message, number = core.close(self, code, reason)
  if not ok then return nil, message, number end
  local state = self[STATE]
  state.is_closing = true
  if not current() then return true end
  if not state.is_over then
    local waiter = waiter_of(self, "close")
    state.closers[waiter] = waiter
    ok, message, number = wait(waiter)
    state.closers[waiter] = nil
    if not state.is_over then return ok, message, number end
  end
  if state.was_clean then return true end
  return the_end(state)
end

--- Stop reading, until resume. A paused client notices neither Pings nor the end of its peer.
function Client:pause()
  self[STATE].is_paused = true
  core.pause(self)
end

--- Read again.
function Client:resume()
  local state = self[STATE]
  state.is_paused = false
  if not state.is_full_inbox then core.resume(self) end
end

--- With the option reconnect: callback(attempt, delay_ms, why, code) before each wait for another connection.
-- @tparam ?function callback
function Client:on_retry(callback)
  self[STATE].on_retry = callback
end

--- What TLS agreed on: version, cipher, alpn, is_resumed, and certificates, each with subject, issuer, not_before,
-- not_after, sha256, public_key_pin and pem.
-- @function Client:tls_info
-- @treturn[1] table
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] integer code
Client.tls_info = core.tls_info

--- A field of the server's answer to the handshake.
-- @function Client:header
-- @tparam string name without regard to case
-- @treturn ?string
Client.header = core.header

--- The client's numbers in Prometheus' text format.
-- @function Client:prometheus
-- @tparam[opt] string labels what stands between the braces
-- @treturn string
Client.prometheus = core.prometheus

--- Properties: state ("closed", "connecting", "open", "closing"), buffered (bytes queued to be sent), protocol (what
-- the server chose), queued (bytes received and not asked for), stats (a table of all counters), each counter by its
-- name (messages_in, bytes_out, rtt_last_us, ...), and after the end close_code, close_reason, was_clean, and failure,
-- a table with code, message, name, and if a server answered with HTTP status, headers and body.
-- @table properties
local properties = { state = core.state, buffered = core.buffered, protocol = core.protocol, stats = core.stats }

function properties.queued(ws) return ws[STATE].inbox.size end

for _, name in ipairs({ "close_code", "close_reason", "was_clean", "failure" }) do
  properties[name] = function(ws) return ws[STATE][name] end
end

for name in pairs(core.stats()) do
  if not properties[name] and name ~= "open" then
    properties[name] = function(ws) return core.stats(ws)[name] end
  end
end

function client_meta.__index(ws, key)
  local method = Client[key]
  if method ~= nil then return method end
  local property = properties[key]
  if property then return property(ws) end
end

function client_meta.__tostring(ws)
  return ("uvws client (%s)"):format(core.state(ws))
end

return M
