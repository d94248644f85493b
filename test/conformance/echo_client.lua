-- An echo client through plugin.websockets: what echo_client.c is for C.
--
--   uvws run echo_client.lua URI           echoes until the connection is closed
--   uvws run echo_client.lua --suite URI   goes through the plan of test/conformance/server.py
--
-- Pings and pongs are not seen here: the plugin's API has no event for them.

local WebSockets = require("plugin.websockets")

local is_suite = arg[1] == "--suite"
local uri = arg[is_suite and 2 or 1]
if not uri then
  io.stderr:write("usage: echo_client.lua [--suite] URI\n")
  os.exit(2)
end

local ws = WebSockets.new()
local plan -- nil: not here yet
local close_code
local next_line

-- These go into the table of the option compression, some of them by shorter names.
local function is_of_compression(name)
  return name:match("^compression_") or name:match("_takeover$") or name:match("_max_window_bits$")
end

local function read_value(name, value)
  if name:match("_takeover$") then return value == "1" end
  return tonumber(value)
end

local function read_options(words)
  local options = {}
  close_code = nil
  for name, value in words:gmatch("(%S+)=(%S+)") do
    if name == "open" then
      close_code = tonumber(value:match("^close:(%d+)$"))
    elseif name == "compression" then
      options.compression = value ~= "1"
    elseif is_of_compression(name) then
      options.compression = options.compression or {}
      options.compression[name:gsub("^compression_", "")] = read_value(name, value)
    else
      options[name] = tonumber(value)
    end
  end
  return options
end

local function run_next()
  local line = next_line()
  if not line then return end
  local name, words = line:match("^(%S+)(.*)$")
  print("case " .. name)
  assert(ws:connect(uri .. "/case/" .. name, read_options(words)))
end

local function hex(text)
  return (text:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end))
end

local function on_message(event)
  if is_suite and not plan then
    plan = event.data
    next_line = plan:gmatch("[^\n]+")
    return
  end
  if is_suite then print((event.isBinary and "binary " or "text ") .. #event.data) end
  ws:send(event.data, event.isBinary and ws.BINARY or ws.TEXT)
end

local is_running = false -- a line of the plan

local function on_close(event)
  if is_running then
    print(("close %d %d %s"):format(event.code, event.wasClean and 1 or 0, hex(event.reason)))
    print("end")
    io.stdout:flush()
  end
  if not is_suite then os.exit(event.wasClean and 0 or 1) end
  is_running = true
  run_next()
end

ws:addEventListener(ws.WSEVENT, function(event)
  if event.type == ws.ONOPEN and is_running then
    print("open")
    if close_code then ws:disconnect(close_code) end
  elseif event.type == ws.ONMESSAGE then
    on_message(event)
  elseif event.type == ws.ONERROR then
    if is_running then print("error " .. event.error) end
  elseif event.type == ws.ONCLOSE then
    on_close(event)
  end
end)

assert(ws:connect(is_suite and uri .. "/plan" or uri))
