-- Drives a headless Chromium over its DevTools socket: opens a page and asks for its title.
--
--   chromium --headless --remote-debugging-port=0 about:blank   # prints "DevTools listening on ws://..."
--   uvws run examples/devtools.lua ws://127.0.0.1:PORT/devtools/browser/ID

local uvws = require("uvws")

local uri = assert(arg[1], "the address that Chromium prints is missing")
local PAGE = "data:text/html,<title>hello from uvws</title>"

uvws.run(function()
  -- Chromium wants no Origin, and sends messages as large as a page.
  local ws = assert(uvws.connect(uri, { max_message_size = 256 * 1024 * 1024 }))
  local last_id = 0

  --- The answer as JSON text; events in between are passed over.
  local function call(method, params, session)
    last_id = last_id + 1
    local session_field = session and (',"sessionId":"%s"'):format(session) or ""
    assert(ws:send(('{"id":%d,"method":"%s","params":%s%s}'):format(last_id, method, params, session_field)))
    for answer in ws:messages() do
      if answer:match('^{"id":(%d+)') == tostring(last_id) then return answer end
    end
    error("the browser is gone: " .. tostring(ws.close_reason))
  end

  local version = call("Browser.getVersion", "{}")
  print("browser", version:match('"product":"([^"]*)"'))
  local target = call("Target.createTarget", ('{"url":"%s"}'):format(PAGE)):match('"targetId":"([^"]*)"')
  local session = call("Target.attachToTarget", ('{"targetId":"%s","flatten":true}'):format(target))
    :match('"sessionId":"([^"]*)"')
  local title
  for _ = 1, 100 do
    title = call("Runtime.evaluate", '{"expression":"document.title"}', session):match('"value":"([^"]*)"')
    if title and title ~= "" then break end
    uvws.sleep(20)
  end
  print("title", title)
  call("Browser.close", "{}")
  ws:close()
end)
