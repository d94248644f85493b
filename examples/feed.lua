-- A feed that comes back by itself when its server goes, until it has seen enough.
--
--   uvws run examples/feed.lua URI [MESSAGES]

local uvws = require("uvws")

local uri = arg[1] or "ws://127.0.0.1:9001/"
local wanted = tonumber(arg[2]) or 3

uvws.run(function()
  local ws, message = uvws.connect(uri, {
    reconnect = { delay_ms = 10, max_delay_ms = 1000, max_attempts = 20 },
    ping_interval_ms = 20000, -- a server that is silently gone is noticed
  })
  if not ws then
    io.stderr:write(message, "\n")
    os.exit(1, true)
  end
  ws:on_retry(function(attempt, delay_ms, why, code)
    print(("lost (%d %s), attempt %d in at most %d ms"):format(code, why, attempt, delay_ms))
  end)
  local seen = 0
  for news in ws:messages() do
    seen = seen + 1
    print(("news %d: %s"):format(seen, news))
    if seen == wanted then break end
  end
  print(("%d connections, %d messages"):format(ws.opens, ws.messages_in))
  ws:close()
end)
