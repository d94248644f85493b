-- Several clients on one loop: each counts to three with the echo server, all at the same time.
--
--   uvws run examples/several.lua [URI [CLIENTS]]

local WebSockets = require("plugin.websockets")

local uri = arg[1] or "ws://127.0.0.1:9001/"
local client_count = tonumber(arg[2]) or 3

local function start(name)
  local ws = WebSockets.new()

  -- A table can listen too: its method of the event's name is called.
  local counter = { count = 0 }

  function counter:next()
    self.count = self.count + 1
    if self.count > 3 then return ws:disconnect() end
    ws:send(("client %d says %d"):format(name, self.count))
  end

  counter[ws.WSEVENT] = function(self, event)
    if event.type == ws.ONOPEN then
      self:next()
    elseif event.type == ws.ONMESSAGE then
      print(event.data)
      self:next()
    elseif event.type == ws.ONERROR then
      print(("client %d failed: %s"):format(name, event.reason))
    elseif event.type == ws.ONCLOSE then
      print(("client %d is done: %d"):format(name, event.code))
    end
  end

  ws:addEventListener(ws.WSEVENT, counter)
  assert(ws:connect(uri))
end

for name = 1, client_count do
  start(name)
end

-- Nobody holds the clients here: the library does, until they are closed.
WebSockets.run()
