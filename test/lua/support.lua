--- What the specs share: the peers' addresses, a conversation with one of them, child processes.

local WebSockets = require("plugin.websockets")
local core = require("uvws.core")
local luassert = require("luassert")

local unpack = table.unpack or unpack

local M = {}

function M.port(name)
  return tonumber(os.getenv("UVWS_PORT_" .. name))
end

function M.uri(name, path)
  local scheme = name:match("^TLS") and "wss" or "ws"
  return ("%s://127.0.0.1:%d/%s"):format(scheme, M.port(name), path or "echo")
end

M.ca_file = os.getenv("UVWS_CA_FILE")
M.lua = os.getenv("UVWS_LUA")
M.program = os.getenv("UVWS_PROGRAM")
M.examples = os.getenv("UVWS_EXAMPLES")

--- With UVWS_GC_STRESS everything that can be collected is, in every listener and all the time between.
local gc_stress = os.getenv("UVWS_GC_STRESS")
if gc_stress then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 1000)
end

local SHORT = {
  [WebSockets.ONOPEN] = "open",
  [WebSockets.ONMESSAGE] = "message",
  [WebSockets.ONERROR] = "error",
  [WebSockets.ONCLOSE] = "close",
}

--- Note the client's events in a list that also has them by their short names: list.close is the last close, and
--- list.order is "open message close". `on` has a function(ws, event) for short names.
function M.listen(ws, on)
  local events = { order = "" }
  ws:addEventListener(ws.WSEVENT, function(event)
    if gc_stress then collectgarbage() end
    local short = SHORT[event.type]
    events[#events + 1] = event
    events[short] = event
    events.order = (events.order .. " " .. short):gsub("^ ", "")
    if on and on[short] then on[short](ws, event) end
    if gc_stress then collectgarbage() end
  end)
  return events
end

--- Turn the loop until it is empty, and see that it is.
function M.run()
  luassert.is_true(WebSockets.run())
  luassert.is_false(core.is_alive())
end

--- How many attempts began and how many closes came, over all conversations: they must be equal.
function M.talk(uri, options, on)
  local ws = WebSockets.new()
  local events = M.listen(ws, on)
  luassert.is_true(ws:connect(uri, options))
  M.run()
  luassert.equal("close", events.order:match("%a+$"), "the last event is the close")
  local _, closes = events.order:gsub("close", "")
  local _, opens = events.order:gsub("open", "")
  luassert.equal(1, closes, "one close for one connect")
  luassert.is_true(opens <= 1)
  return events, ws
end

--- The messages that come back for what `send` sends, up to `count`; then the client disconnects.
function M.echo(uri, options, count, send)
  local received = {}
  local events = M.talk(uri, options, {
    open = send,
    message = function(ws, event)
      received[#received + 1] = event.data
      if #received == count then ws:disconnect() end
    end,
  })
  return received, events
end

local function quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

--- Run a command; returns what it printed, on both streams, and its exit status.
function M.execute(...)
  local words = {}
  for i = 1, select("#", ...) do
    words[i] = quote((select(i, ...)))
  end
  local pipe = assert(io.popen("exec 2>&1; timeout 60 " .. table.concat(words, " ") .. "; echo \"status $?\""))
  local output = pipe:read("*a")
  pipe:close()
  local printed, status = output:match("^(.*)status (%d+)\n$")
  return printed, tonumber(status)
end

--- Write a script into a file that is removed when `with_file` returns.
local function with_file(text, run)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  local printed, status = run(name)
  os.remove(name)
  return printed, status
end

--- Run Lua text by a program of its own, luajit or another Lua, with changes to the environment.
function M.run_lua_with(environment, text, ...)
  local words = { "env" }
  for name, value in pairs(environment) do
    words[#words + 1] = name .. "=" .. value
  end
  words[#words + 1] = M.lua
  local arguments = { ... }
  return with_file(text, function(name)
    words[#words + 1] = name
    for _, argument in ipairs(arguments) do
      words[#words + 1] = argument
    end
    return M.execute(unpack(words))
  end)
end

--- The same without.
function M.run_lua(text, ...)
  return M.run_lua_with({}, text, ...)
end

--- Run Lua text by `uvws run`. The program brings its sanitizers itself.
function M.uvws_run(text, ...)
  local words = { ... }
  return with_file(text, function(name)
    return M.execute("env", "LUA_PATH=;;", "LUA_CPATH=;;", M.program, "run", name, unpack(words))
  end)
end

return M
