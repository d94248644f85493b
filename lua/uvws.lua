--- WebSocket clients for coroutines and callbacks.
--
--    local uvws = require("uvws")
--
--    uvws.run(function()
--      local ws = assert(uvws.connect("wss://example.org/feed"))
--      ws:send("hello")
--      for message, kind in ws:messages() do print(kind, message) end
--    end)
--
-- Inside a coroutine the functions wait; with a callback as their last argument they do not, and may be called
-- anywhere.
-- What fails at run time returns nil, a message and a code; only misuse raises. Times are in milliseconds.
-- @module uvws

local core = require("uvws.core")
local client = require("uvws.client")
local face = require("uvws.face")
local loop = require("uvws.loop")
local quick = require("uvws.quick")
local task = require("uvws.task")

local unpack = table.unpack or unpack

local uvws = {
  _VERSION = core._VERSION,
  TEXT = "text",
  BINARY = "binary",
  TLS_1_0 = "TLS_V1",
  TLS_1_1 = "TLS_V1_1",
  TLS_1_2 = "TLS_V1_2",
  TLS_1_3 = "TLS_V1_3",
}

--- Connect and wait until the connection is open; see @{uvws.client.connect}.
-- @function connect
-- @tparam string uri
-- @tparam[opt] table options
-- @tparam[opt] function callback callback(ws), or callback(nil, message, code, failure)
-- @return a @{uvws.client}, or nil, message, code, failure
uvws.connect = client.connect

--- Run fn(...) in a coroutine of its own: at once, until it waits. An error in it goes to the error handler.
-- @tparam function fn
-- @param ... its arguments
-- @treturn table a task: task:join([timeout]) waits for its end and returns what fn returned
function uvws.spawn(fn, ...)
  return task.start(core.report, fn, ...)
end

local function results(main)
  if not main.is_done then return nil, "the function waits, and nothing is left that could wake it" end
  return unpack(main.results, 1, main.count)
end

--- Turn the loop until nothing is active any more; with fn, run fn(...) in a coroutine first. Not from inside a
-- callback or a coroutine of the loop, where it raises.
-- @tparam[opt] function fn
-- @param ... its arguments
-- @return what fn returned, else true; an error in fn is raised here at once
function uvws.run(fn, ...)
  if fn == nil then return loop.run() end
  if core.is_turning() then error("run() was called from inside a callback: use spawn there", 2) end
  local main = task.start(loop.stop, fn, ...)
  if not main.is_done or main.is_ok then loop.run() end
  if main.is_done and not main.is_ok then error(main.results[1], 0) end
  return results(main)
end

--- A value that will come: future:set(...) gives it, future:join([timeout]) waits for it, in any number of coroutines.
-- @function future
-- @treturn table
uvws.future = task.future

--- Wait; or with a callback, have it called then.
-- @tparam number ms
-- @tparam[opt] function callback
-- @return true, or nil, "timed out", code at an earlier deadline of @{timeout}
function uvws.sleep(ms, callback)
  if callback then return task.with_callback(callback, task.sleep, ms) end
  return task.sleep(ms)
end

--- Run fn(...) in this coroutine with a deadline for all that it waits for: behind it every wait returns nil,
-- "timed out", code, so that fn comes to its end with what it has.
-- @tparam number ms
-- @tparam function fn
-- @param ... its arguments
-- @return what fn returns
uvws.timeout = task.timeout

--- Close every connection of this Lua state, and wait for the last.
-- @tparam[opt=1000] integer code
-- @tparam[opt] string reason
-- @tparam[opt] number timeout_ms what is left then is cut
-- @tparam[opt] function callback
-- @return how many had to be cut, or nil, message, code
function uvws.close_all(code, reason, timeout_ms, callback)
  if callback then return task.with_callback(callback, uvws.close_all, code, reason, timeout_ms) end
  local waiter = task.waiter("close_all")
  local ok, message, number = core.close_all(function(...) task.wake(waiter, ...) end, code, reason, timeout_ms)
  if not ok then return nil, message, number end
  return task.wait(waiter)
end

--- The sum of all clients' counters.
-- @treturn table
function uvws.stats()
  return core.stats()
end

--- The same in Prometheus' text format.
-- @tparam[opt] string labels
-- @treturn string
function uvws.prometheus(labels)
  return core.prometheus(nil, labels)
end

--- What a retry event is worth by the library's own judgement: for a reconnect.should_retry that only adds to it.
-- Yes: errors of the network, time-outs, HTTP 408, 425, 429 and 5xx, close codes 1001, 1006 and 1011 to 1014.
-- @function should_retry
-- @tparam table event
-- @treturn boolean
uvws.should_retry = core.should_retry

local function print_event(event)
  io.stderr:write("uvws: ", event.level, ": ", event.text, "\n")
end

--- Have what all clients do told to fn(event), or without fn written to standard error. The levels are "error"
-- (connections that fail), "warn" (that will be tried again), "info" (changes of state), "debug" (the heads of the
-- handshake) and "frames", each with those before it, and "off". Payload and credentials are not shown.
--
-- An event has level, kind ("text", "head_out", "head_in", "frame_out", "frame_in"), text (a line), time_ms (when it
-- happened, since some time in the past), target (the client, nil when it is closed by then), and of a frame opcode,
-- fin, rsv and payload_len. Events are kept until the loop turns, and come before the callback that they led to; fn may
-- do anything. At most 4,096 are kept; of those beyond the number is told.
-- @tparam string level
-- @tparam[opt] function fn
function uvws.trace(level, fn)
  core.trace(level, fn or print_event)
end

--- The symbolic name of a code, "UVWS_EHTTP_STATUS" or "ECONNREFUSED".
-- @function error_name
-- @tparam integer code
-- @treturn string
uvws.error_name = core.error_name

--- fn(message) hears of errors in coroutines and callbacks, with their tracebacks; nil: standard error.
-- @function set_error_handler
-- @tparam ?function fn
-- @treturn ?function the one before
uvws.set_error_handler = core.set_error_handler

--- For faces of one's own, as plugin.websockets: make a table a client with handlers for its events.
-- @function bind
-- @tparam table self
-- @tparam table handlers see lua/uvws/face.lua
-- @treturn table self
uvws.bind = face.bind

--- The methods for such a table.
-- @table methods
-- @field connect connect(self, uri, options)
-- @field send send(self, data, kind, how, fn)
-- @field close close(self, code, reason)
-- @field ping ping(self, data)
-- @field pause pause(self)
-- @field resume resume(self)
uvws.methods = {
  connect = face.connect,
  send = quick.send,
  close = core.close,
  ping = core.ping,
  pause = core.pause,
  resume = core.resume,
}

return uvws
