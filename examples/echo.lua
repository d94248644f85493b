-- Talks to an echo server and says what happened.
--
--   uvws run examples/echo.lua URI [CA-FILE]
--
-- With CA-FILE, a server whose certificate is signed by that one is trusted. Ends with status 1 when anything went
-- wrong.

local WebSockets = require("plugin.websockets")

local uri = arg[1] or "ws://127.0.0.1:9001/"
local messages = {
  { "Hello WebSocket server", WebSockets.TEXT },
  { "Grüße, 世界, 🌍", WebSockets.TEXT },
  { "\0\1\2\254\255", WebSockets.BINARY },
  { ("0123456789abcdef"):rep(16384), WebSockets.BINARY },
}

local function describe(data, is_binary)
  if #data > 60 then return ("%d bytes of %s"):format(#data, is_binary and "binary" or "text") end
  return is_binary and (data:gsub(".", function(c) return ("%02x "):format(c:byte()) end)) or data
end

local ws = WebSockets.new()
local answered = 0
local failed = false

local function send_next()
  local message = messages[answered + 1]
  if not message then return ws:disconnect(1000, "all said") end
  print("sent     " .. describe(message[1], message[2] == ws.BINARY))
  ws:send(message[1], message[2])
end

local on = {
  [ws.ONOPEN] = function()
    print("open     " .. uri)
    send_next()
  end,
  [ws.ONMESSAGE] = function(event)
    print("received " .. describe(event.data, event.isBinary))
    if event.data ~= messages[answered + 1][1] then
      print("         which is not what was sent")
      failed = true
    end
    answered = answered + 1
    send_next()
  end,
  [ws.ONERROR] = function(event)
    print(("error    %s: %s"):format(event.error, event.reason))
    failed = true
  end,
  [ws.ONCLOSE] = function(event)
    print(("closed   %d %s"):format(event.code, event.reason))
  end,
}

ws:addEventListener(ws.WSEVENT, function(event) on[event.type](event) end)

local ok, message = ws:connect(uri, { ca_file = arg[2] })
if not ok then
  io.stderr:write(message, "\n")
  os.exit(1, true)
end

WebSockets.run()
if failed or answered < #messages then os.exit(1, true) end
