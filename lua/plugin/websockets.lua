--- The WebSockets plugin's API (see examples/simple.lua), on the uvws library.
--
--   local WebSockets = require("plugin.websockets")
--   local ws = WebSockets.new()
--   ws:addEventListener(ws.WSEVENT, function(event) print(event.type, event.data) end)
--   ws:connect("wss://example.org/feed")
--   WebSockets.run()
-- @module plugin.websockets

local uvws = require("uvws")
local core = require("uvws.core")

local constants = {
  WSEVENT = "WsEvent0",
  ONOPEN = "OnOpen0",
  ONMESSAGE = "OnMessage0",
  ONCLOSE = "OnClose0",
  ONERROR = "OnError0",
  TLS_1_0 = "TLS_V1",
  TLS_1_1 = "TLS_V1_1",
  TLS_1_2 = "TLS_V1_2",
  TLS_1_3 = "TLS_V1_3",
  TEXT = "text",
  BINARY = "binary",
  -- Old names that programs may pass as options; they mean nothing here.
  OFF = 0,
  LOW = 33,
  MEDIUM = 66,
  HIGH = 1000,
  P7 = "7",
  P8 = "8",
  P13 = "13",
}

local WSEVENT, ONMESSAGE = constants.WSEVENT, constants.ONMESSAGE
local TEXT, BINARY = constants.TEXT, constants.BINARY

--- Where a client keeps its listeners; its other numbers are uvws's. Strings are free for the fields of the program.
local LISTENERS = 2

local xpcall, setmetatable, rawset, type = xpcall, setmetatable, rawset, type
local traceback, report = core.traceback, core.report

local Client = {}
local client_meta = { __index = Client }

-- Events

--- event.message repeats data and type; it is made when a program reads it.
local message_meta = {
  __index = function(event, key)
    if key ~= "message" then return nil end
    local message = { data = event.data, type = event.isBinary and BINARY or TEXT }
    rawset(event, "message", message)
    return message
  end,
}

local function call_method(listener, event)
  return listener[WSEVENT](listener, event)
end

--- Each listener in order. The list is never changed once it is made (see add and remove), so that a listener added
--- meanwhile waits for the next event; one removed meanwhile is no longer alive.
local function dispatch(ws, event)
  local list = ws[LISTENERS]
  for i = 1, #list do
    local entry = list[i]
    local listener = entry.listener
    if entry.is_alive then
      local ok, err
      if type(listener) == "function" then
        ok, err = xpcall(listener, traceback, event)
      else
        ok, err = xpcall(call_method, traceback, listener, event)
      end
      if not ok then report(err) end
    end
  end
end

local handlers = {}

function handlers.open(ws)
  dispatch(ws, { name = WSEVENT, type = constants.ONOPEN, target = ws })
end

function handlers.message(ws, data, is_binary)
  dispatch(
    ws,
    setmetatable({ name = WSEVENT, type = ONMESSAGE, data = data, isBinary = is_binary, target = ws }, message_meta)
  )
end

function handlers.error(ws, code, reason, name, status, headers, body)
  dispatch(ws, {
    name = WSEVENT,
    type = constants.ONERROR,
    code = code,
    reason = reason,
    error = name,
    status = status,
    headers = headers,
    body = body,
    target = ws,
  })
end

function handlers.close(ws, code, reason, was_clean)
  dispatch(ws, {
    name = WSEVENT,
    type = constants.ONCLOSE,
    code = code,
    reason = reason,
    wasClean = was_clean,
    target = ws,
  })
end

-- Listeners

local function check_listener(ws, name, listener, method)
  if getmetatable(ws) ~= client_meta then
    error(("calling '%s' on bad self (WebSocket client expected, got %s)"):format(method, type(ws)), 3)
  end
  if name ~= WSEVENT then
    local got = type(name) == "string" and ("%q"):format(name) or type(name)
    error(("bad argument #1 to '%s' (event must be WSEVENT, got %s)"):format(method, got), 3)
  end
  if type(listener) ~= "function" and type(listener) ~= "table" then
    local got = type(listener)
    error(("bad argument #2 to '%s' (handler must be a function or a table, got %s)"):format(method, got), 3)
  end
end

--- Hear the client's events: a function, or a table whose method of the event's name is called. Twice the same one
--- hears everything twice. Returns true.
function Client:addEventListener(event, handler)
  check_listener(self, event, handler, "addEventListener")
  local old = self[LISTENERS]
  local list = {}
  for i = 1, #old do
    list[i] = old[i]
  end
  list[#list + 1] = { listener = handler, is_alive = true }
  self[LISTENERS] = list
  return true
end

--- Take back one addEventListener. Returns true, or nil when there was none.
function Client:removeEventListener(event, handler)
  check_listener(self, event, handler, "removeEventListener")
  local found
  local list = {}
  for _, entry in ipairs(self[LISTENERS]) do
    if not found and entry.listener == handler then
      found = entry
    else
      list[#list + 1] = entry
    end
  end
  if not found then return nil end
  found.is_alive = false
  self[LISTENERS] = list
  return true
end

-- The connection; see lua/meta.lua for the types.

Client.connect = uvws.methods.connect
Client.disconnect = uvws.methods.close
Client.send = uvws.methods.send

function Client.getVersion()
  return uvws._VERSION
end

-- The module

local WebSockets = { _VERSION = uvws._VERSION }

for name, value in pairs(constants) do
  Client[name] = value
  WebSockets[name] = value
end

--- A new client.
function WebSockets.new()
  return uvws.bind(setmetatable({ false, {} }, client_meta), handlers)
end

--- Turn the loop until nothing is active any more. Not from inside a listener. A host that turns a libuv loop itself
--- (luv, Neovim) need not call it.
function WebSockets.run()
  return uvws.run()
end

--- fn(message) hears of errors that listeners raise, with their tracebacks; nil: they go to standard error. Returns
--- the handler before.
WebSockets.setErrorHandler = uvws.set_error_handler

return WebSockets
