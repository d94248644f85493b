-- The plugin's documented example, "Simple Connect", with another address.
--
--   uvws run examples/simple.lua ws://127.0.0.1:9001/
--
-- `uvws run` turns the loop when the script has ended; under plain luajit a last line does it: WebSockets.run()

local WebSockets = require("plugin.websockets")

local ws = WebSockets.new()

local function WsHandler(event)
  if event.type == ws.ONOPEN then
    print('connected')
  elseif event.type == ws.ONMESSAGE then
    print('message', event.data)
  elseif event.type == ws.ONCLOSE then
    print('disconnected', event.code, event.reason)
  elseif event.type == ws.ONERROR then
    print('error', event.code, event.reason)
  end
end

ws:addEventListener(ws.WSEVENT, WsHandler)
ws:connect(arg[1] or 'ws://127.0.0.1:9001/')
